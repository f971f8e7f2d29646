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

from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.month import DAY, Month, day_of, midnight, month_of, next_month
from cloud_ingest.entries.named_reading import NamedReading, Word, find_served
from cloud_ingest.entries.readings import Ruled, rule_on_reading
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.closing import Closing, SubjectKey, says_the_same
from cloud_ingest.month.preview import (
    Books,
    Number,
    Preview,
    count_preview,
    count_robustly,
    key_of,
    own_keys,
)
from cloud_ingest.settings import EstimatesRule
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.published import PublishedMonth, published_month
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.catalogue import Service


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
    """Of what closing again sends; None: it sends nothing of it, or the month is open."""
    is_closed: bool

    @property
    def is_taken_back(self) -> bool:
        """Say whether closing again withdraws a number that was published."""
        stood, stands = (isinstance(each, MonthlyConsumption) for each in (self.before, self.after))
        return self.is_closed and stood and not stands


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
    spans = _spans(named.at, store, now)
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
    with conn.transaction(force_rollback=not apply):
        lock_in_transaction(conn, Lock.ELECTION)
        books = Books(conn, society_id, served, closing, _closed_months(conn, society_id, spans))
        former = {span.first: _open_numbers(books, span) for span in spans}
        ruled = rule_on_reading(conn, society, named, word, now)
        changed, balances = _changes(books, spans, former)
    return Correction(ruled, apply, tuple(changed), tuple(balances))


def _spans(at: datetime, store: Store, now: datetime) -> list[Month]:
    """Return the months that a reading may change: begun, and with readings that are kept; pure."""
    firsts = [(day_of(at, store.zone).replace(day=1) - DAY).replace(day=1)]
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
    firsts = [(spans[0].first - DAY).replace(day=1), *(span.first for span in spans)]
    found = ((first, published_month(conn, society_id, f"{first:%Y-%m}")) for first in firsts)
    return {first: month for first, month in found if month is not None}


def _open_numbers(books: Books, span: Month) -> Mapping[SubjectKey, Number]:
    """Return what an open month counts now; nothing of a closed one, which is published."""
    if span.first in books.closed:
        return {}
    try:
        return count_preview(books, span, with_towers=False).numbers
    except CloseRefused:  # the month before has changed since it was closed
        return {}


def _changes(
    books: Books, spans: Sequence[Month], former: Mapping[date, Mapping[SubjectKey, Number]]
) -> tuple[list[ChangedMonth], list[ChangedBalance]]:
    conn, society_id = books.conn, books.society_id
    changed: list[ChangedMonth] = []
    balances: list[ChangedBalance] = []
    floor = months.version_floor(conn)
    for span in spans:
        is_closed = span.first in books.closed
        counted = count_robustly(books, span, with_towers=is_closed)
        published = _published(books, span) if is_closed else former[span.first]
        last = months.last_versions(conn, society_id, str(span)) if is_closed else {}
        for key in sorted(published.keys() | counted.numbers.keys()):
            was, will = published.get(key), counted.numbers.get(key)
            if _is_same(was, will):
                continue
            change = ChangedMonth(
                str(span), key.label, BILLING_UNITS[key.service], was, will, None, is_closed
            )
            is_number = is_closed and isinstance(will, MonthlyConsumption)
            if is_number or change.is_taken_back:
                version = max(last.get((key.kind, key.label, key.service), 0) + 1, floor)
                change = replace(change, version=version)
            changed.append(change)
        if is_closed:
            balances += _changed_balances(books, span, counted)
            books = books.closed_as(span, counted)
    return changed, balances


def _is_same(was: Number | None, will: Number | None) -> bool:
    if isinstance(was, MonthlyConsumption) and isinstance(will, MonthlyConsumption):
        return says_the_same(was, will)
    return was == will


def _published(books: Books, span: Month) -> dict[SubjectKey, Number]:
    """Return what a closed month says of the subjects that the meter served or was charged to."""
    closed = books.closed[span.first]
    own = own_keys(books, span)
    meter = books.meter.meter
    every: list[Number] = [*closed.numbers, *closed.withheld]
    return {
        key: each
        for each in every
        for key in (key_of(each),)
        if key.service is books.meter.service
        and (
            key in own
            or (
                isinstance(each, MonthlyConsumption)
                and any(part.meter == meter for part in each.parts)
            )
        )
    }


def _changed_balances(books: Books, span: Month, counted: Preview) -> list[ChangedBalance]:
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
