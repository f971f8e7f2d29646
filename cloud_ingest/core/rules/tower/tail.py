# SPDX-License-Identifier: MIT
"""The last steps of a residual, and how likely it is that somebody's use is in them.

What a leak loses is the same each day. A flat uses more on one day than on another, and nothing
while nobody is at home: how much its days scattered before is part of how well its use fits.

In: steps, the precision of their residual. Out: `Tail`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from operator import mul

from cloud_ingest.core.rules.tower.tridiagonal import Matrix


@dataclass(frozen=True, slots=True)
class Tail:
    """The last steps of a residual, and a use of so many days in each."""

    rows: Matrix
    """The precision of these steps."""
    pulled: list[float]
    """It times the residual."""
    days: list[float]
    along: float
    sharp: float

    @classmethod
    def of(cls, inverse: Matrix, pull: Sequence[float], days: list[float], begin: int) -> "Tail":
        """Cut the tail off; ``days``: of use in each of its steps, ``begin``: the first of them."""
        end = begin + len(days)
        rows = [row[begin:end] for row in inverse[begin:end]]
        pulled = list(pull[begin:end])
        sharp = sum(map(mul, days, _times(rows, days)))
        return cls(rows, pulled, days, sum(map(mul, pulled, days)), sharp)

    def log_marginal(self, mean: float, level: float, scatter: float) -> float:
        """Return the log likelihood ratio of a use against none.

        Args:
            mean: Of a day's use.
            level: The variance of how far all days are off alike.
            scatter: The variance of a day beside that.
        """
        use = _times(self.rows, self.days)
        left = [own - mean * each for own, each in zip(self.pulled, use, strict=True)]
        spreads = [sqrt(scatter * days) for days in self.days]
        factor = _cholesky(
            [
                [
                    own * each * other + (i == j)
                    for j, (each, other) in enumerate(zip(row, spreads, strict=True))
                ]
                for i, (row, own) in enumerate(zip(self.rows, spreads, strict=True))
            ]
        )
        scattered = _forward(factor, list(map(mul, spreads, left)))
        of_use = _forward(factor, list(map(mul, spreads, use)))
        along = self.along - mean * self.sharp - sum(map(mul, of_use, scattered))
        sharp = self.sharp - sum(map(mul, of_use, of_use))
        fit: float = (
            mean * self.along
            - mean * mean * self.sharp / 2
            + sum(map(mul, scattered, scattered)) / 2
            - sum(log(row[-1]) for row in factor)
            + level * along * along / (2 * (1 + level * sharp))
            - log(1 + level * sharp) / 2
        )
        return fit


def _times(rows: Matrix, vector: Sequence[float]) -> list[float]:
    return [sum(map(mul, row, vector)) for row in rows]


def _cholesky(matrix: Matrix) -> Matrix:
    """Return the rows of the lower triangle whose square is a matrix."""
    factor: Matrix = []
    for own, row in enumerate(matrix):
        found: list[float] = []
        for other, each in zip(factor, row, strict=False):
            found.append((each - sum(map(mul, found, other))) / other[-1])
        found.append(sqrt(row[own] - sum(map(mul, found, found))))
        factor.append(found)
    return factor


def _forward(factor: Matrix, right: Sequence[float]) -> list[float]:
    """Return the vector that a lower triangle takes to this one."""
    found: list[float] = []
    for row, each in zip(factor, right, strict=True):
        found.append((each - sum(map(mul, row, found))) / row[-1])
    return found
