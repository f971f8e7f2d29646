# SPDX-License-Identifier: MIT
"""Where each tower's electricity and water went in a month: as published, or so far.

A `TowerPicture` adds up line by line: what came in is what its units, its common areas and the
meters below it took, and what is unaccounted, with how sure that is. What is not known is no
number: its line has none, and the picture says which meters are not known.

In: a society, a month. Out: pictures, as values. Never: a write, a translated sentence.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import Balance, Node, Share, Supply, Uncertainty
from cloud_ingest.core.balance_words import Excuse, excuse_of
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month
from cloud_ingest.entries.by_hand import entered_in
from cloud_ingest.errors import NotFound
from cloud_ingest.month.published_balances import (
    shown_balances,
    shown_day_balances,
    shown_society_balances,
)
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import closed_at
from cloud_ingest.store.number_words import last_entry
from cloud_ingest.store.ratings import limits_of
from cloud_ingest.usage.balances import TowerBalance, day_balances, month_balances
from cloud_ingest.usage.given_back import days_given_back, given_back_so_far
from cloud_ingest.usage.so_far import day_usage, month_usage
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service


class LineKind(StrEnum):
    """What a line of a picture is."""

    METER = "meter"
    """A way in, by a bulk meter."""
    BY_HAND = "by_hand"
    """A way in, as entered by hand."""
    OF_UNITS = "of_units"
    """A way in: what units' own panels gave, or what units gave back."""
    GIVEN_BACK = "given_back"
    """What went back by the way in before it."""
    CAME_IN = "came_in"
    """The sum of several ways in."""
    NO_BULK = "no_bulk"
    """There is no way in: no bulk meter."""
    UNITS = "units"
    COMMON = "common"
    NO_COMMON = "no_common"
    """There is no common meter."""
    SUB_BULK = "sub_bulk"
    """What passed a sub-bulk meter; the lines behind it, one deeper, say where that went."""
    PASSED_ON = "passed_on"
    """What passed on to another tower."""
    UNACCOUNTED = "unaccounted"
    IN_ALL = "in_all"
    """What all meters of a tree leave unaccounted."""


@dataclass(frozen=True, slots=True)
class Line:
    """What came in by one way, or went one way."""

    kind: LineKind
    quantity: Decimal | None = None
    """None: not known, or there is none."""
    name: str = ""
    """Of a way in its source; else the common area, the meter or the tower."""
    meter: str | None = None
    """Of a way in: the bulk meter; None: it came by none."""
    by: tuple[str, ...] = ()
    """Who entered it by hand."""
    depth: int = 0
    """Below how many sub-bulk meters."""
    known: int = 0
    """Of units: how many are known."""
    total: int = 0
    """Of units: how many there are."""
    uncertainty: Uncertainty | None = None
    """Of what is unaccounted."""
    unknown: tuple[str, ...] = ()
    """Of what is unaccounted and not known: the subjects whose meters are not known."""
    unknown_exports: tuple[str, ...] = ()
    """Those of them of which only what they gave back is not known."""


class Verdict(StrEnum):
    """What a balance comes to; the worst first."""

    CANNOT_SAY = "cannot_say"
    MORE_BELOW = "more_below"
    """More was counted below than above."""
    UNACCOUNTED = "unaccounted"
    NO_BULK = "no_bulk"


@dataclass(frozen=True, slots=True)
class TowerPicture:
    """Where the electricity or water of one tower went."""

    tower: str | None
    """None: the whole society."""
    service: Service
    unit: str
    verdict: Verdict
    excuse: Excuse | None
    """Why what is unaccounted may be nothing at all; None: it is something."""
    balance: Balance
    lines: tuple[Line, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The subjects of which more is not known than what they gave back."""
        found = self.balance
        return tuple(each for each in found.unknown if each not in found.unknown_exports)


@dataclass(frozen=True, slots=True)
class Towers:
    """The balances of a month, or of its days."""

    month: str
    zone: ZoneInfo
    closed_at: datetime | None
    """None: so far."""
    balances: Sequence[TowerBalance]
    is_by_day: bool
    counted_at: datetime

    def pictures(self) -> tuple[TowerPicture, ...]:
        """Return them as pictures, the worst first."""
        return tuple(sorted(map(pictured, self.balances), key=_badness))


def towers_of(
    conn: Connection,
    society_id: int,
    month: str,
    zone: ZoneInfo,
    now: datetime,
    *,
    window: timedelta,
    days: bool = False,
) -> Towers:
    """Return what was published of a closed month; of an open one what is known so far.

    Args:
        conn: The store.
        society_id: Whose towers.
        month: As people name it.
        zone: The society's.
        now: The time.
        window: How far from the 1st a dial closes a month.
        days: Of each day, and not of the month.

    Raises:
        CloseRefused: the month is none, or has not begun.
    """
    span = month_to_show(conn, society_id, month, zone, now)
    work = _of_days if days else _of_month
    balances = work(conn, society_id, span, zone, window)
    return Towers(str(span), zone, closed_at(conn, society_id, str(span)), balances, days, now)


def tower_days(
    conn: Connection,
    society_id: int,
    month: str,
    zone: ZoneInfo,
    now: datetime,
    *,
    window: timedelta,
    tower: str | None,
) -> Towers:
    """Return the balances of one tower on each day of a month; None: those of the society.

    Raises:
        CloseRefused: the month is none, or has not begun.
        NotFound: it has no balance there.
    """
    span = month_to_show(conn, society_id, month, zone, now)
    found = _of_days(conn, society_id, span, zone, window, tower=tower)
    own = [each for each in found if each.tower == tower]
    if not own:
        raise NotFound(f"there is no balance of {(tower or 'the society')[:60]!r} in {span}")
    at = closed_at(conn, society_id, str(span))
    return Towers(str(span), zone, at, own, is_by_day=True, counted_at=now)


def depends_on(conn: Connection, society_id: int, month: Month, zone: ZoneInfo) -> Hashable:
    """Return what changes whenever a person enters something, or a month is closed."""
    entered = tuple(entered_in(conn, society_id, month, zone))
    at = closed_at(conn, society_id, str(month))
    return society_id, str(month), last_entry(conn), at, entered


def _of_month(
    conn: Connection, society_id: int, span: Month, zone: ZoneInfo, window: timedelta
) -> list[TowerBalance]:
    entries = entered_in(conn, society_id, span, zone)
    published = shown_balances(conn, society_id, span)
    if published is None:
        so_far = month_usage(conn, society_id, span, self_read_window=window)
        given = given_back_so_far(conn, so_far)
        return month_balances(so_far, entries, limits_of(conn, society_id), given)
    return published + shown_society_balances(
        conn, society_id, span, zone, entries, self_read_window=window
    )


def _of_days(
    conn: Connection,
    society_id: int,
    span: Month,
    zone: ZoneInfo,
    window: timedelta,
    *,
    tower: str | None = None,
) -> list[TowerBalance]:
    entries = entered_in(conn, society_id, span, zone)
    shown = shown_day_balances(
        conn, society_id, span, zone, entries, tower=tower, self_read_window=window
    )
    if shown is not None:
        return shown
    usages = day_usage(conn, society_id, span, zone, tower=tower, self_read_window=window)
    given = given_back_so_far(conn, [usage.month for usage in usages])
    exports = days_given_back(conn, given, span, zone)
    return day_balances(usages, zone, entries, limits_of(conn, society_id), exports)


def pictured(found: TowerBalance) -> TowerPicture:
    """Return a balance as a picture; pure."""
    balance = found.balance
    if not balance.supplies:
        verdict = Verdict.NO_BULK
    elif balance.loss is None:
        verdict = Verdict.CANNOT_SAY
    else:
        verdict = Verdict.MORE_BELOW if balance.loss < 0 else Verdict.UNACCOUNTED
    return TowerPicture(
        found.tower,
        found.service,
        BILLING_UNITS[found.service],
        verdict,
        excuse_of(balance),
        balance,
        lines_of(balance),
    )


def _badness(found: TowerPicture) -> tuple[int, bool, Decimal, str, Service]:
    order = list(Verdict).index(found.verdict)
    share = found.balance.loss_percent or Decimal(0)
    return order, found.excuse is not None, -abs(share), found.tower or "", found.service


def lines_of(found: Balance) -> tuple[Line, ...]:
    """Return what came in and where it went, so that it adds up line by line; pure."""
    return (*_came_in(found), *_went(found))


def _came_in(found: Balance) -> Iterator[Line]:
    """Give the ways in, and their sum where there are several."""
    lines = [line for each in found.supplies for line in _way(each)]
    yield from lines
    if not lines:
        yield Line(LineKind.NO_BULK)
    elif len(lines) > 1:
        came = found.nodes[0].given if found.nodes else _whole(found.supplies)
        yield Line(LineKind.CAME_IN, came)


def _way(each: Supply) -> Iterator[Line]:
    kind = LineKind.METER
    if each.meter is None:
        kind = LineKind.BY_HAND if each.by else LineKind.OF_UNITS
    yield Line(kind, each.quantity, each.source, each.meter, each.by)
    if each.exported is None or each.exported:
        back = None if each.exported is None else each.exported.copy_negate()
        yield Line(LineKind.GIVEN_BACK, back, each.source, each.meter, each.by)


def _whole(supplies: Iterable[Supply]) -> Decimal | None:
    parts = [
        value
        for each in supplies
        for value in (
            each.quantity,
            None if each.exported is None else each.exported.copy_negate(),
        )
    ]
    with exactly():
        return None if None in parts else sum((p for p in parts if p is not None), Decimal(0))


def _went(found: Balance) -> Iterator[Line]:
    """Give where it went: with sub-bulk meters as the tree that they are."""
    if found.nodes:
        own, *below = found.nodes
        yield from _node(own, below, 0)
        yield _left(LineKind.IN_ALL, found.loss, found, 0)
        return
    if found.units_total:
        yield _units(found, 0)
    yield from _commons(found.commons, 0)
    if found.common is None and not found.passed_on:
        yield Line(LineKind.NO_COMMON)
    yield from (Line(LineKind.PASSED_ON, each.quantity, each.name) for each in found.passed_on)
    yield _left(LineKind.UNACCOUNTED, found.loss, found, 0)


def _node(node: Node, below: Sequence[Node], depth: int) -> Iterator[Line]:
    if node.units_total:
        yield _units(node, depth)
    yield from _commons(node.commons, depth)
    nested = {each.name: each for each in below if each.above == node.name}
    for share in node.passed:
        inner = nested.get(share.name)
        kind = LineKind.SUB_BULK if inner else LineKind.PASSED_ON
        yield Line(kind, share.quantity, share.name, depth=depth)
        if inner is not None and depth < len(below):
            yield from _node(inner, below, depth + 1)
    yield _left(LineKind.UNACCOUNTED, node.unaccounted, node, depth)


def _units(found: Balance | Node, depth: int) -> Line:
    known, total = found.units_known, found.units_total
    quantity = found.units if known else None
    return Line(LineKind.UNITS, quantity, depth=depth, known=known, total=total)


def _commons(commons: Iterable[Share], depth: int) -> Iterator[Line]:
    for each in commons:
        yield Line(LineKind.COMMON, each.quantity, each.name, depth=depth)


def _left(kind: LineKind, loss: Decimal | None, found: Balance | Node, depth: int) -> Line:
    return Line(
        kind,
        loss,
        depth=depth,
        uncertainty=found.uncertainty,
        unknown=found.unknown if loss is None else (),
        unknown_exports=found.unknown_exports if loss is None else (),
    )
