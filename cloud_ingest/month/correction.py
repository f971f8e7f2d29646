# SPDX-License-Identifier: MIT
"""A correction of a reading: what it changes in months and towers, shown before it is applied.

The word on the reading is stored and its register is judged, in one transaction. Then the months
around it are counted for the meter's own subjects and towers, to find those that change. These are
closed again, with all that follows, and that is taken back (`month.closed_again`): what is shown is
what closing them sends, with its versions. If the correction is only shown, all is rolled back.

An open month is compared with what it counted before, and opens where the one before it will close.

In: a named reading and a word. Out: what is elected before and after, the months and balances that
change. Never: a month that stays closed by it.

Raises: ReadingRefused, SelfReadRefused, CloseRefused, NotFound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.door import USUAL_LIMITS, Limits
from cloud_ingest.core.month import Month, day_of, midnight, month_of, next_month, previous_month
from cloud_ingest.entries.named_reading import NamedReading, Word, find_served
from cloud_ingest.entries.readings import Ruled, rule_on_reading
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.closed_again import (
    ChangedBalance,
    ChangedMonth,
    ClosedAgain,
    closed_again,
    is_same,
)
from cloud_ingest.month.closing import Closing, SubjectKey, key_of, quiet, says_the_same
from cloud_ingest.month.preview import (
    MeterMonths,
    Number,
    Preview,
    count_own,
    count_with_towers,
    own_keys,
)
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection, snapshot, translating
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.published import PublishedMonth, published_month
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption


@dataclass(frozen=True, slots=True)
class Correction:
    """What a word on a reading changes."""

    ruled: Ruled
    is_applied: bool
    months: tuple[ChangedMonth, ...]
    balances: tuple[ChangedBalance, ...]
    refused: str | None = None
    """Why closing again would be refused."""

    @property
    def close_again(self) -> tuple[str, ...]:
        """The closed months that it touches."""
        closed = {each.month for each in self.months if each.is_closed}
        return tuple(sorted(closed | {each.month for each in self.balances}))


@translating
def correct_reading(
    conn: Connection,
    society: str,
    named: NamedReading,
    word: Word,
    now: datetime,
    *,
    apply: bool,
    self_read_window: timedelta = SELF_READ_WINDOW,
    limits: Limits = USUAL_LIMITS,
    estimates: EstimatesRule = "shown",
) -> Correction:
    """Show what a word on a reading changes, and apply it where that is asked.

    Args:
        conn: The store, outside of a transaction.
        society: Its name.
        named: Which reading.
        word: What is said of it, by whom and why.
        now: The time.
        apply: Keep it; else everything is rolled back.
        self_read_window: How far from a border a self-read may stand for it.
        limits: How far a published number may move by itself.
        estimates: What becomes of a month whose border was not read.

    Raises:
        ReadingRefused: no such reading, several, or nothing would change.
        SelfReadRefused: no such meter.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    served = find_served(conn, society_id, named)
    spans = _spans(named.at, store, now)
    closing = Closing(
        society_id, society, spans[0], store.zone, now, self_read_window, quiet, limits, estimates
    )
    with advisory_lock(conn, Lock.CLOSING):
        refresh(conn, now)
        with advisory_lock(conn, Lock.ELECTION), snapshot(conn, keep=apply):
            closed = _closed_months(conn, society_id, spans)
            scope = MeterMonths(conn, served, closing, closed)
            former = {span.first: _open_numbers(scope, span) for span in spans}
            ruled = rule_on_reading(conn, society, named, word, now)
            done = _changes(scope, spans, former)
    return Correction(ruled, apply, done.months, done.balances, done.refused)


def _spans(at: datetime, store: Store, now: datetime) -> list[Month]:
    """Return the months that a reading may change: begun, and with readings that are kept; pure."""
    firsts = [previous_month(day_of(at, store.zone))]
    for _ in range(3):
        firsts.append(next_month(firsts[-1]))
    spans = [
        month_of(first.year, first.month, store.zone)
        for first in firsts
        if midnight(first, store.zone) < now
        and (store.kept_from is None or midnight(first, store.zone) > store.kept_from)
    ]
    return spans or [month_of(at.year, at.month, store.zone)]


def _closed_months(
    conn: Connection, society_id: int, spans: Sequence[Month]
) -> dict[date, PublishedMonth]:
    """Return the closed ones of some months, and of the month before them, by their 1st."""
    firsts = [previous_month(spans[0].first), *(span.first for span in spans)]
    found = ((first, published_month(conn, society_id, f"{first:%Y-%m}")) for first in firsts)
    return {first: month for first, month in found if month is not None}


def _open_numbers(scope: MeterMonths, span: Month) -> Mapping[SubjectKey, Number]:
    """Return what an open month counts now; nothing of a closed one, which is published."""
    if span.first in scope.closed:
        return {}
    try:
        return count_own(scope, span)
    except CloseRefused:  # the month before has changed since it was closed
        return {}


def _changes(
    scope: MeterMonths, spans: Sequence[Month], former: Mapping[date, Mapping[SubjectKey, Number]]
) -> ClosedAgain:
    """Return what closing again sends, and what open months count then."""
    closed = [span for span in spans if span.first in scope.closed]
    counted: list[ChangedMonth] = []

    def look() -> None:
        for span in spans:
            if span not in closed:
                counted.extend(_open_changes(scope, span, former[span.first]))

    done = closed_again(scope.conn, scope.closing, closed, partial(_changes_in, scope), look)
    changed = sorted([*done.months, *counted], key=lambda each: (each.month, each.subject))
    return replace(done, months=tuple(changed))


def _open_changes(
    scope: MeterMonths, span: Month, former: Mapping[SubjectKey, Number]
) -> Iterator[ChangedMonth]:
    try:
        counted = count_own(scope, span)
    except CloseRefused:  # the month before has changed since it was closed
        return
    for key in sorted(former.keys() | counted.keys()):
        was, will = former.get(key), counted.get(key)
        if not is_same(was, will):
            unit = BILLING_UNITS[key.service]
            yield ChangedMonth(str(span), key.label, unit, was, will, None, is_closed=False)


def _changes_in(scope: MeterMonths, span: Month) -> bool:
    """Say whether the meter's own subjects or towers change in a closed month."""
    try:
        counted = count_with_towers(scope, span)
    except CloseRefused:  # closing it again says why
        return True
    published = _published(scope, span)
    keys = published.keys() | counted.numbers.keys()
    return any(
        not is_same(published.get(key), counted.numbers.get(key)) for key in keys
    ) or _has_changed_balances(scope, span, counted)


def _published(scope: MeterMonths, span: Month) -> dict[SubjectKey, Number]:
    """Return what a closed month says of the subjects that the meter served or was charged to."""
    closed = scope.closed[span.first]
    own = own_keys(scope, span)
    meter = scope.meter.meter
    every: list[Number] = [*closed.numbers, *closed.withheld]
    return {
        key: each
        for each in every
        for key in (key_of(each),)
        if key.service is scope.meter.service
        and (
            key in own
            or (
                isinstance(each, MonthlyConsumption)
                and any(part.meter == meter for part in each.parts)
            )
        )
    }


def _has_changed_balances(scope: MeterMonths, span: Month, counted: Preview) -> bool:
    former = {
        each.tower: each
        for each in months.reconciliations(scope.conn, scope.society_id, str(span))
        if each.service is scope.meter.service
    }
    return any(
        tower not in former or not says_the_same(former[tower], each)
        for tower, each in counted.balances.items()
    )
