# SPDX-License-Identifier: MIT
"""What the hours of a tower's residual are without a change: their means, and how they scatter.

By the hour a residual is not noise alone. Registers that are read some minutes late count in the
next hour what was used in this one, and a bulk meter that errs by some percent errs most in the
morning: both are learnt from the days before, with the mean of each hour of day. What is left
scatters, and one hour gives back what the former took: a register's step is short in one hour and
long in the next.

Only that counts by which the hours of a day differ from one another: the day's sum belongs to the
daily rule.

In: hours of residuals and of the bulk meter. Out: `HourNoise`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, log1p, sqrt
from operator import mul
from statistics import fmean

from cloud_ingest.core.rules.tower.noise import GAIN_SD
from cloud_ingest.core.rules.tower.tridiagonal import Tridiagonal

Day = Sequence[float]
"""The hours of one day."""
MOST_OPPOSED = -0.49
"""The correlation of neighbours in a chain that can exist."""
FREEDOM = 8.0
"""Of a day's scatter, which differs from day to day: Student's t."""
LATE_SD = 0.2
"""Of how much of an hour is counted in the one before."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The hours of one day."""

    residual: Day
    bulk: Day
    guessed: Day
    """The variance of what was guessed of meters that were not read."""


@dataclass(frozen=True, slots=True)
class Contrasts:
    """A covariance of the hours of a day, whatever the day's sum."""

    covariance: Tridiagonal
    level: Day
    total: float

    @classmethod
    def of(cls, variances: Day, beside: Day) -> "Contrasts":
        """Factor a covariance in which only neighbours go together."""
        covariance = Tridiagonal.of(variances, beside)
        level = covariance.solved([1.0] * len(variances))
        return cls(covariance, level, sum(level))

    def pull(self, day: Day) -> Day:
        """Return the inverse covariance times a day's hours."""
        solved = self.covariance.solved(day)
        mean = sum(solved) / self.total
        return [each - mean * own for each, own in zip(solved, self.level, strict=True)]

    def log_likelihood(self, day: Day) -> float:
        """Return that of a day's hours, but for a constant: Student's, a day of its own is one."""
        spread = self.covariance.log_determinant + log(self.total)
        freedom = FREEDOM + len(day) - 1
        return -(spread + freedom * log1p(self.distance(day) / FREEDOM)) / 2

    def distance(self, day: Day) -> float:
        """Return the square of how far a day's hours are from nothing."""
        distance: float = sum(map(mul, day, self.pull(day)))
        return distance

    def weight(self, day: Day) -> float:
        """Return how much a day counts that scatters like this: one of its own but little."""
        return (FREEDOM + len(day) - 1) / (FREEDOM + self.distance(day))


@dataclass(frozen=True, slots=True)
class HourNoise:
    """How the residual of sound days is made."""

    usual: Day
    usual_bulk: Day
    usual_change: Day
    gain: float
    late: float
    variances: Day
    correlation: float

    @classmethod
    def of(cls, days: Sequence[Observed], floor: float) -> "HourNoise":
        """Learn it from sound days; ``floor``: the least variance of an hour."""
        usual, bulk, change = (
            [fmean(hour) for hour in zip(*some, strict=True)]
            for some in (
                [day.residual for day in days],
                [day.bulk for day in days],
                [_changes(day.bulk) for day in days],
            )
        )
        apart = [
            (_less(day.residual, usual), _less(day.bulk, bulk), _less(_changes(day.bulk), change))
            for day in days
        ]
        gain, late = _two_slopes(apart)
        left = [
            [own - gain * given - late * moved for own, given, moved in zip(*day, strict=True)]
            for day in apart
        ]
        guessed = fmean(each for day in days for each in day.guessed)
        pooled = max(floor, fmean(each * each for day in left for each in day) - guessed)
        variances = [
            max(floor, (pooled + fmean(each * each for each in hour) - guessed) / 2)
            for hour in zip(*left, strict=True)
        ]
        beside = fmean(a * b for day in left for a, b in pairwise(day))
        correlation = max(MOST_OPPOSED, min(0.0, beside / pooled))
        return cls(usual, bulk, change, gain, late, variances, correlation)

    def apart(self, day: Observed) -> Day:
        """Return by how much a day's residual differs from what it is without a change."""
        return [
            own - usual - self.gain * given - self.late * moved
            for own, usual, given, moved in zip(
                day.residual,
                self.usual,
                _less(day.bulk, self.usual_bulk),
                _less(_changes(day.bulk), self.usual_change),
                strict=True,
            )
        ]

    def contrasts(self, more: Day) -> Contrasts:
        """Return the covariance of a day's hours with independent noise on top."""
        spreads = [sqrt(variance) for variance in self.variances]
        return Contrasts.of(
            [own + added for own, added in zip(self.variances, more, strict=True)],
            [self.correlation * a * b for a, b in pairwise(spreads)],
        )


def _less(day: Day, usual: Day) -> Day:
    return [own - mean for own, mean in zip(day, usual, strict=True)]


def _changes(bulk: Day) -> Day:
    """Return how much more each next hour takes; what follows the day is not known."""
    return [*(after - before for before, after in pairwise(bulk)), 0.0]


def _two_slopes(days: Sequence[tuple[Day, Day, Day]]) -> tuple[float, float]:
    """Return the slopes of the first against the second and the third, drawn to nothing."""

    def product(a: int, b: int) -> float:
        return sum(sum(map(mul, day[a], day[b])) for day in days)

    variance = product(0, 0) / sum(len(day[0]) for day in days)
    first, second = product(1, 1) + variance / GAIN_SD**2, product(2, 2) + variance / LATE_SD**2
    both = product(1, 2)
    scale = first * second - both * both
    if scale <= 0:
        return 0.0, 0.0
    own, other = product(0, 1), product(0, 2)
    return (own * second - other * both) / scale, (other * first - own * both) / scale
