# SPDX-License-Identifier: MIT
"""What was used so far: of a month, of each day, over the hours, by a tower.

In: a society and a stretch of time. Out: values, from rollups and epochs. Nothing is closed,
estimated or written here: a month's published number is `cloud_ingest.billing`'s, which reads
the boundary rows themselves and holds the rollups against them.

What is shown is what the registers say. A month opens with the last register at or before its
start, or the first one of a meter that came later, and ends with its last one; both times are
told, so that a month that has not ended, or was not read at its start, is seen as such. The days
add up to the month exactly. What was counted over a gap lands in the next day that has data.
Only where a meter came or went within the month are readings themselves looked at.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.consumption import (
    Epochs,
    Measured,
    Month,
    Register,
    between,
    billing_exponent,
    days_of,
    tolerance_of,
)
from cloud_ingest.errors import NotFound, ReadRefused
from cloud_ingest.reconcile import Balance, Drawn, SubjectKind, balance, taken_by_tower
from cloud_ingest.store import reads
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.reads import Assignment, Channel, RegisterMonth, Window
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BILLED_REGISTER, Service
from shared_schema.quality import Origin

MAX_POINTS = 3000
"""Of one curve: a month of quarters of an hour."""


class MeterUsage(NamedTuple):
    """What one meter counted for its subject; None where nothing is known, or the register fell."""

    place: RegisterMonth
    """Whose meter it is: tower, subject, service, source, manufacturer and serial number."""
    since: datetime | None
    opening: Decimal | None
    until: datetime | None
    closing: Decimal | None
    quantity: Decimal | None


class DayUsage(NamedTuple):
    """A meter's month with its days; a day without data is not there."""

    month: MeterUsage
    days: Mapping[date, Decimal]


class Point(NamedTuple):
    """What was used from ``start`` to ``end``; None: not known."""

    start: datetime
    end: datetime
    quantity: Decimal | None


@dataclass(frozen=True, slots=True)
class Curve:
    """A meter's load over time, in kWh or kL a step."""

    source: str
    meter: str
    basis: Literal["intervals", "registers"]
    points: tuple[Point, ...]


class TowerBalance(NamedTuple):
    """What a tower's bulk meter gave and where it went, in a month or on a day."""

    tower: str
    service: Service
    day: date | None
    balance: Balance


class Ends(NamedTuple):
    """Where a meter's month may open and close, and where only its readings can tell."""

    before: list[Register]
    first: list[Register]
    last: list[Register]
    first_in: list[Window]
    last_in: list[Window]


def month_usage(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[MeterUsage]:
    """Return what each meter counted in a month, of all subjects or of one.

    Raises:
        NotFound: the subject had no meter.
    """
    rows, epochs = _registers(conn, society_id, month, subject_type, subject)
    several = {
        here.assignment_id
        for here, there in pairwise(rows)
        if here.assignment_id == there.assignment_id
    }
    found: list[MeterUsage | None] = [
        None if row.assignment_id in several else simply(row, epochs) for row in rows
    ]
    asked = [row for row, usage in zip(rows, found, strict=True) if usage is None]
    usages = [usage for usage in found if usage is not None]
    usages += [_usage(own[0], measured) for own, measured in _count(conn, asked, epochs, month)]
    return usages


def simply(row: RegisterMonth, epochs: Epochs) -> MeterUsage | None:
    """Return what one register counted where two rows of a rollup tell all of it; pure.

    Returns:
        What `ends_of` and `measured_of` say; None where only these can tell: an epoch, a meter
        that came or went, a register that fell or was not read.
    """
    exponent = _exponent(row.service, row.unit, row.scaler)
    if exponent is None or row.channel_id in epochs or row.last_ts is None or row.last_raw is None:
        return None
    if row.before_ts is not None and row.before_ts >= row.valid_from:
        since, opening = row.before_ts, row.before_raw
    elif row.first_ts is not None and row.first_ts >= row.valid_from:
        since, opening = row.first_ts, row.first_raw
    else:
        return None
    if opening is None or row.last_ts <= since or row.last_raw < opening:
        return None
    if row.valid_to is not None and row.valid_to < row.last_ts:
        return None
    return MeterUsage(
        row,
        since,
        Decimal(opening).scaleb(exponent),
        row.last_ts,
        Decimal(row.last_raw).scaleb(exponent),
        Decimal(row.last_raw - opening).scaleb(exponent),
    )


def day_usage(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> list[DayUsage]:
    """Return what each meter counted in a month and on each of its days."""
    rows, epochs = _registers(conn, society_id, month, subject_type, subject)
    exponents = _exponents(rows)
    last = (month.end - timedelta(microseconds=1)).astimezone(zone).date()
    days = reads.day_registers(conn, exponents, month.first, last)
    return [
        DayUsage(
            _usage(own[0], measured),
            days_of(
                measured,
                [day for row in own for day in days.get(row.channel_id or 0, ())],
                epochs,
                zone,
            ),
        )
        for own, measured in _count(conn, rows, epochs, month)
    ]


def _registers(
    conn: Connection,
    society_id: int,
    month: Month,
    subject_type: SubjectKind | None,
    subject: str | None,
) -> tuple[list[RegisterMonth], Epochs]:
    rows = reads.register_months(
        conn, society_id, month, subject_type=subject_type, subject=subject
    )
    if subject is not None and not rows:
        raise NotFound(f"{subject!r} had no meter in {month}: see cloud-ingest units import")
    rows.sort(key=attrgetter("assignment_id"))
    epochs = reads.epochs(conn, {row.channel_id for row in rows if row.channel_id is not None})
    return rows, epochs


def _count(
    conn: Connection, rows: Iterable[RegisterMonth], epochs: Epochs, month: Month
) -> list[tuple[list[RegisterMonth], Measured]]:
    """Count each assignment, from rollups and, where these cannot tell, from its readings."""
    by_assignment = groupby(rows, key=attrgetter("assignment_id"))
    found = [(own, ends_of(own, month)) for own in (list(some) for _, some in by_assignment)]
    asked = [(own, ends) for own, ends in found if ends.first_in or ends.last_in]
    if asked:
        readings = reads.boundary_readings(
            conn,
            first_in=[window for _, ends in asked for window in ends.first_in],
            last_in=[window for _, ends in asked for window in ends.last_in],
            by_hand_in=(),
            exponents=_exponents(row for own, _ in asked for row in own),
        )
        for _, ends in asked:
            for windows, known in ((ends.first_in, ends.first), (ends.last_in, ends.last)):
                known += [
                    reading
                    for window in windows
                    for reading in readings.get(window.channel_id, ())
                    if window.start <= reading.ts <= window.end
                ]
    return [(own, measured_of(ends, epochs)) for own, ends in found]


def ends_of(rows: Iterable[RegisterMonth], month: Month) -> Ends:
    """Say what the rollups know of the ends of one assignment's month; pure."""
    ends = Ends([], [], [], [], [])
    for row in rows:
        exponent = _exponent(row.service, row.unit, row.scaler)
        if row.channel_id is None or exponent is None:
            continue
        until = month.end if row.valid_to is None else min(month.end, row.valid_to)
        if row.before_ts is not None and row.before_ts >= row.valid_from:
            ends.before.append(_register(row.channel_id, row.before_ts, row.before_raw, exponent))
        if row.first_ts is None or row.last_ts is None:
            continue
        if row.first_ts >= row.valid_from:
            ends.first.append(_register(row.channel_id, row.first_ts, row.first_raw, exponent))
        else:
            ends.first_in.append(Window(row.channel_id, row.valid_from, until))
        if row.last_ts <= until:
            ends.last.append(_register(row.channel_id, row.last_ts, row.last_raw, exponent))
        else:
            ends.last_in.append(Window(row.channel_id, max(month.start, row.valid_from), until))
    return ends


def measured_of(ends: Ends, epochs: Epochs) -> Measured:
    """Return what was counted between the ends of a month; pure."""
    opening = (
        max(ends.before, key=_in_time)
        if ends.before
        else min(ends.first, key=_in_time, default=None)
    )
    closing = max(ends.last, key=_in_time, default=None)
    if opening is None or closing is None or closing.ts <= opening.ts:
        return Measured(opening, None, None)
    return between(opening, closing, epochs)


def _in_time(reading: Register) -> tuple[datetime, int]:
    return (reading.ts, reading.channel_id)


def _register(channel_id: int, ts: datetime, raw: int | None, exponent: int) -> Register:
    assert raw is not None  # noqa: S101 - it stands beside its time
    # A rollup does not say who gave a register, and nothing here asks.
    return Register(channel_id, ts, raw, Origin.METER, exponent)


@functools.cache
def _exponent(service: str, unit: int | None, scaler: int | None) -> int | None:
    if unit is None or scaler is None:
        return None
    return billing_exponent(Service(service), unit, scaler)


def _exponents(rows: Iterable[RegisterMonth]) -> dict[int, int]:
    return {
        row.channel_id: exponent
        for row in rows
        if row.channel_id is not None
        and (exponent := _exponent(row.service, row.unit, row.scaler)) is not None
    }


def _usage(row: RegisterMonth, measured: Measured) -> MeterUsage:
    opening, closing = measured.opening, measured.closing
    return MeterUsage(
        row,
        None if opening is None else opening.ts,
        None if opening is None else opening.value,
        None if closing is None else closing.ts,
        None if closing is None else closing.value,
        measured.quantity,
    )


def month_balances(usages: Iterable[MeterUsage]) -> list[TowerBalance]:
    """Hold each tower's bulk meter against its units and common areas; pure."""
    return _balances(((usage.place, usage.quantity) for usage in usages), None)


def day_balances(usages: Sequence[DayUsage]) -> list[TowerBalance]:
    """Do the same for each day; a subject without data on a day is not known on it; pure."""
    days = sorted({day for usage in usages for day in usage.days})
    return [
        found
        for day in days
        for found in _balances(((usage.month.place, usage.days.get(day)) for usage in usages), day)
    ]


def _balances(
    parts: Iterable[tuple[RegisterMonth, Decimal | None]], day: date | None
) -> list[TowerBalance]:
    subjects: dict[tuple[str, str, str], list[tuple[RegisterMonth, Decimal | None]]] = {}
    for place, quantity in parts:
        key = (place.subject_type, place.subject, place.service)
        subjects.setdefault(key, []).append((place, quantity))
    drawn = (
        Drawn(
            kind=own[-1][0].subject_type,
            tower=own[-1][0].tower,
            service=Service(own[-1][0].service),
            parts=tuple((place.source, quantity) for place, quantity in own),
        )
        for own in subjects.values()
    )
    return [
        TowerBalance(tower, service, day, balance(taken))
        for (tower, service), taken in sorted(taken_by_tower(drawn).items())
    ]


def load_curve(
    conn: Connection,
    society_id: int,
    subject: str,
    service: Service,
    *,
    start: datetime,
    end: datetime,
    step: timedelta,
    subject_type: SubjectKind = "unit",
) -> list[Curve]:
    """Return a subject's use in steps of a time, meter by meter.

    A meter with a load profile whose period divides the step gives its intervals; of another
    the register is taken at each step, within one capture period before it.

    Args:
        conn: The store.
        society_id: Whose.
        subject: The label of the unit, the common area or the bulk meter.
        service: What is metered.
        start: Where the first step begins.
        end: Where the last one ends.
        step: How long each is.
        subject_type: What ``subject`` is the label of.

    Raises:
        ReadRefused: not a whole number of steps, or more than `MAX_POINTS`.
        NotFound: the subject had no meter of the service then.
    """
    borders = _borders(start, end, step)
    meters = [
        assignment
        for assignment in reads.assignments(
            conn, society_id, start, end, subject_type=subject_type, subject=subject
        )
        if assignment.service is service
    ]
    if not meters:
        raise NotFound(f"{subject!r} had no {service} meter from {start} to {end}")
    codes = {str(BILLED_REGISTER[service])}
    if service is Service.ELECTRICITY:
        codes.add(str(ACTIVE_IMPORT_INTERVAL))
    channels = reads.channels(conn, {meter.meter_id for meter in meters}, codes)
    return [
        _curve(conn, meter, [c for c in channels if c.meter_id == meter.meter_id], borders)
        for meter in meters
    ]


def _borders(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    if step < timedelta(minutes=1) or end <= start or (end - start) % step:
        raise ReadRefused(f"from {start} to {end} is no whole number of steps of {step}")
    count = (end - start) // step
    if count > MAX_POINTS:
        raise ReadRefused(
            f"{count} points are more than the {MAX_POINTS} of one curve: "
            "ask for a shorter time or a longer step"
        )
    return [start + step * number for number in range(count + 1)]


def _curve(
    conn: Connection, meter: Assignment, channels: Sequence[Channel], borders: Sequence[datetime]
) -> Curve:
    step_s = (borders[1] - borders[0]) // timedelta(seconds=1)
    exponents = {
        channel.channel_id: exponent
        for channel in channels
        if (exponent := billing_exponent(meter.service, channel.unit, channel.scaler)) is not None
    }
    own = [channel for channel in channels if channel.channel_id in exponents]
    profile = [
        channel
        for channel in own
        if channel.obis == str(ACTIVE_IMPORT_INTERVAL)
        and channel.period_s > 0
        and step_s % channel.period_s == 0
    ]
    name = str(meter.meter)
    if len(profile) == 1:
        (channel,) = profile
        within = Window(
            channel.channel_id,
            max(borders[0], meter.valid_from),
            borders[-1] if meter.valid_to is None else min(borders[-1], meter.valid_to),
        )
        steps = reads.interval_steps(conn, within, borders[0], step_s)
        whole = step_s // channel.period_s
        exponent = exponents[channel.channel_id]
        points = tuple(
            Point(
                here,
                there,
                Decimal(total).scaleb(exponent) if count == whole else None,
            )
            for number, (here, there) in enumerate(pairwise(borders))
            for count, total in (steps.get(number, (0, 0)),)
        )
        return Curve(meter.source, name, "intervals", points)
    registers = [channel for channel in own if channel.obis == str(BILLED_REGISTER[meter.service])]
    return Curve(
        meter.source,
        name,
        "registers",
        _register_points(conn, meter, registers, exponents, borders),
    )


def _register_points(
    conn: Connection,
    meter: Assignment,
    channels: Sequence[Channel],
    exponents: Mapping[int, int],
    borders: Sequence[datetime],
) -> tuple[Point, ...]:
    windows = {
        (number, channel.channel_id): Window(
            channel.channel_id,
            max(border - tolerance_of(channel.period_s), meter.valid_from),
            border,
        )
        for number, border in enumerate(borders)
        for channel in channels
        if meter.valid_from <= border and (meter.valid_to is None or border <= meter.valid_to)
    }
    own = {channel.channel_id: exponents[channel.channel_id] for channel in channels}
    readings = reads.boundary_readings(
        conn, last_in=windows.values(), first_in=(), by_hand_in=(), exponents=own
    )
    return points_of(
        borders,
        [reading for some in readings.values() for reading in some],
        reads.epochs(conn, own),
        max((tolerance_of(channel.period_s) for channel in channels), default=timedelta()),
    )


def points_of(
    borders: Sequence[datetime],
    readings: Iterable[Register],
    epochs: Epochs,
    tolerance: timedelta,
) -> tuple[Point, ...]:
    """Cut registers into steps; a step is known where both of its borders were read; pure.

    A border is met by the last reading at or before it, within ``tolerance``.
    """
    ordered = sorted(readings, key=_in_time)
    met: list[Register | None] = []
    at = 0
    for border in borders:
        while at < len(ordered) and ordered[at].ts <= border:
            at += 1
        last = ordered[at - 1] if at else None
        met.append(None if last is None or border - last.ts > tolerance else last)
    return tuple(
        Point(here, there, between(opening, closing, epochs).quantity)
        for (here, there), (opening, closing) in zip(pairwise(borders), pairwise(met), strict=True)
    )
