# SPDX-License-Identifier: MIT
"""A correction of a reading: what it changes in months and towers, shown before it is applied.

The word on the reading is stored and its register is judged, in one transaction. Then the months
around it are counted as closing would count them, but without a look at the rollups: they have not
followed yet. If the correction is only shown, the transaction is rolled back.

A closed month is compared with what was published: the difference is what closing it again sends,
with its version. An open month is compared with what it counted before. A closed month opens where
the one before it will close.

In: a named reading and a word. Out: what is elected before and after, the months and balances that
change. Never: a month that is closed, a refresh of a rollup.

Raises: ReadingRefused, SelfReadRefused, CloseRefused, NotFound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.month import DAY, Month, day_of, midnight, month_of, next_month
from cloud_ingest.core.register import DayRegister
from cloud_ingest.entries.meter import billed_channels
from cloud_ingest.entries.readings import NamedReading, Ruled, Word, find_served, rule_on_reading
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.boundaries import Closings, closings, closings_before
from cloud_ingest.month.closing import Closing, SubjectKey, by_subject, says_the_same
from cloud_ingest.month.count import count_assigned
from cloud_ingest.month.number import number_of
from cloud_ingest.month.reconcile import reconciliations_of
from cloud_ingest.month.unread import with_unread
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store import months
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_read import Window, boundary_readings
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rollups_read import day_registers
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption, Reconciliation, Withheld
from shared_schema.catalogue import Service

Number = MonthlyConsumption | Withheld


@dataclass(frozen=True, slots=True)
class ChangedMonth:
    """A number that differs after a correction."""

    month: str
    subject: str
    unit: str
    before: Number | None
    """Of a closed month what was published; None: nothing is known."""
    after: Number | None
    version: int | None
    """What closing again sends; None: the month is open, or its number is withheld."""
    is_closed: bool


@dataclass(frozen=True, slots=True)
class ChangedBalance:
    """The reconciliation of a tower in a closed month that differs after a correction."""

    month: str
    tower: str
    service: Service
    unit: str
    before: Decimal | None
    """The loss; None: not known."""
    after: Decimal | None


@dataclass(frozen=True, slots=True)
class Correction:
    """What a word on a reading changes."""

    ruled: Ruled
    is_applied: bool
    months: tuple[ChangedMonth, ...]
    balances: tuple[ChangedBalance, ...]

    @property
    def close_again(self) -> tuple[str, ...]:
        """The closed months that it touches."""
        closed = {each.month for each in self.months if each.is_closed}
        return tuple(sorted(closed | {each.month for each in self.balances}))


@dataclass(frozen=True, slots=True)
class _Books:
    """Whose months are looked at."""

    conn: Connection
    society_id: int
    meter: Assignment
    closing: Closing
    """Of any month: the rules, the zone and the time."""

    def of(self, month: Month) -> Closing:
        """Return the closing of a month."""
        return replace(self.closing, span=month)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A month as it would be closed now."""

    numbers: Mapping[SubjectKey, Number]
    """Of the subjects that the meter served."""
    balances: Mapping[str, Reconciliation]
    """By tower."""
    closes_at: Closings


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
        estimates: What becomes of a month whose border was not read.

    Raises:
        ReadingRefused: no such reading, several, or nothing would change.
        SelfReadRefused: no such meter.
        CloseRefused: a month before has changed since it was closed.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    served = find_served(conn, society_id, named)
    spans = [
        month_of(first.year, first.month, store.zone)
        for first in _firsts(day_of(named.at, store.zone))
        if midnight(first, store.zone) < now
        and (store.kept_from is None or midnight(first, store.zone) > store.kept_from)
    ]
    if not spans:
        spans = [month_of(named.at.year, named.at.month, store.zone)]
    closing = Closing(
        society_id,
        society,
        spans[0],
        store.zone,
        now,
        self_read_window,
        lambda _text: None,
        estimates=estimates,
    )
    books = _Books(conn, society_id, served, closing)
    with conn.transaction(force_rollback=not apply):
        lock_in_transaction(conn, Lock.ELECTION)
        former = {span.first: _open_numbers(books, span) for span in spans}
        ruled = rule_on_reading(conn, society, named, word, now)
        changed, balances = _changes(books, spans, former)
    return Correction(ruled, apply, tuple(changed), tuple(balances))


def _firsts(day: date) -> list[date]:
    """Return the months that a reading of a day may change; pure."""
    first = (day.replace(day=1) - DAY).replace(day=1)
    found = [first]
    for _ in range(3):
        found.append(next_month(found[-1]))
    return found


def _open_numbers(books: _Books, span: Month) -> Mapping[SubjectKey, Number]:
    """Return what an open month counts now; nothing of a closed one, which is published."""
    if months.manifest(books.conn, books.society_id, str(span)) is not None:
        return {}
    try:
        before = closings_before(books.conn, books.society_id, span)
        return _count(books, span, before, with_towers=False).numbers
    except CloseRefused:  # the month before has changed since it was closed
        return {}


def _changes(
    books: _Books, spans: Sequence[Month], former: Mapping[date, Mapping[SubjectKey, Number]]
) -> tuple[list[ChangedMonth], list[ChangedBalance]]:
    conn, society_id = books.conn, books.society_id
    changed: list[ChangedMonth] = []
    balances: list[ChangedBalance] = []
    opens_at: Closings = {}
    floor = months.version_floor(conn)
    for span in spans:
        is_closed = months.manifest(conn, society_id, str(span)) is not None
        before = {**closings_before(conn, society_id, span), **opens_at}
        counted = _count_robustly(books, span, before, with_towers=is_closed)
        opens_at = counted.closes_at if is_closed else {}
        published = _published(books, span) if is_closed else former[span.first]
        last = {
            (kept.number.subject.id, kept.number.subject.type.value): kept.number.version
            for kept in months.numbers(conn, society_id, str(span))
            if kept.number.service is books.meter.service
        }
        for key in sorted(published.keys() | counted.numbers.keys()):
            was, will = published.get(key), counted.numbers.get(key)
            if _is_same(was, will):
                continue
            version = max(last.get((key.label, key.kind), 0) + 1, floor)
            is_number = is_closed and isinstance(will, MonthlyConsumption)
            changed.append(
                ChangedMonth(
                    str(span),
                    key.label,
                    BILLING_UNITS[key.service],
                    was,
                    will,
                    version if is_number else None,
                    is_closed,
                )
            )
        if is_closed:
            balances += _changed_balances(books, span, counted)
    return changed, balances


def _is_same(was: Number | None, will: Number | None) -> bool:
    if isinstance(was, MonthlyConsumption) and isinstance(will, MonthlyConsumption):
        return says_the_same(was, will)
    return was == will


def _published(books: _Books, span: Month) -> dict[SubjectKey, Number]:
    """Return what a closed month says of the subjects that the meter served."""
    conn, society_id = books.conn, books.society_id
    manifest = months.manifest(conn, society_id, str(span))
    withheld: Sequence[Number] = () if manifest is None else manifest.withheld
    every: list[Number] = [*months.current(conn, society_id, str(span)), *withheld]
    own = {(key.kind, key.label) for key in _own_keys(books, span)}
    return {
        SubjectKey("unit" if kind == "unit" else "common", each.subject.id, each.service): each
        for each in every
        for kind in (each.subject.type.value,)
        if each.service is books.meter.service and (kind, each.subject.id) in own
    }


def _own_keys(books: _Books, span: Month) -> set[SubjectKey]:
    served = assignments_between(books.conn, books.society_id, span.start, span.end)
    return {
        SubjectKey(each.subject_type, each.subject, each.service)
        for each in served
        if each.meter_id == books.meter.meter_id and each.service is books.meter.service
    }


def _changed_balances(books: _Books, span: Month, counted: _Counted) -> list[ChangedBalance]:
    former = {
        each.tower: each
        for each in months.reconciliations(books.conn, books.society_id, str(span))
        if each.service is books.meter.service
    }
    return [
        ChangedBalance(
            str(span),
            tower,
            each.service,
            each.unit,
            former[tower].loss if tower in former else None,
            each.loss,
        )
        for tower, each in sorted(counted.balances.items())
        if tower not in former or not says_the_same(former[tower], each)
    ]


def _count_robustly(books: _Books, span: Month, before: Closings, *, with_towers: bool) -> _Counted:
    """Count a month; without its towers where a neighbour's month must be closed again first."""
    try:
        return _count(books, span, before, with_towers=with_towers)
    except CloseRefused:
        if not with_towers:
            raise
        return _count(books, span, before, with_towers=False)


def _count(books: _Books, span: Month, before: Closings, *, with_towers: bool) -> _Counted:
    """Count the subjects that the meter served, and their towers, as closing would."""
    own = _own_keys(books, span)
    every = [
        each
        for each in assignments_between(books.conn, books.society_id, span.start, span.end)
        if each.service is books.meter.service
    ]
    towers = {each.tower for each in every if each.meter_id == books.meter.meter_id} - {None}
    wanted = own | {
        SubjectKey(each.subject_type, each.subject, each.service)
        for each in every
        if with_towers and each.tower in towers
    }
    assigned = [
        each
        for each in every
        if SubjectKey(each.subject_type, each.subject, each.service) in wanted
    ]
    closing = books.of(span)
    counted = count_assigned(
        books.conn,
        assigned,
        span,
        closing.zone,
        before=before,
        self_read_window=closing.self_read_window,
        last_of_days=partial(_last_of_days, books),
    )
    subjects = with_unread(books.conn, closing, by_subject(counted))
    numbers = {
        key: number_of(closing, key, subjects[key])
        for key in own
        if key in subjects and key.kind != "bulk"
    }
    proved = [each for each in numbers.values() if isinstance(each, MonthlyConsumption)]
    balances = {
        each.tower: each
        for each in (reconciliations_of(closing, subjects) if with_towers else ())
        if each.tower in towers
    }
    return _Counted(numbers, balances, closings(proved))


def _last_of_days(
    books: _Books, conn: Connection, exponents: dict[int, int], first: date, last: date
) -> dict[int, list[DayRegister]]:
    """Return the last register of each day; of the meter itself as its readings say now."""
    found = day_registers(conn, exponents, first, last)
    meters = _channels_of(conn, books.meter)
    own = {channel_id: e for channel_id, e in exponents.items() if channel_id in meters}
    zone = books.closing.zone
    days = [first + n * DAY for n in range((last - first).days + 1)]
    windows = [
        Window(
            channel_id, midnight(day, zone) + timedelta(microseconds=1), midnight(day + DAY, zone)
        )
        for channel_id in own
        for day in days
    ]
    if not windows:
        return found
    read = boundary_readings(conn, last_in=windows, first_in=(), by_hand_in=(), exponents=own)
    for channel_id in own:
        found[channel_id] = [
            DayRegister(channel_id, day_of(each.ts, zone), each.ts, each.raw, each.exponent)
            for each in sorted(read.get(channel_id, ()), key=lambda each: each.ts)
        ]
    return found


def _channels_of(conn: Connection, meter: Assignment) -> set[int]:
    return {each.channel_id for each in billed_channels(conn, meter.meter_id, meter.service)}
