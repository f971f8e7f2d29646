# SPDX-License-Identifier: MIT
"""Which part of what was used between two readings was used until a moment between them.

The intervals of the meter's own profile tell, if they bridge the stretch without a hole and count
anything; else what its check meter counted meanwhile; else it is the share by time. A check meter
that counted something else than the meter itself tells nothing.

In: the times of two readings, a moment between them, intervals. Out: a fraction, and how it was
found. Pure.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from cloud_ingest.core.month import MICROSECOND
from shared_schema.billing import EstimateMethod

CHECK_SLACK: Final = Fraction(1, 10)
"""By so much of what was used two good meters of one pipe or cable may be apart."""


class Interval(NamedTuple):
    """What was used in a stretch of time, as a meter measured it."""

    start: datetime
    end: datetime
    used: Decimal


def share_until(
    start: datetime,
    end: datetime,
    at: datetime,
    intervals: Iterable[Interval],
    check: Iterable[Interval] = (),
) -> tuple[Fraction, EstimateMethod]:
    """Return which part of what was used from ``start`` to ``end`` was used until ``at``.

    Args:
        start: When the meter was read before.
        end: When it was read next.
        at: The moment between them.
        intervals: Of its own profile.
        check: What its check meter counted.
    """
    for measured, method in (
        (intervals, EstimateMethod.INTERVALS),
        (check, EstimateMethod.CHECK_METER),
    ):
        own = sorted(each for each in set(measured) if each.end > start and each.start < end)
        whole = _used_within(own, start, end) if _is_bridged(own, start, end) else 0
        if whole > 0:
            return _used_within(own, start, at) / whole, method
    return Fraction((at - start) // MICROSECOND, (end - start) // MICROSECOND), (
        EstimateMethod.LINEAR
    )


def true_check(
    start: datetime, end: datetime, check: Sequence[Interval], counted: Decimal, step: Decimal
) -> Sequence[Interval]:
    """Return what a check meter counted, unless it contradicts its meter.

    Args:
        start: When the meter was read before.
        end: When it was read next.
        check: What its check meter counted.
        counted: What the meter itself counted from start to end.
        step: The finest difference that its register shows.

    Returns:
        Nothing, if they are more than a tenth, and more than two steps, apart.
    """
    own = sorted(each for each in check if each.end > start and each.start < end)
    if not _is_bridged(own, start, end):
        return check
    slack = max(Fraction(counted) * CHECK_SLACK, 2 * Fraction(step))
    apart = abs(_used_within(own, start, end) - Fraction(counted))
    return check if apart <= slack else ()


def _is_bridged(own: Sequence[Interval], start: datetime, end: datetime) -> bool:
    """Say whether intervals, ascending, cover a stretch without a hole."""
    return (
        bool(own)
        and own[0].start <= start
        and own[-1].end >= end
        and all(one.end == other.start for one, other in pairwise(own))
        and all(each.used >= 0 and each.end > each.start for each in own)
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
