# SPDX-License-Identifier: MIT
"""What every meter of a society counted in a month, from the rows around its borders.

The boundary rows and epochs give the number; the rollups give the days (a register that fell on
the way) and the intervals (the sum check). The breaks of the register, and what its unit can use,
are held against the number. What is known to be wrong is not counted. Before anything is made of
the rollups, they are held against their readings, and the opening is held against what closed the
month before. A closing waits for no refresh: what no rollup tells yet is read from the readings.

In: the store, within one snapshot. Out: each assignment with what its meter counted, and why it
counted nothing. Never: a write.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.consumption import Measured, Rules, Span, days_of, is_reweighed, measure
from cloud_ingest.core.month import DAY, Month
from cloud_ingest.core.plausible import most_per_day
from cloud_ingest.core.quality import (
    Intervals,
    RegisterBreak,
    breaks_within,
    falls_within,
    is_implausible,
    sum_check,
    with_findings,
)
from cloud_ingest.core.register import Epochs
from cloud_ingest.errors import CloseRefused, RollupDisagrees
from cloud_ingest.month.boundaries import (
    Closings,
    LastOfDays,
    MeterRows,
    closings_before,
    last_day_read,
    meter_key,
    month_channels,
    read_boundaries,
)
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.register_breaks import breaks_of
from cloud_ingest.store.rollups_held import describe_figures, disagreement
from cloud_ingest.store.rollups_read import (
    NOTHING_WAITS,
    Waiting,
    day_registers,
    day_registers_now,
    intervals_of_month,
    waiting_days,
)
from shared_schema.billing import BoundaryReading
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, BILLED_REGISTER, Service
from shared_schema.quality import Reason

Progress = Callable[[str], None]
PROFILE: Final = {Service.ELECTRICITY: ACTIVE_IMPORT_INTERVAL}


@dataclass(frozen=True, slots=True)
class Counted:
    """What a meter counted for its subject."""

    assignment: Assignment
    measured: Measured


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What one meter's month is measured from."""

    rows: MeterRows
    epochs: Epochs
    intervals: Intervals | None
    breaks: Sequence[RegisterBreak]
    opening: BoundaryReading | None
    """Where the month before was closed."""


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
        CloseRefused: the month before has changed since it was closed.
    """
    assigned = assignments_between(conn, society_id, month.start, month.end)
    before = closings_before(conn, society_id, month)
    billed = month_channels(conn, assigned, BILLED_REGISTER)
    profile = month_channels(conn, assigned, PROFILE)
    held = billed.exponents.keys() | profile.exponents.keys()
    progress(f"{month}: holding the rollups of {len(held)} channels against their readings")
    _hold_rollups(conn, held, month, zone)
    progress(f"{month}: reading the borders of {len(assigned)} meters")
    waiting = waiting_days(conn, held, last_day_read(month, self_read_window))
    return count_assigned(
        conn,
        assigned,
        month,
        zone,
        before=before,
        self_read_window=self_read_window,
        last_of_days=partial(day_registers_now, waiting=waiting, zone=zone),
        waiting=waiting,
    )


def count_assigned(
    conn: Connection,
    assigned: Sequence[Assignment],
    month: Month,
    zone: ZoneInfo,
    *,
    before: Closings,
    self_read_window: timedelta,
    last_of_days: LastOfDays = day_registers,
    waiting: Waiting = NOTHING_WAITS,
) -> list[Counted]:
    """Measure assignments of a month; nothing is held against the readings.

    Args:
        conn: The store.
        assigned: Which of them.
        month: The month.
        zone: The society's.
        before: Where the month before was closed.
        self_read_window: How far from a border a self-read may stand for it.
        last_of_days: Returns the last register of each day.
        waiting: The days whose intervals are taken from the readings.

    Raises:
        CloseRefused: the month before has changed since it was closed.
    """
    billed = month_channels(conn, assigned, BILLED_REGISTER)
    profile = month_channels(conn, assigned, PROFILE)
    epochs = epochs_of(conn, billed.exponents.keys())
    rows = read_boundaries(
        conn,
        assigned,
        billed,
        month,
        before=before,
        self_read_window=self_read_window,
        last_of_days=last_of_days,
    )
    intervals = intervals_of_month(
        conn, profile.channels, profile.exponents, month, waiting=waiting
    )
    breaks = breaks_of(conn, rows)
    return [
        _count(
            assignment,
            _Evidence(
                rows=rows[assignment.meter_id],
                epochs=epochs,
                intervals=intervals.get(assignment.meter_id),
                breaks=breaks.get(assignment.meter_id, ()),
                opening=before.get(meter_key(assignment)),
            ),
            month,
            zone,
            self_read_window,
        )
        for assignment in assigned
    ]


def _hold_rollups(
    conn: Connection, channels: Collection[int], month: Month, zone: ZoneInfo
) -> None:
    wrong = disagreement(conn, channels, month, zone)
    if wrong is None:
        return
    raise RollupDisagrees(
        f"{month} is not closed: the {wrong.bucket} rollup of {wrong.day} of channel "
        f"{wrong.channel_id} ({wrong.manufacturer} {wrong.serial}, {wrong.obis}) says "
        f"{describe_figures(wrong.rolled_up, wrong.told)}, but its readings say "
        f"{describe_figures(wrong.told, wrong.rolled_up)}: find out who changed them, run "
        f"cloud-ingest recompute --month {month}, and close again"
    )


def _count(
    assignment: Assignment,
    known: _Evidence,
    month: Month,
    zone: ZoneInfo,
    self_read_window: timedelta,
) -> Counted:
    rows, epochs = known.rows, known.epochs
    measured = measure(
        rows.readings,
        epochs,
        month,
        Span(assignment.valid_from, assignment.valid_to),
        Rules(rows.tolerance, self_read_window),
        opens_at=None if known.opening is None else known.opening.at,
    )
    _hold_opening(assignment, measured, known.opening, month)
    if is_reweighed(measured, rows.weights, epochs):
        measured = replace(measured, quantity=None, reasons=measured.reasons | {Reason.SCALER})
    found = (
        _unproved(assignment, rows, month)
        if measured.quantity is None
        else _disproofs(assignment, measured, known, month, zone)
    )
    return Counted(assignment, with_findings(measured, found))


def _unproved(assignment: Assignment, rows: MeterRows, month: Month) -> set[Reason]:
    """Return why a month has no quantity, beside what its ends say."""
    found = set[Reason]()
    if rows.has_absurd_scaler:
        found.add(Reason.SCALER)
    if not assignment.legacy and _was_away(assignment, month.end):
        found.add(Reason.OFFLINE)
    return found


def _disproofs(
    assignment: Assignment, measured: Measured, known: _Evidence, month: Month, zone: ZoneInfo
) -> set[Reason]:
    """Return what makes a quantity known to be wrong."""
    rows, intervals = known.rows, known.intervals
    found = set(breaks_within(measured, known.breaks, known.epochs))
    if falls_within(days_of(measured, rows.days, known.epochs, zone), rows.step):
        found.add(Reason.REGISTER_DROP)
    if intervals is not None and sum_check(measured, intervals, month, rows.step) is False:
        found.add(Reason.SUM_CHECK)
    if is_implausible(measured, most_per_day(assignment.service, assignment.subject_type)):
        found.add(Reason.IMPLAUSIBLE)
    return found


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
        before = month.first - DAY
        raise CloseRefused(
            f"{month} is not closed: {before:%Y-%m} was closed for {assignment.subject} "
            f"{assignment.service} with {opening.register_value:f}, but that reading is now "
            f"{found.value:f}: close {before:%Y-%m} again first"
        )
