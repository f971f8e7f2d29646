# SPDX-License-Identifier: MIT
"""How good a month is: held against its own days and intervals, and named for billing.

A month whose register fell on the way, or whose intervals do not add up to it, is suspect. A
sum is as good as its parts where they are alike.

In: measured months, their days, the intervals of the same meter. Out: a verdict or a `Quality`.
Never: a changed quantity. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import DAY, Month
from shared_schema.quality import Origin, Quality, Reason


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals of a month added up, in the unit of billing."""

    count: int
    total: Decimal
    period_s: int
    step: Decimal
    """The smallest difference that one interval can show."""


def falls_within(days: Mapping[date, Decimal]) -> bool:
    """Say whether the register fell on the way, though the month as a whole rose."""
    return any(quantity < 0 for quantity in days.values())


def sum_check(
    measured: Measured, intervals: Intervals, month: Month, register_step: Decimal
) -> bool | None:
    """Hold the intervals of a month against its register.

    Each reading of the register hides less than one step of it, and so may each day of
    intervals that the meter derived from it.

    Returns:
        Whether they agree; None where they cannot be compared: an interval is missing, or the
        month was not read at its borders.
    """
    if (
        measured.quantity is None
        or measured.opening is None
        or measured.closing is None
        or measured.opening.ts != month.start
        or measured.closing.ts != month.end
        or intervals.period_s <= 0
    ):
        return None
    length = month.end - month.start
    if intervals.count * timedelta(seconds=intervals.period_s) != length:
        return None
    with exactly():
        allowed = register_step * -(-length // DAY) + intervals.step
        return abs(intervals.total - measured.quantity) <= allowed


def quality_of(measured: Measured) -> Quality:
    """Return how good one meter's month is."""
    if measured.quantity is None:
        return Quality.MISSING
    if measured.reasons & {Reason.REGISTER_DROP, Reason.SUM_CHECK}:
        return Quality.SUSPECT
    ends = {end.origin for end in (measured.opening, measured.closing) if end is not None}
    if Origin.EDIT in ends:
        return Quality.EDITED
    if Origin.SELF_READ in ends:
        return Quality.SELF_READ
    return Quality.RAW if Origin.IMPORTED in ends else Quality.VALIDATED


def combined_quality(qualities: Iterable[Quality]) -> Quality:
    """Return how good a sum is: as good as its parts, where they are alike."""
    kinds = set(qualities)
    for decisive in (Quality.MISSING, Quality.SUSPECT):
        if decisive in kinds:
            return decisive
    return kinds.pop() if len(kinds) == 1 else Quality.MIXED
