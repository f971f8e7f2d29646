# SPDX-License-Identifier: MIT
"""What is known of meters beside the registers on the sides of a gap: days, intervals, neighbours.

The days around a gap come from the rollups, the intervals in it from the readings, what a check
meter counted meanwhile from its register (`month.check_meter`). What other units used meanwhile is
asked for only where the meter itself tells too little.

In: the store, within one snapshot; gaps. Out: evidence for `core.estimate`. Never: a write.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.gap import Gap
from cloud_ingest.core.month import DAY, MICROSECOND, day_of, midnight, next_month
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.register import DayRegister, Epochs, normalised, tolerance_of
from cloud_ingest.core.use_pattern import WEEKS_BEFORE, Evidence
from cloud_ingest.month.boundaries import PROFILE, month_channels
from cloud_ingest.month.check_meter import checked_use
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.channels import Channel
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.readings_read import Window, interval_sums
from cloud_ingest.store.rollups_read import day_registers
from shared_schema.catalogue import BILLED_REGISTER

MOST_OTHERS: Final = 200
"""So many other units stand for the society."""
LONGEST_SHAPE: Final = timedelta(days=62)
"""No longer gap is shaped by what others used."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap of a meter with the borders in it."""

    meter: Assignment
    gap: Gap
    borders: tuple[datetime, ...]

    @property
    def start(self) -> datetime:
        """Where it begins, or its first border."""
        return self.borders[0] if self.gap.before is None else self.gap.before.at

    @property
    def end(self) -> datetime:
        """Where it ends, or its last border."""
        return self.borders[-1] if self.gap.after is None else self.gap.after.at


@dataclass(frozen=True, slots=True)
class Meters:
    """What is read of: one society's meters, within one snapshot."""

    conn: Connection
    society_id: int
    zone: ZoneInfo
    until: datetime
    """Later readings are not looked at."""
    exponents: Mapping[int, int]
    """Of their billed channels."""
    channels: Mapping[int, Sequence[Channel]]
    """The billed channels of each meter."""
    epochs: Epochs

    def own(self, meter_id: int) -> Sequence[Channel]:
        """Return the billed channels of a meter."""
        return self.channels.get(meter_id, ())


def meters_of(
    conn: Connection,
    society_id: int,
    assigned: Collection[Assignment],
    *,
    zone: ZoneInfo,
    until: datetime,
) -> Meters:
    """Return meters with what is needed to read their registers.

    Args:
        conn: The store.
        society_id: Whose meters they are.
        assigned: Assignments of them.
        zone: The society's.
        until: The time; later readings are not looked at.
    """
    billed = month_channels(conn, list(assigned), BILLED_REGISTER)
    channels: dict[int, list[Channel]] = {}
    for each in billed.channels:
        channels.setdefault(each.meter_id, []).append(each)
    epochs = epochs_of(conn, billed.exponents.keys())
    return Meters(conn, society_id, zone, until, billed.exponents, channels, epochs)


def own_evidence(meters: Meters, holes: Sequence[Hole]) -> list[Evidence]:
    """Return what each gap's meter tells: days around the gap, intervals in it, its check meter."""
    if not holes:
        return []
    first, last = _around(meters, holes)
    days = day_registers(meters.conn, dict(meters.exponents), first, last)
    intervals = _intervals(meters, holes)
    moments: dict[int, set[datetime]] = {}
    for hole in holes:
        moments.setdefault(hole.meter.meter_id, set()).update({hole.start, *hole.borders, hole.end})
    checked = checked_use(meters.conn, moments)
    return [
        Evidence(
            zone=meters.zone,
            own_days=_good_days(meters, hole.meter.meter_id, days),
            intervals=intervals.get(hole.meter.meter_id, ()),
            check=checked.get(hole.meter.meter_id, ()),
        )
        for hole in holes
    ]


def _around(meters: Meters, holes: Sequence[Hole]) -> tuple[date, date]:
    """Return the days from the weeks before the first gap to the end of the last one's month."""
    start = day_of(min(hole.start for hole in holes), meters.zone)
    end = day_of(max(hole.end for hole in holes), meters.zone)
    return min(start.replace(day=1), start - WEEKS_BEFORE) - DAY, next_month(end)


@lru_cache(maxsize=4096)
def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return midnight(day + DAY, zone)


def _good_days(
    meters: Meters, meter_id: int, days: Mapping[int, Sequence[DayRegister]]
) -> dict[date, Decimal]:
    """Return what a meter used on each day that was read at both of its ends."""
    lasts: dict[date, DayRegister] = {}
    for channel in meters.own(meter_id):
        tolerance = tolerance_of(channel.period_s)
        for each in days.get(channel.channel_id, ()):
            known = lasts.get(each.day)
            is_read = _end_of(each.day, meters.zone) - each.last_ts <= tolerance
            if is_read and (known is None or known.last_ts < each.last_ts):
                lasts[each.day] = each
    found: dict[date, Decimal] = {}
    for before, after in pairwise(sorted(lasts)):
        with exactly():
            used = normalised(lasts[after], meters.epochs) - normalised(
                lasts[before], meters.epochs
            )
        if after - before == DAY and used >= 0:
            found[after] = used
    return found


def _intervals(meters: Meters, holes: Sequence[Hole]) -> dict[int, list[Interval]]:
    """Return the intervals between the cuts of each gap, where none is missing."""
    profile = month_channels(meters.conn, [hole.meter for hole in holes], PROFILE)
    windows: list[Window] = []
    for hole in holes:
        own = [each for each in profile.channels if each.meter_id == hole.meter.meter_id]
        if len(own) != 1 or own[0].period_s <= 0:
            continue
        points = sorted({hole.start, *hole.borders, hole.end})
        period = timedelta(seconds=own[0].period_s)
        windows += [
            Window(own[0].channel_id, start, end + (period if end == hole.end else timedelta()))
            for start, end in pairwise(points)
        ]
    by_id = {channel.channel_id: channel for channel in profile.channels}
    found: dict[int, list[Interval]] = {}
    for each in interval_sums(meters.conn, windows):
        channel = by_id[each.channel_id]
        period = timedelta(seconds=channel.period_s)
        start = each.first - period
        if each.intervals * period == each.last - start:
            quantity = each.total.scaleb(profile.exponents[each.channel_id])
            found.setdefault(channel.meter_id, []).append(Interval(start, each.last, quantity))
    return found


def others_days(meters: Meters, hole: Hole) -> dict[date, Decimal]:
    """Return what other units used on each day around a gap, those that told every day of it."""
    if hole.end - hole.start > LONGEST_SHAPE:
        return {}
    first, last = _around(meters, [hole])
    others = [
        each
        for each in assignments_between(meters.conn, meters.society_id, hole.start, hole.end)
        if each.service is hole.meter.service
        and each.subject_type == "unit"
        and each.meter_id != hole.meter.meter_id
    ]
    chosen = sorted({each.meter_id: each for each in others}.values(), key=lambda a: a.meter_id)
    beside = meters_of(
        meters.conn,
        meters.society_id,
        chosen[:MOST_OTHERS],
        zone=meters.zone,
        until=meters.until,
    )
    days = day_registers(meters.conn, dict(beside.exponents), first, last)
    needed = _days_within(hole, meters.zone)
    totals: dict[date, Decimal] = {}
    told: dict[date, int] = {}
    known = 0
    for each in chosen[:MOST_OTHERS]:
        own = _good_days(beside, each.meter_id, days)
        if needed <= own.keys():
            known += 1
            for day, used in own.items():
                totals[day] = totals.get(day, Decimal(0)) + used
                told[day] = told.get(day, 0) + 1
    return {day: total for day, total in totals.items() if told[day] == known}


def _days_within(hole: Hole, zone: ZoneInfo) -> set[date]:
    first, last = day_of(hole.start + MICROSECOND, zone), day_of(hole.end, zone)
    return {first + n * DAY for n in range((last - first).days + 1)}
