# SPDX-License-Identifier: MIT
"""Which part of what was used between two readings was used until a moment between them.

The intervals of the meter's own profile tell, if they bridge the stretch without a hole and count
anything; else it is the share by time.

In: the times of two readings, a moment between them, intervals. Out: a fraction, and how it was
found. Pure.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from cloud_ingest.core.month import MICROSECOND
from shared_schema.billing import EstimateMethod


class Interval(NamedTuple):
    """What was used in a stretch of time, by the meter's own profile."""

    start: datetime
    end: datetime
    used: Decimal


def share_until(
    start: datetime, end: datetime, at: datetime, intervals: Iterable[Interval]
) -> tuple[Fraction, EstimateMethod]:
    """Return which part of what was used from ``start`` to ``end`` was used until ``at``."""
    own = sorted(each for each in set(intervals) if each.end > start and each.start < end)
    is_bridged = (
        bool(own)
        and own[0].start <= start
        and own[-1].end >= end
        and all(one.end == other.start for one, other in pairwise(own))
        and all(each.used >= 0 and each.end > each.start for each in own)
    )
    if is_bridged:
        whole = _used_within(own, start, end)
        if whole > 0:
            return _used_within(own, start, at) / whole, EstimateMethod.INTERVALS
    return Fraction((at - start) // MICROSECOND, (end - start) // MICROSECOND), (
        EstimateMethod.LINEAR
    )


def _used_within(intervals: Iterable[Interval], start: datetime, end: datetime) -> Fraction:
    """Return what was used in a stretch; of an interval that it cuts, the share by time."""
    total = Fraction(0)
    for each in intervals:
        common = min(each.end, end) - max(each.start, start)
        if common > timedelta():
            length = each.end - each.start
            total += Fraction(each.used) * Fraction(common // MICROSECOND, length // MICROSECOND)
    return total
