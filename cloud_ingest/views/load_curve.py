# SPDX-License-Identifier: MIT
"""The load of a unit over time: its intervals, or differences of its register, step by step.

In: a subject and a stretch of time. Out: points; a step that is not known is None.
Never: an estimate, or a moved time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Literal, NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.consumption import between
from cloud_ingest.core.register import Epochs, Register, in_time, tolerance_of
from cloud_ingest.core.unit_identity import namesake_hint
from cloud_ingest.errors import NotFound, ReadRefused
from cloud_ingest.store import readings_read
from cloud_ingest.store.assignments import Assignment, assignments_between, namesakes
from cloud_ingest.store.channels import Channel, channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.readings_read import Window
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BILLED_REGISTER, Service

MAX_POINTS = 3000
"""Of one curve: a month of quarters of an hour."""


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
        ReadRefused: not a whole number of steps, more than `MAX_POINTS`, or begun before what the
            store keeps. (A register's first step of that is not known: what opens it is gone.)
        NotFound: the subject had no meter of the service then.
    """
    borders = _borders(start, end, step)
    readings_read.require_kept(conn, start)
    assigned = assignments_between(
        conn, society_id, start, end, subject_type=subject_type, subject=subject, checks="with"
    )
    meters = [assignment for assignment in assigned if assignment.service is service]
    if not meters:
        hint = namesake_hint(subject, namesakes(conn, society_id, subject))
        raise NotFound(
            f"{subject!r} had no {service} meter then"
            f"{hint or ': look at its label and --subject-type (cloud-ingest units list)'}"
        )
    return _curves(conn, meters, service, borders)


def _curves(
    conn: Connection, meters: Sequence[Assignment], service: Service, borders: Sequence[datetime]
) -> list[Curve]:
    codes = {str(BILLED_REGISTER[service])}
    if service is Service.ELECTRICITY:
        codes.add(str(ACTIVE_IMPORT_INTERVAL))
    channels = channels_of_meters(conn, {meter.meter_id for meter in meters}, codes)
    return [
        _curve(conn, meter, [c for c in channels if c.meter_id == meter.meter_id], borders)
        for meter in meters
    ]


def _borders(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    if step < timedelta(minutes=1) or end <= start or (end - start) % step:
        raise ReadRefused(f"{start} to {end} is not a whole number of steps of {step}")
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
    exponents = {
        channel.channel_id: exponent
        for channel in channels
        if (exponent := billing_exponent(meter.service, channel.unit, channel.scaler)) is not None
    }
    own = [channel for channel in channels if channel.channel_id in exponents]
    step_s = (borders[1] - borders[0]) // timedelta(seconds=1)
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
        points = _interval_points(conn, meter, channel, exponents[channel.channel_id], borders)
        return Curve(meter.source, name, "intervals", points)
    registers = [channel for channel in own if channel.obis == str(BILLED_REGISTER[meter.service])]
    points = _register_points(conn, meter, registers, exponents, borders)
    return Curve(meter.source, name, "registers", points)


def _interval_points(
    conn: Connection,
    meter: Assignment,
    channel: Channel,
    exponent: int,
    borders: Sequence[datetime],
) -> tuple[Point, ...]:
    """Add up the intervals of each step; one that lacks an interval is not known."""
    step_s = (borders[1] - borders[0]) // timedelta(seconds=1)
    within = Window(
        channel.channel_id,
        max(borders[0], meter.valid_from),
        borders[-1] if meter.valid_to is None else min(borders[-1], meter.valid_to),
    )
    steps = readings_read.interval_steps(conn, within, borders[0], step_s)
    whole = step_s // channel.period_s
    return tuple(
        Point(here, there, Decimal(total).scaleb(exponent) if count == whole else None)
        for number, (here, there) in enumerate(pairwise(borders))
        for count, total in (steps.get(number, (0, 0)),)
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
    readings = readings_read.boundary_readings(
        conn, last_in=windows.values(), first_in=(), by_hand_in=(), exponents=own
    )
    return points_of(
        borders,
        [reading for some in readings.values() for reading in some],
        epochs_of(conn, own),
        max((tolerance_of(channel.period_s) for channel in channels), default=timedelta()),
    )


def points_of(
    borders: Sequence[datetime],
    readings: Iterable[Register],
    epochs: Epochs,
    tolerance: timedelta,
) -> tuple[Point, ...]:
    """Cut registers into steps; a step is known where both of its borders were read; pure.

    A border is met by the last reading at or before it, within ``tolerance``. Where its own was not
    read, the steps beside it would show nothing and twice as much: they are not known.
    """
    ordered = sorted(readings, key=in_time)
    met: list[Register | None] = []
    at = 0
    for border in borders:
        while at < len(ordered) and ordered[at].ts <= border:
            at += 1
        last = ordered[at - 1] if at else None
        met.append(None if last is None or border - last.ts > tolerance else last)
    return tuple(
        Point(here, there, _used(opening, closing, epochs, there - here))
        for (here, there), (opening, closing) in zip(pairwise(borders), pairwise(met), strict=True)
    )


def _used(
    opening: Register | None, closing: Register | None, epochs: Epochs, step: timedelta
) -> Decimal | None:
    """Return what one channel counted; from one channel to another a step is not known."""
    if opening is None or closing is None or opening.channel_id != closing.channel_id:
        return None
    if not timedelta() < closing.ts - opening.ts <= step * 3 / 2:
        return None
    return between(opening, closing, epochs).quantity
