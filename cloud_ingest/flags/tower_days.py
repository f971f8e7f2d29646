# SPDX-License-Identifier: MIT
"""What the meters of a tower counted, on each day and in each hour.

A meter takes part while it hangs in the tower, whomever it serves. A generator's does not: what it
gives passes no bulk meter. A day counts as read if its last reading is close to midnight.

In: a connection, a society, days. Out: `TowerRead`s. Never: a judgement.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from operator import attrgetter
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import GENERATOR
from cloud_ingest.core.month import DAY, day_of, midnight
from cloud_ingest.core.register import normalised
from cloud_ingest.core.rules.tower.series import THOUSAND, Piece, series_of
from cloud_ingest.core.rules.tower.steps import TowerDays
from cloud_ingest.core.rules.tower.within_day import TowerHours
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.rollups_read import day_registers
from cloud_ingest.store.rule_inputs import Span, readings_between
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER, Service

NEAR_MIDNIGHT = timedelta(hours=2)
BULK = "bulk"
HOUR_S = 3600
DAY_HOURS = 24

Channels = Mapping[int, tuple[Channel, int]]
"""By id, each with e of value = raw * 10^e in kL or kWh."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Local days, the last one included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def days(self) -> list[date]:
        """Return each of them."""
        return [self.first + DAY * number for number in range((self.last - self.first).days + 1)]

    @property
    def start(self) -> datetime:
        """Return where they begin."""
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """Return where they end."""
        return midnight(self.last + DAY, self.zone)


@dataclass(frozen=True, slots=True)
class TowerRead:
    """What is known of one tower and service."""

    tower: str
    service: Service
    days: TowerDays
    bulk: tuple[Assignment, ...]
    places: Mapping[str, tuple[Assignment, ...]]
    """Who had which meter behind the bulk meter, by the name of the place in ``days``."""


def read_towers(conn: Connection, society_id: int, stretch: Stretch) -> list[TowerRead]:
    """Return the towers of a society that have a bulk meter on the last day, and one behind it."""
    towers: dict[tuple[str, Service], list[Assignment]] = defaultdict(list)
    for each in assignments_between(conn, society_id, stretch.start, stretch.end):
        if each.tower is not None and each.source != GENERATOR:
            towers[each.tower, each.service].append(each)
    return [
        _read_tower(conn, own, stretch)
        for _, every in sorted(towers.items())
        for own in (_without_sub_bulks(every),)
        if {True, False}
        == {each.subject_type == BULK for each in own if hangs_until(each, stretch.end)}
    ]


def _without_sub_bulks(own: Sequence[Assignment]) -> list[Assignment]:
    """Leave out the bulk meters below another one of their tower: that one counted it already."""
    bulks = {each.subject for each in own if each.subject_type == BULK}
    return [
        each
        for each in own
        if each.subject_type != BULK or each.parent not in bulks - {each.subject}
    ]


def hangs_until(each: Assignment, moment: datetime) -> bool:
    """Say whether a meter hangs at its place until a time, or longer."""
    return each.valid_to is None or each.valid_to >= moment


def _read_tower(conn: Connection, own: Sequence[Assignment], stretch: Stretch) -> TowerRead:
    service, tower = own[0].service, own[0].tower
    assert tower is not None  # noqa: S101 - they were sorted by it
    channels = _channels(conn, service, {each.meter_id for each in own})
    registers = _ends_of_days(conn, channels, stretch)
    places: dict[str, list[Assignment]] = defaultdict(list)
    for each in own:
        name = f"{each.subject_type} {each.subject} {each.source}"
        places[BULK if each.subject_type == BULK else name].append(each)
    series = {
        name: series_of(
            (_piece(each, registers.get(each.meter_id, {}), stretch) for each in some),
            stretch.first,
            len(stretch.days),
        )
        for name, some in places.items()
    }
    bulk = tuple(places.pop(BULK))
    counts = [
        channel.weight * _count(exponent)
        for channel, exponent in channels.values()
        if channel.meter_id in {each.meter_id for each in bulk}
    ]
    days = TowerDays(
        first=stretch.first,
        bulk=series.pop(BULK),
        meters=series,
        resolution=max(counts, default=1.0),
        bulk_changes=_changes(bulk, stretch),
    )
    return TowerRead(
        tower, service, days, bulk, {name: tuple(some) for name, some in places.items()}
    )


def _changes(bulk: Sequence[Assignment], stretch: Stretch) -> tuple[date, ...]:
    """Return the days on which a bulk meter came or went."""
    moments = {each.valid_from for each in bulk} | {each.valid_to for each in bulk}
    within = (at for at in moments if at is not None and stretch.start < at < stretch.end)
    return tuple(sorted({at.astimezone(stretch.zone).date() for at in within}))


def _channels(conn: Connection, service: Service, meters: Collection[int]) -> Channels:
    """Return the billed registers of meters."""
    return {
        channel.channel_id: (channel, exponent)
        for channel in channels_of_meters(conn, meters, {str(BILLED_REGISTER[service])})
        if (exponent := billing_exponent(service, channel.unit, channel.scaler)) is not None
    }


def _count(exponent: int) -> float:
    """Return one count of a register in litres or watt hours."""
    return float(THOUSAND * 10.0**exponent)


def _piece(each: Assignment, registers: Mapping[date, Decimal], stretch: Stretch) -> Piece:
    zone = stretch.zone
    return Piece(
        day_of(each.valid_from, zone) if each.valid_from > stretch.start else None,
        None if each.valid_to is None else day_of(each.valid_to, zone),
        registers,
    )


def _ends_of_days(
    conn: Connection, channels: Channels, stretch: Stretch
) -> dict[int, dict[date, Decimal]]:
    """Return what each meter showed close to the end of a day."""
    exponents = {number: exponent for number, (_, exponent) in channels.items()}
    rows = day_registers(conn, exponents, stretch.first - DAY, stretch.last)
    epochs = epochs_of(conn, exponents.keys())
    found: dict[int, dict[date, Decimal]] = defaultdict(dict)
    for row in sorted((row for some in rows.values() for row in some), key=attrgetter("last_ts")):
        if row.last_ts >= midnight(row.day + DAY, stretch.zone) - NEAR_MIDNIGHT:
            meter = channels[row.channel_id][0].meter_id
            found[meter][row.day] = normalised(row, epochs)
    return found


def read_hours(conn: Connection, read: TowerRead, stretch: Stretch) -> TowerHours:
    """Return what was counted at each place of a tower in each hour.

    Where a bulk meter came or went within them, the hours of both say nothing of each other.
    """
    places = {**read.places, BULK: read.bulk}
    meters = {each.meter_id for some in places.values() for each in some}
    hours = hours_of_meters(conn, read.service, meters, stretch)
    borders = [midnight(day, stretch.zone) for day in (*stretch.days, stretch.last + DAY)]
    found = {
        name: dict(_hours_at(some, hours, list(pairwise(borders)), stretch))
        for name, some in places.items()
    }
    whole = found.pop(BULK)
    is_other = any(day >= stretch.first for day in read.days.bulk_changes)
    return TowerHours({} if is_other else whole, found, read.days.resolution)


def _hours_at(
    place: Sequence[Assignment],
    hours: Mapping[int, Mapping[date, Sequence[float]]],
    days: Sequence[tuple[datetime, datetime]],
    stretch: Stretch,
) -> Iterator[tuple[date, list[float]]]:
    """Yield the days on which all that hung at a place is known: nothing where nothing hung.

    A day on which a meter came or went is left out.
    """
    for day, (start, end) in zip(stretch.days, days, strict=True):
        hung = [
            each
            for each in place
            if each.valid_from < end and (each.valid_to is None or each.valid_to > start)
        ]
        if any(each.valid_from > start or not hangs_until(each, end) for each in hung):
            continue
        own = [hours.get(each.meter_id, {}).get(day) for each in hung]
        known = [each for each in own if each is not None]
        if len(known) == len(own):
            yield day, [sum(hour) for hour in zip([0.0] * DAY_HOURS, *known, strict=True)]


def hours_of_meters(
    conn: Connection, service: Service, meters: Collection[int], stretch: Stretch
) -> dict[int, dict[date, list[float]]]:
    """Return what each meter counted in each hour of the days on which that is known.

    A meter whose register changed its unit or scaler is left out.
    """
    channels = _channels(conn, service, meters)
    span = Span(_seconds(stretch.start) - HOUR_S, _seconds(stretch.end))
    found = readings_between(conn, dict.fromkeys(channels, span))
    by_meter: dict[int, list[int]] = defaultdict(list)
    for number in found:
        by_meter[channels[number][0].meter_id].append(number)
    return {
        meter: _hours_of(found[own[0]], _count(channels[own[0]][1]), stretch)
        for meter, own in by_meter.items()
        if len(own) == 1
    }


def _hours_of(
    readings: Sequence[tuple[int, int]], count: float, stretch: Stretch
) -> dict[date, list[float]]:
    """Return each day of 24 hours at whose borders a register is known, and did not fall."""
    times = [ts for ts, _ in readings]
    found: dict[date, list[float]] = {}
    for day in stretch.days:
        start, end = (_seconds(midnight(each, stretch.zone)) for each in (day, day + DAY))
        borders = [bisect_right(times, at) - 1 for at in range(start, end + 1, HOUR_S)]
        shown = [
            readings[place][1]
            for number, place in enumerate(borders)
            if place >= 0 and times[place] > start + (number - 1) * HOUR_S
        ]
        if len(shown) == len(borders) == DAY_HOURS + 1 and shown == sorted(shown):
            found[day] = [(after - before) * count for before, after in pairwise(shown)]
    return found


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
