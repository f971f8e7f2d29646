# SPDX-License-Identifier: MIT
"""The hours of a day: does what a tower lacks go up and down with one flat's use?

A share that goes around a meter goes when the flat uses water. Only that counts by which the hours
of a day differ from those of other days: the day's sum belongs to the daily rule, and habits that
all flats share, such as a shower before work, accuse nobody. How much the hours of the residual
scatter, and how one gives back what the former took, is learnt from the days before; if they
scatter more since then, that is noise, too, because it may be another flat's use.

In: hourly uses of a tower. Out: `Patterns`. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import sqrt
from operator import mul
from statistics import fmean

from cloud_ingest.core.rules.tower.tridiagonal import Matrix, Tridiagonal

Day = Sequence[float]
"""The hours of one day."""
LEARN_HOURS = timedelta(days=28)
"""How far before a change the hours are looked at."""
LEARN_DAYS = 10
"""So many of these days must be known."""
LEAST_DAYS = 3
CAUTION = 0.5
"""Of the evidence of hours: their noise has longer tails than a normal one."""
MOST_OPPOSED = -0.49
"""The correlation of neighbours in a chain that can exist."""


@dataclass(frozen=True, slots=True)
class TowerHours:
    """What the meters of a tower counted in each hour; a day that is not whole is left out."""

    bulk: Mapping[date, Day]
    meters: Mapping[str, Mapping[date, Day]]
    resolution: float
    """One count of the bulk meter's register."""


Patterns = Mapping[str, Mapping[date, tuple[float, float]]]
"""How the residual's hours go along with a meter's, and how sharply, by meter and day."""
NO_PATTERNS: Patterns = {}


def patterns_of(hours: TowerHours, since: date) -> Patterns:
    """Return the patterns of each day from one on, against the days before it.

    A day counts if the bulk meter and each of the others has all of its hours.
    """
    whole = sorted(
        day
        for day, own in hours.bulk.items()
        if len(own) == 24 and all(len(each.get(day, ())) == 24 for each in hours.meters.values())
    )
    residual = {
        day: [
            given - sum(some)
            for given, *some in zip(
                hours.bulk[day], *(each[day] for each in hours.meters.values()), strict=True
            )
        ]
        for day in whole
    }
    before = [residual[day] for day in whole if day < since]
    days = [day for day in whole if day >= since]
    if len(days) < LEAST_DAYS or len(before) < LEARN_DAYS:
        return NO_PATTERNS
    after = _apart([residual[day] for day in days])
    inverse = _precision(_apart(before), after, hours.resolution)
    pulls = [_times(inverse, day) for day in after]
    return {
        name: _of_meter(
            dict(zip(days, _apart([own[day] for day in days]), strict=True)), pulls, inverse
        )
        for name, own in hours.meters.items()
    }


def _of_meter(
    days: Mapping[date, Day], pulls: Sequence[Day], inverse: Sequence[Sequence[float]]
) -> dict[date, tuple[float, float]]:
    """Return what each day says of a meter, but for the day that speaks loudest against it.

    Water is drawn in few large draws, so that two flats may draw at the same hour by chance.
    """
    found = {
        day: (
            CAUTION * sum(map(mul, own, pull)),
            CAUTION * sum(map(mul, own, _times(inverse, own))),
        )
        for (day, own), pull in zip(days.items(), pulls, strict=True)
    }
    loudest = max(found, key=lambda day: found[day][0] - found[day][1] / 2)
    return {day: each for day, each in found.items() if day != loudest}


def _apart(days: Sequence[Day]) -> list[list[float]]:
    """Return by how much each day's hours differ from the mean day and from the day's own mean."""
    usual = [fmean(hour) for hour in zip(*days, strict=True)]
    found = []
    for day in days:
        away = [own - mean for own, mean in zip(day, usual, strict=True)]
        middle = fmean(away)
        found.append([each - middle for each in away])
    return found


def _times(matrix: Sequence[Sequence[float]], day: Day) -> list[float]:
    return [sum(map(mul, row, day)) for row in matrix]


def _precision(before: Sequence[Day], after: Sequence[Day], resolution: float) -> Matrix:
    """Return the inverse covariance of a day's hours, whatever the day's sum."""
    floor = resolution**2 / 12
    pooled = max(floor, fmean(each * each for day in before for each in day))
    grown = max(1.0, fmean(each * each for day in after for each in day) / pooled)
    variances = [
        grown * max(floor, (pooled + fmean(each * each for each in hour)) / 2)
        for hour in zip(*before, strict=True)
    ]
    beside = fmean(a * b for day in before for a, b in pairwise(day))
    correlation = max(MOST_OPPOSED, min(0.0, beside / pooled))
    spreads = [sqrt(variance) for variance in variances]
    covariance = Tridiagonal.of(variances, [correlation * a * b for a, b in pairwise(spreads)])
    inverse = covariance.inverse()
    sums = [sum(row) for row in inverse]
    total = sum(sums)
    return [
        [each - own * other / total for each, other in zip(row, sums, strict=True)]
        for row, own in zip(inverse, sums, strict=True)
    ]
