# SPDX-License-Identifier: MIT
"""What a meter probably used in a stretch that was not read, by what is known beside it.

A pattern is taken in this order, and the first that says something of the whole stretch counts:
the days of the same month that were read, the same weekdays of the four weeks before, and the
meter's usual share of what the society's other units used meanwhile. Interval data stand apart:
they are no pattern, they were measured.

In: days that were read, intervals, the days of others, a stretch. Out: a quantity as a fraction,
with the method. Never: a register (`core.estimate` places it), a float. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import DAY, MICROSECOND, day_of, midnight
from cloud_ingest.core.placing import Interval
from shared_schema.billing import EstimateMethod

FEWEST_DAYS = 3
"""So many days of a month, or beside the society's, tell what is usual."""
WEEKS_BEFORE = timedelta(weeks=4)
FEWEST_WEEKS = 2
"""So many of a weekday tell what is usual on it."""
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a meter beside its registers."""

    zone: ZoneInfo
    own_days: Mapping[date, Decimal] = field(default_factory=dict[date, Decimal])
    """What it used on each local day that was read at both ends."""
    intervals: Sequence[Interval] = ()
    """Its own, in any order."""
    others_days: Mapping[date, Decimal] = field(default_factory=dict[date, Decimal])
    """What the same other units of the society used on each local day."""
    check: Sequence[Interval] = ()
    """What the check meter beside it counted, in any order."""


@dataclass(frozen=True, slots=True)
class ProbableUse:
    """What was probably used, in the unit of billing."""

    quantity: Fraction
    method: EstimateMethod


def probable_use(
    start: datetime, end: datetime, evidence: Evidence, known_until: datetime | None
) -> ProbableUse | None:
    """Return what a meter probably used in a stretch, or None where no pattern tells.

    Args:
        start: Of the stretch.
        end: Of the stretch.
        evidence: What is known of the meter.
        known_until: When it was last read before the stretch; None: it was not.
    """
    parts = list(_local_days(start, end, evidence.zone))
    if (quantity := _good_days(parts, evidence)) is not None:
        return ProbableUse(quantity, EstimateMethod.GOOD_DAYS)
    if (quantity := _weekdays(parts, evidence, known_until)) is not None:
        return ProbableUse(quantity, EstimateMethod.WEEKDAYS)
    if (quantity := _usual_share(parts, evidence)) is not None:
        return ProbableUse(quantity, EstimateMethod.SOCIETY)
    return None


def others_use(start: datetime, end: datetime, evidence: Evidence) -> Fraction | None:
    """Return what the others used in a stretch; None where one of its days is not known."""
    return _weighed(_local_days(start, end, evidence.zone), evidence.others_days)


def usual_use(start: datetime, end: datetime, evidence: Evidence) -> Fraction | None:
    """Return the use of a stretch by the mean of all days that were read; None: there are none."""
    if not evidence.own_days:
        return None
    return _mean(evidence.own_days.values()) * _length(start, end) / _length_of(DAY)


def measured_use(start: datetime, end: datetime, intervals: Sequence[Interval]) -> Fraction | None:
    """Add up intervals over a stretch; None where they do not cover it.

    An interval that reaches beyond the stretch counts with its share by time.
    """
    total = Fraction(0)
    reached = start
    for each in _in_time(intervals):
        if each.end <= reached:
            continue
        if reached >= end or each.start > reached:
            break
        inside = _length(reached, min(each.end, end))
        total += Fraction(each.used) * inside / _length(each.start, each.end)
        reached = min(each.end, end)
    return total if reached >= end else None


def _in_time(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Return intervals by time, without those that are empty or overlap an earlier one."""
    known = sorted(each for each in intervals if each.start < each.end and each.used >= 0)
    until: datetime | None = None
    for each in known:
        if until is None or each.start >= until:
            yield each
            until = each.end


def _local_days(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[tuple[date, Fraction]]:
    """Cut a stretch into local days, each with the part of the day that lies in it."""
    day = day_of(start + MICROSECOND, zone)
    begin = midnight(day, zone)
    while begin < end:
        following = midnight(day + DAY, zone)
        inside = _length(max(begin, start), min(following, end))
        if inside > 0:
            yield day, inside / _length(begin, following)
        day, begin = day + DAY, following


def _good_days(parts: Sequence[tuple[date, Fraction]], evidence: Evidence) -> Fraction | None:
    rates: dict[date, Fraction] = {}
    for first in {day.replace(day=1) for day, _ in parts}:
        good = [used for day, used in evidence.own_days.items() if day.replace(day=1) == first]
        if len(good) >= FEWEST_DAYS:
            rates[first] = _mean(good)
    return _weighed(((day.replace(day=1), part) for day, part in parts), rates)


def _weekdays(
    parts: Sequence[tuple[date, Fraction]], evidence: Evidence, known_until: datetime | None
) -> Fraction | None:
    if known_until is None:
        return None
    last = day_of(known_until, evidence.zone)
    before = sorted(
        (day.weekday(), used)
        for day, used in evidence.own_days.items()
        if last - WEEKS_BEFORE < day <= last
    )
    rates: dict[int, Fraction] = {}
    for weekday, own in groupby(before, key=lambda pair: pair[0]):
        good = [used for _, used in own]
        if len(good) >= FEWEST_WEEKS:
            rates[weekday] = _mean(good)
    return _weighed(((day.weekday(), part) for day, part in parts), rates)


def _usual_share(parts: Sequence[tuple[date, Fraction]], evidence: Evidence) -> Fraction | None:
    both = [day for day in evidence.own_days if evidence.others_days.get(day, Decimal(0)) > 0]
    of_others = _weighed(parts, evidence.others_days)
    if of_others is None or len(both) < FEWEST_DAYS:
        return None
    own = sum((Fraction(evidence.own_days[day]) for day in both), Fraction(0))
    return of_others * own / sum(Fraction(evidence.others_days[day]) for day in both)


def _weighed(
    parts: Iterable[tuple[_Key, Fraction]], rates: Mapping[_Key, Fraction] | Mapping[_Key, Decimal]
) -> Fraction | None:
    total = Fraction(0)
    for key, part in parts:
        if key not in rates:
            return None
        total += Fraction(rates[key]) * part
    return total


def _mean(values: Iterable[Decimal]) -> Fraction:
    every = list(values)
    with exactly():
        return Fraction(sum(every, Decimal(0))) / len(every)


def _length(start: datetime, end: datetime) -> Fraction:
    return _length_of(end - start)


def _length_of(length: timedelta) -> Fraction:
    return Fraction(length // MICROSECOND)
