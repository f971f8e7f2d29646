# SPDX-License-Identifier: MIT
"""What corrected a number: the act of a person that explains why its newest version differs.

Between two versions persons may have entered many things of a number's meters. An acceptance of the
very quantity comes first, then what was entered of a border that moved, then what was entered of
the subject itself, then of its meters. Of several the newest counts. Without one it was late data.

In: a month of a society. Out: for each number that was sent more than once, what corrected it.
Never: a write.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.month import Month
from cloud_ingest.month.heard import Meter, bears_on, meters_of
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.months import KeptNumber, KeptWithdrawal, Replaced
from cloud_ingest.store.number_words import Act, NumberKey, NumberWord, acts, number_words
from shared_schema.billing import BoundaryReading, MonthlyConsumption, MonthlyWithdrawal
from shared_schema.catalogue import Service

Newest = KeptNumber | KeptWithdrawal


@dataclass(frozen=True, slots=True)
class Cause:
    """What a version took the place of, and who asked for it."""

    of_version: int
    what: str
    """What was entered or said: ``self-read``, ``epoch``, ``number accepted``."""
    by: str | None
    """None: nobody; it was late data."""
    reason: str | None
    at: datetime
    """When it was entered; of late data when the month was closed."""


def causes_of(conn: Connection, society_id: int, span: Month) -> dict[NumberKey, Cause]:
    """Return what each number that was sent more than once was corrected by."""
    month = str(span)
    former = months.replaced(conn, society_id, month)
    if not former:
        return {}
    newest = _newest(conn, society_id, month)
    since = min(each.heard for each in former)
    entered = [act for act in acts(conn, society_id, since) if bears_on(act, span.start, span.end)]
    words = number_words(conn, society_id, month)
    found: dict[NumberKey, Cause] = {}
    for each in former:
        key = NumberKey(each.subject_type, each.subject, Service(each.service))
        own = [word for word in words if word.key == key]
        found[key] = cause_of(key, each, newest[key], entered, own)
    return found


def _newest(conn: Connection, society_id: int, month: str) -> dict[NumberKey, Newest]:
    """Return the message of each number that was sent last."""
    sent: list[Newest] = [
        *months.numbers(conn, society_id, month),
        *months.withdrawals(conn, society_id, month),
    ]
    found: dict[NumberKey, Newest] = {}
    for each in sorted(sent, key=lambda one: _message(one).version):
        told = _message(each)
        found[NumberKey(told.subject.type.value, told.subject.id, told.service)] = each
    return found


def _message(sent: Newest) -> MonthlyConsumption | MonthlyWithdrawal:
    return sent.number if isinstance(sent, KeptNumber) else sent.withdrawal


def cause_of(
    key: NumberKey,
    former: Replaced,
    newest: Newest,
    entered: Iterable[Act],
    said: Iterable[NumberWord],
) -> Cause:
    """Return what explains that a version took the place of another; pure."""
    now = newest.number if isinstance(newest, KeptNumber) else None
    quantity = None if now is None else now.quantity
    version = former.version
    for word in said:
        is_between = former.heard < word.entry_order <= newest.heard
        if word.kind == "accept" and word.quantity == quantity and is_between:
            accepted = word.author, word.reason, word.recorded_at
            return Cause(version, "number accepted", *accepted)
    meters = frozenset[Meter]().union(
        *(meters_of(each) for each in (former.number, now) if each is not None)
    )
    moved = _moved(former.number, now)
    known = [
        act
        for act in entered
        if (act.manufacturer, act.serial) in meters
        and former.heard < act.entry_order <= newest.heard
        and (act.subject is None or (act.subject_type, act.subject) == key[:2])
    ]
    if not known:
        return Cause(version, "late data", None, None, _message(newest).closed_at)
    act = max(known, key=lambda each: (_nearness(each, moved), each.entry_order))
    return Cause(version, act.what, act.author, act.reason, act.recorded_at)


def _nearness(act: Act, moved: frozenset[datetime]) -> int:
    """Say how closely an act touches what changed: a border, the subject, or only a meter."""
    if act.subject is None and act.first_at in moved:
        return 2
    return 0 if act.subject is None else 1


def _moved(
    former: MonthlyConsumption | None, now: MonthlyConsumption | None
) -> frozenset[datetime]:
    """Return the times of the borders that only one of two versions has."""
    stood, stands = set(_borders(former)), set(_borders(now))
    return frozenset(border.at for _, border in stood ^ stands)


def _borders(number: MonthlyConsumption | None) -> Iterator[tuple[Meter, BoundaryReading]]:
    for part in () if number is None else number.parts:
        meter = (part.meter.manufacturer, part.meter.serial)
        yield meter, part.opening
        yield meter, part.closing
