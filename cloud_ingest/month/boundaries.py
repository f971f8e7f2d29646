# SPDX-License-Identifier: MIT
"""The boundary rows of a month: what is read of each meter around the two borders.

A border is met by the last reading within one capture period before it, or by a reading that a
person made within the window for self-reads. A meter that came or went within the month has its
first or last reading there; a meter whose month before was closed has the reading that closed it.
Beside these rows stand the rollups of the days around them.

In: the store, within one snapshot; the assignments of a month. Out: for each meter the rows that
may be an end of its month. Never: a choice between them (`core.consumption` makes it).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from cloud_ingest.core.month import DAY, Month
from cloud_ingest.core.register import (
    DayRegister,
    Register,
    billing_exponent,
    has_absurd_scaler,
    tolerance_of,
)
from cloud_ingest.store import months, readings_read
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.readings_read import Window
from cloud_ingest.store.rollups_read import day_registers
from shared_schema.billing import BoundaryReading, MonthlyConsumption
from shared_schema.catalogue import Service


class MeterKey(NamedTuple):
    """A meter and what it counts for whom: the same in an assignment and in a published number."""

    subject_type: str
    subject: str
    service: Service
    source: str
    manufacturer: str
    serial: str


Closings = Mapping[MeterKey, BoundaryReading]
"""Where each meter of published numbers closed its month."""
LastOfDays = Callable[[Connection, dict[int, int], date, date], Mapping[int, Sequence[DayRegister]]]
"""Of channels with their exponents, from a day to another: the last register of each day."""


@dataclass(frozen=True, slots=True)
class MonthChannels:
    """The channels of a month's meters that hold their service's code in a billed unit."""

    channels: Sequence[Channel]
    exponents: dict[int, int]
    """By channel id."""
    absurd: frozenset[int]
    """Meters with such a channel that only its scaler keeps out."""


@dataclass(frozen=True, slots=True)
class MeterRows:
    """What is known of one meter's billed register around a month."""

    channels: Sequence[Channel]
    readings: Sequence[Register]
    days: Sequence[DayRegister]
    step: Decimal
    tolerance: timedelta
    has_absurd_scaler: bool
    """It has a billed register with a scaler that no meter has; that one is left out."""

    @property
    def weights(self) -> dict[int, int]:
        """The pulse weight of each channel, by id."""
        return {channel.channel_id: channel.weight for channel in self.channels}


@dataclass(frozen=True, slots=True)
class _Windows:
    """Where the first and where the last reading may be an end of the month."""

    first_in: tuple[Window, ...]
    last_in: tuple[Window, ...]


def meter_key(assignment: Assignment) -> MeterKey:
    """Return the key of an assignment."""
    return MeterKey(
        assignment.subject_type,
        assignment.subject,
        assignment.service,
        assignment.source,
        assignment.meter.manufacturer,
        assignment.meter.serial,
    )


def closings(numbers: Iterable[MonthlyConsumption]) -> Closings:
    """Return where each meter of published numbers closed its month; pure."""
    found: dict[MeterKey, BoundaryReading] = {}
    for number in numbers:
        for part in number.parts:
            key = MeterKey(
                number.subject.type.value,
                number.subject.id,
                number.service,
                part.source,
                part.meter.manufacturer,
                part.meter.serial,
            )
            if key not in found or found[key].at < part.closing.at:
                found[key] = part.closing
    return found


def closings_before(conn: Connection, society_id: int, month: Month) -> Closings:
    """Return where the month before was closed; nothing if it is open."""
    before = month.first - DAY
    return closings(months.current(conn, society_id, f"{before:%Y-%m}"))


def month_channels(
    conn: Connection, assigned: Sequence[Assignment], codes: Mapping[Service, object]
) -> MonthChannels:
    """Return the channels of meters that hold their service's code in a unit that is billed."""
    services = {a.meter_id: a.service for a in assigned if a.service in codes}
    found: list[Channel] = []
    exponents: dict[int, int] = {}
    absurd: set[int] = set()
    for channel in channels_of_meters(
        conn, services.keys(), {str(code) for code in codes.values()}
    ):
        service = services[channel.meter_id]
        if channel.obis != str(codes[service]):
            continue
        exponent = billing_exponent(service, channel.unit, channel.scaler)
        if exponent is not None:
            found.append(channel)
            exponents[channel.channel_id] = exponent
        elif has_absurd_scaler(service, channel.unit, channel.scaler):
            absurd.add(channel.meter_id)
    return MonthChannels(found, exponents, frozenset(absurd))


def read_boundaries(
    conn: Connection,
    assigned: Sequence[Assignment],
    billed: MonthChannels,
    month: Month,
    *,
    before: Closings,
    self_read_window: timedelta,
    last_of_days: LastOfDays = day_registers,
) -> dict[int, MeterRows]:
    """Return what is known of each meter around a month, by meter id.

    Args:
        conn: The store.
        assigned: The assignments of the month.
        billed: The billed channels of their meters.
        month: The month.
        before: Where the month before was closed.
        self_read_window: How far from a border a self-read may stand for it.
        last_of_days: Returns the last register of each day.
    """
    own: dict[int, list[Channel]] = {assignment.meter_id: [] for assignment in assigned}
    for channel in billed.channels:
        own[channel.meter_id].append(channel)
    windows = [
        _windows(assignment, channel, month, _tolerance(own[assignment.meter_id]), opening)
        for assignment in assigned
        for opening in (before.get(meter_key(assignment)),)
        for channel in own[assignment.meter_id]
    ]
    readings = readings_read.boundary_readings(
        conn,
        last_in=[window for each in windows for window in each.last_in],
        first_in=[window for each in windows for window in each.first_in],
        by_hand_in=[
            (border - self_read_window, border + self_read_window)
            for border in (month.start, month.end)
        ],
        exponents=billed.exponents,
    )
    first, last = month.first - _around(self_read_window), last_day_read(month, self_read_window)
    days = last_of_days(conn, billed.exponents, first, last)
    return {
        meter_id: _meter_rows(meter_id, channels, billed, readings, days)
        for meter_id, channels in own.items()
    }


def last_day_read(month: Month, self_read_window: timedelta) -> date:
    """Return the last day that a closing of a month looks at."""
    return (month.end + _around(self_read_window)).date()


def _around(self_read_window: timedelta) -> timedelta:
    return self_read_window + DAY


def _meter_rows(
    meter_id: int,
    channels: Sequence[Channel],
    billed: MonthChannels,
    readings: Mapping[int, Sequence[Register]],
    days: Mapping[int, Sequence[DayRegister]],
) -> MeterRows:
    ids = [channel.channel_id for channel in channels]
    steps = (Decimal(1).scaleb(billed.exponents[channel_id]) for channel_id in ids)
    return MeterRows(
        channels=channels,
        readings=[reading for channel_id in ids for reading in readings.get(channel_id, ())],
        days=[day for channel_id in ids for day in days.get(channel_id, ())],
        step=max(steps, default=Decimal(0)),
        tolerance=_tolerance(channels),
        has_absurd_scaler=meter_id in billed.absurd,
    )


def _tolerance(channels: Collection[Channel]) -> timedelta:
    return max((tolerance_of(channel.period_s) for channel in channels), default=timedelta())


def _windows(
    assignment: Assignment,
    channel: Channel,
    month: Month,
    tolerance: timedelta,
    opening: BoundaryReading | None,
) -> _Windows:
    first_in: list[Window] = []
    last_in = [
        Window(channel.channel_id, border - tolerance, border)
        for border in (month.start, month.end)
    ]
    ends_at = assignment.valid_to
    if assignment.valid_from >= month.start:
        until = month.end if ends_at is None else min(ends_at, month.end)
        first_in.append(Window(channel.channel_id, assignment.valid_from, until))
    elif opening is not None:
        last_in.append(Window(channel.channel_id, opening.at, opening.at))
    if ends_at is not None and ends_at <= month.end:
        begin = max(assignment.valid_from, month.start)
        last_in.append(Window(channel.channel_id, begin, ends_at))
    return _Windows(tuple(first_in), tuple(last_in))
