# SPDX-License-Identifier: MIT
"""What every meter of a society counted in a month, from the rows around its borders.

The borders of each meter and its epochs give the number; the rollups give the days (a register
that fell on the way) and the intervals (the sum check). Breaks of the register, and what its unit
can use and has used, are held against the number. What is known to be wrong is not counted.
Before anything is made of the rollups, they are held against their readings. A closing waits for
no refresh: what no rollup tells yet is read from the readings. A month opens where the one before
was closed; the opening is held against what closed it.

What a meter counted while it served nobody is told, and what all of its stretches counted is held
against what its register moved.

In: the store, within one snapshot. Out: each assignment with what its meter counted, and why it
counted nothing; what nobody was served by. Never: a write.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.border_choice import choose_borders
from cloud_ingest.core.consumption import Measured, measure
from cloud_ingest.core.estimate import EstimatedUse
from cloud_ingest.core.month import Month, month_before
from cloud_ingest.month.agreement import hold_rollups
from cloud_ingest.month.boundaries import (
    PROFILE,
    Closings,
    MeterService,
    MonthChannels,
    Opening,
    SubjectService,
    around_days,
    last_day_read,
    month_channels,
    published_opening,
    standing_before,
)
from cloud_ingest.month.conservation import require_conserved, unassigned_of
from cloud_ingest.month.findings import MeterEvidence, held_against
from cloud_ingest.month.idle import SocietyMonth, stated_in, unassigned_at_ends
from cloud_ingest.month.meter_rows import read_boundaries
from cloud_ingest.month.past import DailyMeans, daily_means
from cloud_ingest.store.assignments import Assignment, assignments_between, idle_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.dial_points import dial_points
from cloud_ingest.store.register_breaks import breaks_of
from cloud_ingest.store.rollups_read import (
    day_registers_now,
    intervals_of_month,
    waiting_days,
)
from shared_schema.billing import Unassigned
from shared_schema.catalogue import BILLED_REGISTER

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a meter counted for its subject."""

    assignment: Assignment
    measured: Measured
    estimate: EstimatedUse | None = None
    """What it probably counted, where a border was not read; None: nothing can be said."""
    shares: tuple[tuple[str, EstimatedUse], ...] = ()
    """Of a catch-up: what it probably counted in each month that it covers, ascending."""


@dataclass(frozen=True, slots=True)
class MonthCount:
    """What the meters of a society counted in a month."""

    counted: tuple[Counted, ...]
    """For each assignment."""
    unassigned: tuple[Unassigned, ...]
    """While a meter served nobody."""


def count_month(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    *,
    before: Closings,
    self_read_window: timedelta,
    progress: Progress,
) -> MonthCount:
    """Measure every assignment of a month, and what meters counted while they served nobody.

    Raises:
        RollupDisagrees: a rollup is not what its readings say.
        NotConserved: what a meter's stretches counted is not what its register moved.
        CloseRefused: the month before has changed since it was closed.
    """
    assigned = assignments_between(conn, society_id, month.start, month.end)
    idle = idle_between(conn, society_id, month.start, month.end)
    billed = month_channels(conn, [*assigned, *idle], BILLED_REGISTER)
    profile = month_channels(conn, [*assigned, *idle], PROFILE)
    held = billed.exponents.keys() | profile.exponents.keys()
    progress(f"{month}: holding the rollups of {len(held)} channels against their readings")
    hold_rollups(conn, held, month, zone)
    progress(f"{month}: reading the borders of {len(assigned)} meters")
    known = _read_evidence(
        conn,
        [*assigned, *idle],
        month,
        billed=billed,
        profile=profile,
        before=before,
        stated=stated_in(conn, society_id, month_before(month, zone), before),
        standing=standing_before(conn, society_id, month),
        self_read_window=self_read_window,
        zone=zone,
    )
    measured = [_measure(each, known[each.meter_id], month) for each in assigned]
    unassigned = _unassigned(SocietyMonth(conn, society_id, month, zone), known, measured)
    counted = _with_findings(measured, known, daily_means(conn, society_id, month), month, zone)
    return MonthCount(tuple(counted), tuple(unassigned))


def _unassigned(
    scope: SocietyMonth, known: Mapping[int, MeterEvidence], measured: Iterable[Counted]
) -> list[Unassigned]:
    """Return what meters counted for nobody; what they counted in all is held to the registers."""
    month = scope.month
    quantities: dict[int, list[Decimal | None]] = {}
    for each in measured:
        quantities.setdefault(each.assignment.meter_id, []).append(each.measured.quantity)
    found: list[Unassigned] = []
    for meter_id, own in known.items():
        nobodys = list(unassigned_of(own.rows, own.borders))
        charged = quantities.get(meter_id, [])
        require_conserved(str(month), own.rows, own.borders, charged, nobodys)
        found += nobodys
    ends = ((own.rows, own.borders) for own in known.values())
    return found + list(unassigned_at_ends(scope, ends))


def count_assigned(
    conn: Connection,
    assigned: Sequence[Assignment],
    month: Month,
    zone: ZoneInfo,
    *,
    before: Closings,
    standing: frozenset[SubjectService | None] = frozenset(),
    past: DailyMeans = {},  # noqa: B006 - nothing writes it
    self_read_window: timedelta,
) -> list[Counted]:
    """Measure assignments of a month; nothing is held against the readings.

    Args:
        conn: The store.
        assigned: Which of them.
        month: The month.
        zone: The society's.
        before: Where the month before was closed.
        standing: Whose number of the month before stands although it would change.
        past: What each subject used a day in the months before.
        self_read_window: How far from a border a self-read may stand for it.

    Raises:
        CloseRefused: the month before has changed since it was closed.
    """
    known = _read_evidence(
        conn,
        assigned,
        month,
        billed=month_channels(conn, assigned, BILLED_REGISTER),
        profile=month_channels(conn, assigned, PROFILE),
        before=before,
        standing=standing,
        self_read_window=self_read_window,
        zone=zone,
    )
    measured = [_measure(each, known[each.meter_id], month) for each in assigned]
    return _with_findings(measured, known, past, month, zone)


def _read_evidence(
    conn: Connection,
    assigned: Sequence[Assignment],
    month: Month,
    *,
    billed: MonthChannels,
    profile: MonthChannels,
    before: Closings,
    standing: frozenset[SubjectService | None],
    stated: Mapping[MeterService, Opening] = {},
    self_read_window: timedelta,
    zone: ZoneInfo,
) -> dict[int, MeterEvidence]:
    """Return what each meter's month is measured from, by meter id."""
    last_day = last_day_read(month, self_read_window)
    waiting = waiting_days(conn, billed.exponents.keys() | profile.exponents.keys(), last_day)
    rows = read_boundaries(
        conn,
        assigned,
        billed,
        profile,
        month,
        before=before,
        stated=stated,
        self_read_window=self_read_window,
        days=day_registers_now(
            conn,
            billed.exponents,
            month.first - around_days(self_read_window),
            last_day,
            waiting=waiting,
            zone=zone,
        ),
    )
    intervals = intervals_of_month(
        conn, profile.channels, profile.exponents, month, waiting=waiting
    )
    breaks, vouched = breaks_of(conn, rows), breaks_of(conn, rows, vouched=True)
    points = dial_points(conn, rows)
    return {
        meter_id: MeterEvidence(
            rows=own,
            borders=choose_borders(own.known, own.cuts, published_opening(own, month, standing)),
            intervals=intervals.get(meter_id),
            breaks=breaks.get(meter_id, ()),
            vouched=vouched.get(meter_id, ()),
            points=points.get((meter_id, own.service), ()),
        )
        for meter_id, own in rows.items()
    }


def _measure(assignment: Assignment, known: MeterEvidence, month: Month) -> Counted:
    """Measure what a meter counted for its subject; nothing is held against it."""
    ends_at = month.end if assignment.valid_to is None else min(assignment.valid_to, month.end)
    begin = known.borders[max(assignment.valid_from, month.start)]
    measured = measure(begin, known.borders[ends_at], known.rows.known.epochs, month)
    return Counted(assignment, measured)


def _with_findings(
    measured: Sequence[Counted],
    known: Mapping[int, MeterEvidence],
    past: DailyMeans,
    month: Month,
    zone: ZoneInfo,
) -> list[Counted]:
    """Hold what meters counted against everything else that is known of their month."""
    meters = Counter(_subject_of(each.assignment) for each in measured)
    return [
        replace(
            each,
            measured=held_against(
                each.assignment,
                each.measured,
                known[each.assignment.meter_id],
                month,
                zone,
                past=past.get(whose, ()),
                is_alone=meters[whose] == 1,
            ),
        )
        for each in measured
        for whose in (_subject_of(each.assignment),)
    ]


def _subject_of(assignment: Assignment) -> SubjectService:
    return SubjectService(assignment.subject_type, assignment.subject, assignment.service)
