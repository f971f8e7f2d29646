# SPDX-License-Identifier: MIT
"""Measure every meter of a society in a month, from the rows around its borders.

In: the store, within one snapshot. Out: each assignment with what its meter counted. It reads
boundary rows and epochs directly; the rollups give the days (a register that fell on the way)
and the intervals (the sum check), and are held against the readings before anything is made
of them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.consumption import Measured, Rules, Span, days_of, is_reweighed, measure
from cloud_ingest.core.month import Month
from cloud_ingest.core.quality import Intervals, falls_within, sum_check
from cloud_ingest.core.register import (
    DayRegister,
    Epochs,
    Register,
    billing_exponent,
    has_absurd_scaler,
    tolerance_of,
)
from cloud_ingest.errors import CloseRefused, RollupDisagrees
from cloud_ingest.store import months, readings_read
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.readings_read import Assignment, Channel, Window
from shared_schema.billing import BoundaryReading, MonthlyConsumption
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BILLED_REGISTER, Service
from shared_schema.quality import Reason

Progress = Callable[[str], None]
Published = Mapping[tuple[str, str, Service, str, str, str], BoundaryReading]
"""Closing readings of the month before, by subject, service, source and meter."""


class Stale(Exception):
    """Readings came after the rollups were refreshed: refresh and look again."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a meter counted for its subject."""

    assignment: Assignment
    measured: Measured


@dataclass(frozen=True, slots=True)
class _Meter:
    """What is known of one meter's billed register around a month."""

    channels: Sequence[Channel]
    readings: Sequence[Register]
    days: Sequence[DayRegister]
    step: Decimal
    tolerance: timedelta
    scaled_absurdly: bool
    """It has a billed register with a scaler that no meter has; that one is left out."""


def count_month(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    *,
    self_read_window: timedelta,
    progress: Progress,
) -> list[Counted]:
    """Measure every assignment of a month.

    Raises:
        RollupDisagrees: a rollup is not what its readings say.
        Stale: the same, but only because readings came a moment ago.
        CloseRefused: the month before has changed since it was closed.
    """
    assigned = readings_read.assignments(conn, society_id, month.start, month.end)
    published = _published(conn, society_id, month)
    billed, exponents, absurd = _channels(conn, assigned, BILLED_REGISTER)
    own, interval_exponents, _ = _channels(
        conn, assigned, {Service.ELECTRICITY: ACTIVE_IMPORT_INTERVAL}
    )
    held = exponents.keys() | interval_exponents.keys()
    progress(f"{month}: holding the rollups of {len(held)} channels against their readings")
    _hold_rollups(conn, held, month, zone)
    epochs = readings_read.epochs(conn, exponents.keys())
    progress(f"{month}: reading the borders of {len(assigned)} meters")
    meters = _meters(
        conn,
        assigned,
        billed,
        exponents,
        month,
        absurd=absurd,
        published=published,
        self_read_window=self_read_window,
    )
    intervals = readings_read.intervals(conn, own, interval_exponents, month)
    return [
        _count(
            assignment,
            meters[assignment.meter_id],
            epochs,
            month,
            zone,
            intervals=intervals.get(assignment.meter_id),
            opening=published.get(_key(assignment)),
            self_read_window=self_read_window,
        )
        for assignment in assigned
    ]


def _key(assignment: Assignment) -> tuple[str, str, Service, str, str, str]:
    return (
        assignment.subject_type,
        assignment.subject,
        assignment.service,
        assignment.source,
        assignment.meter.manufacturer,
        assignment.meter.serial,
    )


def _published(conn: Connection, society_id: int, month: Month) -> Published:
    before = month.first - timedelta(days=1)
    return closings(months.current(conn, society_id, f"{before:%Y-%m}"))


def closings(numbers: Iterable[MonthlyConsumption]) -> Published:
    """Return where each meter of published numbers closed its month; pure."""
    found: dict[tuple[str, str, Service, str, str, str], BoundaryReading] = {}
    for number in numbers:
        for part in number.parts:
            key = (
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


def _channels(
    conn: Connection, assigned: Sequence[Assignment], codes: Mapping[Service, object]
) -> tuple[list[Channel], dict[int, int], set[int]]:
    """Return the channels of meters that hold their service's code in a unit that is billed.

    Returns:
        The channels, their exponents by id, and the meters that have one which only its
        scaler keeps out.
    """
    services = {a.meter_id: a.service for a in assigned if a.service in codes}
    found: list[Channel] = []
    exponents: dict[int, int] = {}
    absurd: set[int] = set()
    for channel in readings_read.channels(
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
    return found, exponents, absurd


def _hold_rollups(
    conn: Connection, channels: Collection[int], month: Month, zone: ZoneInfo
) -> None:
    wrong = readings_read.disagreement(conn, channels, month, zone)
    if wrong is None:
        return
    if wrong.waits:
        raise Stale
    raise RollupDisagrees(
        f"{month} is not closed: the {wrong.bucket} rollup of {wrong.day} of channel "
        f"{wrong.channel_id} ({wrong.manufacturer} {wrong.serial}, {wrong.obis}) says "
        f"{readings_read.shown(wrong.rolled_up, wrong.told)}, but its readings say "
        f"{readings_read.shown(wrong.told, wrong.rolled_up)}: find out who changed them, run "
        f"cloud-ingest recompute --month {month}, and close again"
    )


def _meters(
    conn: Connection,
    assigned: Sequence[Assignment],
    billed: Sequence[Channel],
    exponents: dict[int, int],
    month: Month,
    *,
    absurd: Collection[int],
    published: Published,
    self_read_window: timedelta,
) -> dict[int, _Meter]:
    of: dict[int, list[Channel]] = {assignment.meter_id: [] for assignment in assigned}
    for channel in billed:
        of[channel.meter_id].append(channel)
    tolerances = {
        meter_id: max(map(tolerance_of, (c.period_s for c in own)), default=timedelta())
        for meter_id, own in of.items()
    }
    first_in: list[Window] = []
    last_in: list[Window] = []
    for assignment in assigned:
        opening = published.get(_key(assignment))
        for channel in of[assignment.meter_id]:
            first, last = _windows(
                assignment, channel.channel_id, month, tolerances[assignment.meter_id], opening
            )
            first_in += first
            last_in += last
    readings = readings_read.boundary_readings(
        conn,
        last_in=last_in,
        first_in=first_in,
        by_hand_in=[
            (border - self_read_window, border + self_read_window)
            for border in (month.start, month.end)
        ],
        exponents=exponents,
    )
    around = self_read_window + timedelta(days=1)
    days = readings_read.day_registers(
        conn, exponents, month.first - around, (month.end + around).date()
    )
    return {
        meter_id: _Meter(
            channels=own,
            readings=[r for c in own for r in readings.get(c.channel_id, ())],
            days=[d for c in own for d in days.get(c.channel_id, ())],
            step=max((Decimal(1).scaleb(exponents[c.channel_id]) for c in own), default=Decimal(0)),
            tolerance=tolerances[meter_id],
            scaled_absurdly=meter_id in absurd,
        )
        for meter_id, own in of.items()
    }


def _windows(
    assignment: Assignment,
    channel_id: int,
    month: Month,
    tolerance: timedelta,
    opening: BoundaryReading | None,
) -> tuple[list[Window], list[Window]]:
    """Return where the first and where the last reading may be an end of the month; pure."""
    first_in: list[Window] = []
    last_in = [
        Window(channel_id, border - tolerance, border) for border in (month.start, month.end)
    ]
    ends_at = assignment.valid_to
    if assignment.valid_from >= month.start:
        until = month.end if ends_at is None else min(ends_at, month.end)
        first_in.append(Window(channel_id, assignment.valid_from, until))
    elif opening is not None:
        last_in.append(Window(channel_id, opening.at, opening.at))
    if ends_at is not None and ends_at <= month.end:
        last_in.append(Window(channel_id, max(assignment.valid_from, month.start), ends_at))
    return first_in, last_in


def _count(
    assignment: Assignment,
    meter: _Meter,
    epochs: Epochs,
    month: Month,
    zone: ZoneInfo,
    *,
    intervals: Intervals | None,
    opening: BoundaryReading | None,
    self_read_window: timedelta,
) -> Counted:
    measured = measure(
        meter.readings,
        epochs,
        month,
        Span(assignment.valid_from, assignment.valid_to),
        Rules(meter.tolerance, self_read_window),
        opens_at=None if opening is None else opening.at,
    )
    _hold_opening(assignment, measured, opening, month)
    found = set(measured.reasons)
    weights = {channel.channel_id: channel.weight for channel in meter.channels}
    if is_reweighed(measured, weights, epochs):
        measured = replace(measured, quantity=None)
        found.add(Reason.SCALER)
    days = days_of(measured, meter.days, epochs, zone)
    if measured.quantity is not None:
        if falls_within(days):
            found.add(Reason.REGISTER_DROP)
        if intervals is not None and sum_check(measured, intervals, month, meter.step) is False:
            found.add(Reason.SUM_CHECK)
    else:
        if meter.scaled_absurdly:
            found.add(Reason.SCALER)
        if not assignment.legacy and _was_away(assignment, month.end):
            found.add(Reason.OFFLINE)
    return Counted(assignment, replace(measured, reasons=frozenset(found)))


def _was_away(assignment: Assignment, end: datetime) -> bool:
    until = end if assignment.valid_to is None else min(end, assignment.valid_to)
    return assignment.last_reading_at is None or assignment.last_reading_at < until


def _hold_opening(
    assignment: Assignment, measured: Measured, opening: BoundaryReading | None, month: Month
) -> None:
    """Refuse to open a month at another register than the one that closed the month before."""
    found = measured.opening
    if (
        opening is not None
        and found is not None
        and found.ts == opening.at
        and found.value != opening.register_value
    ):
        before = month.first - timedelta(days=1)
        raise CloseRefused(
            f"{month} is not closed: {before:%Y-%m} was closed for {assignment.subject} "
            f"{assignment.service} with {opening.register_value:f}, but that reading is now "
            f"{found.value:f}: close {before:%Y-%m} again first"
        )
