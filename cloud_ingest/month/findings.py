# SPDX-License-Identifier: MIT
"""What speaks against a meter's month: breaks, intervals, dials, its ceiling, its past.

In: what a meter counted, and what else is known of it. Out: the same with its reasons, without its
quantity where that is disproved. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.border import BY_HAND, Border
from cloud_ingest.core.consumption import Measured, days_of, is_reweighed, rises_plainly
from cloud_ingest.core.dial_check import DialPoint
from cloud_ingest.core.disproof import Witnesses, disproofs, is_apart, is_read_past
from cloud_ingest.core.last_row import is_unconfirmed
from cloud_ingest.core.month import Month
from cloud_ingest.core.quality import (
    Intervals,
    RegisterBreak,
    breaks_within,
    falls_within,
    is_rescaled,
    past_findings,
    with_findings,
)
from cloud_ingest.core.rating import most_per_day
from cloud_ingest.month.boundaries import MeterRows
from cloud_ingest.store.assignments import Assignment
from shared_schema.quality import Reason


@dataclass(frozen=True, slots=True)
class MeterEvidence:
    """What one meter's month is measured from, and held against."""

    rows: MeterRows
    borders: Mapping[datetime, Border]
    """By the moment of each cut."""
    intervals: Intervals | None
    breaks: Sequence[RegisterBreak]
    vouched: Sequence[RegisterBreak]
    """The breaks that a person vouched for."""
    points: Sequence[DialPoint]
    """What persons read of it."""

    def witnesses(self, assignment: Assignment) -> Witnesses:
        """Return what a month of an assignment is held against."""
        rows = self.rows
        return Witnesses(
            service=rows.service,
            weights=rows.weights,
            epochs=rows.known.epochs,
            breaks=self.breaks,
            points=self.points,
            intervals=self.intervals,
            step=rows.step,
            most_per_day=most_per_day(assignment.service, assignment.subject_type, rows.rating),
            rating=rows.rating,
        )


def held_against(
    assignment: Assignment,
    measured: Measured,
    known: MeterEvidence,
    month: Month,
    zone: ZoneInfo,
    *,
    past: Sequence[Decimal],
    is_alone: bool,
) -> Measured:
    """Hold what one meter counted against everything else that is known of its month.

    Args:
        assignment: Whom it served.
        measured: What it counted.
        known: Of the meter.
        month: The month.
        zone: The society's.
        past: What the same subject used a day in each of the months before.
        is_alone: No other meter counts the same for it.
    """
    rows, epochs = known.rows, known.rows.known.epochs
    witnesses = known.witnesses(assignment)
    if is_reweighed(measured, rows.weights, epochs) or is_rescaled(measured, known.breaks, epochs):
        measured = replace(measured, quantity=None, reasons=measured.reasons | {Reason.SCALER})
    if measured.quantity is None:
        found = _unproved(assignment, rows, month) | breaks_within(measured, known.breaks, epochs)
        found |= {Reason.SCALER} if is_apart(measured, witnesses) else set()
        return with_findings(measured, found)
    found = disproofs(measured, witnesses, month)
    if _has_fallen(measured, rows, zone) and not is_read_past(measured, witnesses):
        found.add(Reason.REGISTER_DROP)
    found |= past_findings(measured, past, assignment.service, rows.step, is_alone=is_alone)
    if _is_vouched_for(measured, known):
        found.add(Reason.RESTORED)
    if is_unconfirmed(measured, rows.days, epochs, assignment.service):
        found.add(Reason.UNCONFIRMED)
    return with_findings(measured, found)


def _unproved(assignment: Assignment, rows: MeterRows, month: Month) -> set[Reason]:
    """Return why a month has no quantity, beside what its ends say."""
    found = set[Reason]()
    if rows.has_absurd_scaler:
        found.add(Reason.SCALER)
    if not assignment.legacy and _was_away(assignment, month.end):
        found.add(Reason.OFFLINE)
    return found


def _has_fallen(measured: Measured, rows: MeterRows, zone: ZoneInfo) -> bool:
    epochs = rows.known.epochs
    return not rises_plainly(measured, rows.days, epochs) and falls_within(
        days_of(measured, rows.days, epochs, zone), rows.step
    )


def _is_vouched_for(measured: Measured, known: MeterEvidence) -> bool:
    """Say whether a month counts across a break only because of a person's word.

    A dial at one of its ends says by itself that a person read it.
    """
    ends = {end.ts for end in (measured.opening, measured.closing) if end and end.origin in BY_HAND}
    own = [each for each in known.vouched if each.after not in ends]
    return bool(breaks_within(measured, own, known.rows.known.epochs))


def _was_away(assignment: Assignment, end: datetime) -> bool:
    until = end if assignment.valid_to is None else min(end, assignment.valid_to)
    return assignment.last_reading_at is None or assignment.last_reading_at < until
