# SPDX-License-Identifier: MIT
"""Months counted for a preview, as closing would count them, but before any rollup has followed.

The days of the meter that is corrected are taken from its readings, all others from the rollups.
Only the subjects that the meter served are counted, and their towers where that is asked. A number
whose change is held stands.

In: the closed months around a correction, a meter. Out: numbers, balances, where months close.
Never: a write.

Raises: CloseRefused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from cloud_ingest.core.month import DAY, Month, day_of, midnight
from cloud_ingest.core.register import DayRegister
from cloud_ingest.entries.meter import billed_channels
from cloud_ingest.errors import CloseRefused
from cloud_ingest.month.boundaries import Closings, closings, standing_before
from cloud_ingest.month.closing import Closing, Foreseen, SubjectKey, by_subject
from cloud_ingest.month.count import Counted, count_assigned
from cloud_ingest.month.number import doubted_quantity, number_of
from cloud_ingest.month.past import daily_means
from cloud_ingest.month.published_parts import kind_of
from cloud_ingest.month.reconcile import reconciliations_of
from cloud_ingest.month.unread import with_unread
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.number_words import (
    NumberKey,
    accepted_quantities,
    number_words,
)
from cloud_ingest.store.published import PublishedMonth
from cloud_ingest.store.readings_read import Window, boundary_readings
from cloud_ingest.store.rollups_read import day_registers
from shared_schema.billing import ManifestEntry, MonthlyConsumption, Reconciliation, Withheld

Number = MonthlyConsumption | Withheld


@dataclass(frozen=True, slots=True)
class Books:
    """Whose months are looked at."""

    conn: Connection
    society_id: int
    meter: Assignment
    closing: Closing
    """Of any month: the rules, the zone and the time."""
    closed: Mapping[date, PublishedMonth]
    """The closed months, by their 1st."""

    def before(self, span: Month) -> Closings:
        """Return where the month before one is closed, or would be; nothing if it is open."""
        first = (span.first - DAY).replace(day=1)
        if first in self.closing.foreseen:
            return self.closing.foreseen[first].closes_at
        former = self.closed.get(first)
        return closings(() if former is None else former.numbers)

    def closed_as(self, span: Month, made: "Preview") -> "Books":
        """Return the same books after a month would be closed again."""
        former = self.closed[span.first]
        others = (each for each in former.numbers if key_of(each) not in made.numbers)
        withheld = {key_of(each) for each in former.withheld} - made.numbers.keys()
        withheld |= {key for key, each in made.numbers.items() if isinstance(each, Withheld)}
        told = Foreseen({**closings(others), **made.closes_at}, frozenset(withheld))
        foreseen = {**self.closing.foreseen, span.first: told}
        return replace(self, closing=replace(self.closing, foreseen=foreseen))

    def of(self, month: Month) -> Closing:
        """Return the closing of a month."""
        return replace(self.closing, span=month)


@dataclass(frozen=True, slots=True)
class Preview:
    """A month as it would be closed now."""

    numbers: Mapping[SubjectKey, Number]
    """Of the subjects that the meter served."""
    balances: Mapping[str, Reconciliation]
    """By tower."""
    closes_at: Closings


def key_of(number: Number | ManifestEntry) -> SubjectKey:
    """Return whose number it is."""
    return SubjectKey(kind_of(number.subject), number.subject.id, number.service)


def own_keys(books: Books, span: Month) -> set[SubjectKey]:
    """Return the subjects that the meter served in a month."""
    served = assignments_between(books.conn, books.society_id, span.start, span.end, checks="with")
    return {
        SubjectKey(each.subject_type, each.subject, each.service)
        for each in served
        if each.meter_id == books.meter.meter_id and each.service is books.meter.service
    }


def count_robustly(books: Books, span: Month, *, with_towers: bool) -> Preview:
    """Count a month; without its towers where a neighbour's month must be closed again first."""
    try:
        return count_preview(books, span, with_towers=with_towers)
    except CloseRefused:
        if not with_towers:
            raise
        return count_preview(books, span, with_towers=False)


def count_preview(books: Books, span: Month, *, with_towers: bool) -> Preview:
    """Count the subjects that the meter served, and their towers, as closing would.

    Args:
        books: Whose months are looked at.
        span: The month.
        with_towers: Count also the towers' other subjects.
    """
    own = own_keys(books, span)
    assigned, towers = _counted_for(books, span, own, with_towers=with_towers)
    closing = books.of(span)
    counted = count_assigned(
        books.conn,
        assigned,
        span,
        closing.zone,
        before=books.before(span),
        standing=standing_before(books.conn, books.society_id, span),
        past=daily_means(books.conn, books.society_id, span),
        self_read_window=closing.self_read_window,
        last_of_days=partial(_last_of_days, books),
    )
    subjects = with_unread(books.conn, closing, by_subject(counted))
    numbers = _numbers(books, closing, {key: subjects[key] for key in own if key in subjects})
    proved = [each for each in numbers.values() if isinstance(each, MonthlyConsumption)]
    balances: list[Reconciliation] = []
    if with_towers:
        balances = reconciliations_of(closing, subjects, _standing(books, span, own))
    of_towers = {each.tower: each for each in balances if each.tower in towers}
    return Preview(numbers, of_towers, closings(proved))


def _counted_for(
    books: Books, span: Month, own: Collection[SubjectKey], *, with_towers: bool
) -> tuple[list[Assignment], set[str | None]]:
    """Return the assignments that are counted, and the towers in which the meter hung."""
    every = [
        each
        for each in assignments_between(books.conn, books.society_id, span.start, span.end)
        if each.service is books.meter.service
    ]
    towers = {each.tower for each in every if each.meter_id == books.meter.meter_id} - {None}
    wanted = {
        key
        for each in every
        for key in (SubjectKey(each.subject_type, each.subject, each.service),)
        if key in own or (with_towers and each.tower in towers)
    }
    assigned = [
        each
        for each in every
        if SubjectKey(each.subject_type, each.subject, each.service) in wanted
    ]
    return assigned, towers


def _numbers(
    books: Books, closing: Closing, subjects: Mapping[SubjectKey, Sequence[Counted]]
) -> dict[SubjectKey, Number]:
    """Return the numbers that subjects would get; a bulk meter has none."""
    accepted = accepted_quantities(number_words(books.conn, books.society_id, closing.month))
    return {
        key: number_of(
            closing,
            key,
            parts,
            is_accepted=doubted_quantity(parts) in accepted.get(NumberKey(*key), ()),
        )
        for key, parts in subjects.items()
        if key.kind != "bulk"
    }


def _standing(
    books: Books, span: Month, own: Collection[SubjectKey]
) -> dict[SubjectKey, MonthlyConsumption | None]:
    """Return the numbers that stand although their meters counted something else."""
    closed = books.closed.get(span.first)
    if closed is None:
        return {}
    held = {(each.subject, each.service) for each in closed.held}
    return {
        key_of(number): number
        for number in closed.numbers
        if (number.subject, number.service) in held and key_of(number) not in own
    }


def _last_of_days(
    books: Books, conn: Connection, exponents: dict[int, int], first: date, last: date
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
