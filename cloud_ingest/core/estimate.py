# SPDX-License-Identifier: MIT
"""Where a register probably stood at a border that nobody read, and between which bounds.

All borders in a gap (`core.gap`) are placed together, so that they ascend and the uses between
them add up to what the register counted across the gap. The bounds come first. Within them a border
is placed by the meter's interval data, else by its check meter, else by what it probably used
(`core.use_pattern`), else by time. Across a gap with two ends a pattern only tells how the known
total is shared; where one end is missing, it tells how much.

In: a gap, the borders in it, evidence. Out: each border with its bounds and method, in whole steps
of the register; what was used between two borders. Nothing where nothing can be said. Never: a
reading, a float. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.gap import Gap, KnownRegister
from cloud_ingest.core.month import DAY, MICROSECOND
from cloud_ingest.core.placing import true_check
from cloud_ingest.core.use_pattern import (
    Evidence,
    ProbableUse,
    measured_use,
    others_use,
    probable_use,
    usual_use,
)
from shared_schema.billing import EstimateMethod

_WORST_LAST = tuple(EstimateMethod)


@dataclass(frozen=True, slots=True)
class PlacedRegister:
    """Where a register probably stood at a border; the truth lies from lower to upper."""

    at: datetime
    counted: Decimal
    lower: Decimal
    upper: Decimal
    method: EstimateMethod
    gap: Gap


@dataclass(frozen=True, slots=True)
class EstimatedUse:
    """What was used between two borders; the truth lies from lower to upper."""

    quantity: Decimal
    lower: Decimal
    upper: Decimal
    method: EstimateMethod | None
    """None: both borders are known."""


class _Point(NamedTuple):
    at: datetime
    counted: Fraction
    method: EstimateMethod


def place(gap: Gap, borders: Iterable[datetime], evidence: Evidence) -> tuple[PlacedRegister, ...]:
    """Place every border of a gap, ascending; nothing where nothing can be said of one.

    Args:
        gap: The registers on its sides; one may be missing.
        borders: In any order; those outside of the gap are left out.
        evidence: What is known besides.
    """
    before, after = gap.before, gap.after
    inside = sorted(
        border
        for border in set(borders)
        if (before is None or before.at < border) and (after is None or border < after.at)
    )
    if before is not None and after is not None:
        return _between(gap, before, after, inside, evidence)
    if before is not None:
        points = _outwards(before, inside, evidence, onwards=True)
    elif after is not None:
        points = _outwards(after, inside, evidence, onwards=False)
    else:
        return ()
    return tuple(_placed(gap, point) for point in points)


def use_between(
    opening: KnownRegister | PlacedRegister, closing: KnownRegister | PlacedRegister
) -> EstimatedUse:
    """Return what was used between two borders, of which either may be placed."""
    with exactly():
        quantity = closing.counted - opening.counted
        nothing = quantity - quantity  # with as many digits
        lower = max(_lower(closing) - _upper(opening), nothing)
        upper = _upper(closing) - _lower(opening)
    methods = [each.method for each in (opening, closing) if isinstance(each, PlacedRegister)]
    gaps = [each.gap for each in (opening, closing) if isinstance(each, PlacedRegister)]
    if len(gaps) == 2 and gaps[0] == gaps[1]:
        least, most = gaps[0].use_in(closing.at - opening.at)
        lower, upper = max(lower, least), min(upper, most)
    return EstimatedUse(quantity, min(lower, quantity), max(upper, quantity), worst_of(methods))


def added(uses: Iterable[EstimatedUse]) -> EstimatedUse:
    """Add up uses and their bounds; the least good method counts."""
    every = list(uses)
    with exactly():
        return EstimatedUse(
            sum((use.quantity for use in every), Decimal(0)),
            sum((use.lower for use in every), Decimal(0)),
            sum((use.upper for use in every), Decimal(0)),
            worst_of(use.method for use in every if use.method is not None),
        )


def worst_of(methods: Iterable[EstimateMethod]) -> EstimateMethod | None:
    """Return the least good of some methods; None: there is none."""
    return max(methods, key=_WORST_LAST.index, default=None)


def _between(
    gap: Gap,
    before: KnownRegister,
    after: KnownRegister,
    borders: Sequence[datetime],
    evidence: Evidence,
) -> tuple[PlacedRegister, ...]:
    """Place the borders of a gap with two ends: measured ones first, the others between them."""
    if after.counted < before.counted:
        return ()
    first, last = Fraction(before.counted), Fraction(after.counted)
    with exactly():
        counted = after.counted - before.counted
    check = true_check(before.at, after.at, evidence.check, counted, gap.step)
    evidence = replace(evidence, check=check)
    measured = _by_intervals(gap, before, after, borders, evidence)
    ends = [
        _Point(before.at, first, EstimateMethod.INTERVALS),
        *measured.points,
        _Point(after.at, last, EstimateMethod.INTERVALS),
    ]
    points = list(measured.points)
    for opening, closing in pairwise(ends):
        open_borders = [each for each in borders if opening.at < each < closing.at]
        if open_borders:
            points += _shared(opening, closing, open_borders, evidence, before.at)
    slack = measured.slack if len(measured.points) == len(borders) else None
    return tuple(_placed(gap, point, slack) for point in sorted(points))


class _Measured(NamedTuple):
    """Which borders of a gap the interval data reach."""

    points: tuple[_Point, ...] = ()
    slack: Fraction | None = None
    """By how much they may be off where the whole gap was checked; None: it was not."""


def _by_intervals(
    gap: Gap,
    before: KnownRegister,
    after: KnownRegister,
    borders: Sequence[datetime],
    evidence: Evidence,
) -> _Measured:
    """Return the borders that interval data reach from a side; none if they contradict."""
    first, last = Fraction(before.counted), Fraction(after.counted)
    intervals, method = evidence.intervals, EstimateMethod.INTERVALS
    if not intervals:
        return _Measured()
    whole = measured_use(before.at, after.at, intervals)
    if whole is not None:
        slack = Fraction(gap.step) * (-(-(after.at - before.at) // DAY) + 1)
        if abs(whole - (last - first)) > slack:
            return _Measured()
        scale = (last - first) / whole if whole else Fraction(0)
        uses = [measured_use(before.at, border, intervals) for border in borders]
        points = [
            _Point(border, first + use * scale, method)
            for border, use in zip(borders, uses, strict=True)
            if use is not None
        ]
        return _Measured(tuple(points), slack)
    points = []
    for border in borders:
        since = measured_use(before.at, border, intervals)
        until = measured_use(border, after.at, intervals)
        if since is not None:
            points.append(_Point(border, first + since, method))
        elif until is not None:
            points.append(_Point(border, last - until, method))
    counted = [first, *(point.counted for point in points), last]
    return _Measured(tuple(points)) if counted == sorted(counted) else _Measured()


def _shared(
    opening: _Point,
    closing: _Point,
    borders: Sequence[datetime],
    evidence: Evidence,
    known_until: datetime,
) -> list[_Point]:
    """Share what was counted between two points among the stretches between borders."""
    weights, method = _weights([opening.at, *borders, closing.at], evidence, known_until)
    total = sum(weights, Fraction(0))
    counted = closing.counted - opening.counted
    found: list[_Point] = []
    so_far = Fraction(0)
    for border, weight in zip(borders, weights, strict=False):
        so_far += weight
        found.append(_Point(border, opening.counted + counted * so_far / total, method))
    return found


def _weights(
    moments: Sequence[datetime], evidence: Evidence, known_until: datetime
) -> tuple[list[Fraction], EstimateMethod]:
    """Return how much each stretch between moments weighs, by the best method for all of them."""
    stretches = list(pairwise(moments))
    checked = [measured_use(start, end, evidence.check) for start, end in stretches]
    by_check = [use for use in checked if use is not None]
    if len(by_check) == len(stretches) and any(by_check):
        return by_check, EstimateMethod.CHECK_METER
    probable = [
        use
        for start, end in stretches
        if (use := probable_use(start, end, evidence, known_until)) is not None
    ]
    if len(probable) == len(stretches) and any(use.quantity for use in probable):
        method = worst_of(use.method for use in probable) or EstimateMethod.LINEAR
        return [use.quantity for use in probable], method
    of_others = [others_use(start, end, evidence) for start, end in stretches]
    known = [use for use in of_others if use is not None]
    if len(known) == len(stretches) and any(known):
        return known, EstimateMethod.SOCIETY
    lengths = [Fraction((end - start) // MICROSECOND) for start, end in stretches]
    return lengths, EstimateMethod.LINEAR


def _outwards(
    known: KnownRegister, borders: Sequence[datetime], evidence: Evidence, *, onwards: bool
) -> list[_Point]:
    """Extrapolate from one register to border after border, as far as the use can be told."""
    found: list[_Point] = []
    point = _Point(known.at, Fraction(known.counted), EstimateMethod.INTERVALS)
    for border in borders if onwards else reversed(borders):
        use = (
            _extrapolated(point.at, border, evidence, known.at)
            if onwards
            else _extrapolated(border, point.at, evidence, None)
        )
        if use is None:
            break
        counted = point.counted + (use.quantity if onwards else -use.quantity)
        method = max(point.method, use.method, key=_WORST_LAST.index)
        point = _Point(border, counted, method)
        found.append(point)
    return sorted(found)


def _extrapolated(
    start: datetime, end: datetime, evidence: Evidence, known_until: datetime | None
) -> ProbableUse | None:
    measured = measured_use(start, end, evidence.intervals)
    if measured is not None:
        return ProbableUse(measured, EstimateMethod.INTERVALS)
    checked = measured_use(start, end, evidence.check)
    if checked is not None:
        return ProbableUse(checked, EstimateMethod.CHECK_METER)
    usual = usual_use(start, end, evidence)
    linear = None if usual is None else ProbableUse(usual, EstimateMethod.LINEAR)
    return probable_use(start, end, evidence, known_until) or linear


def _placed(gap: Gap, point: _Point, slack: Fraction | None = None) -> PlacedRegister:
    """Return a border in whole steps, within its bounds."""
    step = Fraction(gap.step)
    lower, upper = gap.bounds(point.at)
    if slack is not None:
        lower, upper = max(lower, point.counted - slack), min(upper, point.counted + slack)
    low, high = lower // step, -(-upper // step)
    counts = min(max(round(point.counted / step), low), high)
    with exactly():
        return PlacedRegister(
            point.at,
            Decimal(counts) * gap.step,
            Decimal(low) * gap.step,
            Decimal(high) * gap.step,
            point.method,
            gap,
        )


def _lower(border: KnownRegister | PlacedRegister) -> Decimal:
    return border.counted if border.lower is None else border.lower


def _upper(border: KnownRegister | PlacedRegister) -> Decimal:
    return border.counted if border.upper is None else border.upper
