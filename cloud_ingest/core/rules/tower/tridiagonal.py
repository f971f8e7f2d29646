# SPDX-License-Identifier: MIT
"""A covariance in which only neighbours go together: factored once, then solved for any vector.

In: its diagonal, and what stands beside it. Out: its determinant, solutions, its inverse. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Tridiagonal:
    """A positive definite matrix, factored."""

    pivots: tuple[float, ...]
    ratios: tuple[float, ...]

    @classmethod
    def of(cls, diagonal: Sequence[float], beside: Sequence[float]) -> "Tridiagonal":
        """Factor a matrix; ``beside`` is one shorter than its diagonal."""
        pivots = [diagonal[0]]
        ratios: list[float] = []
        for own, shared in zip(diagonal[1:], beside, strict=True):
            ratios.append(shared / pivots[-1])
            pivots.append(own - ratios[-1] * shared)
        return cls(tuple(pivots), tuple(ratios))

    @property
    def log_determinant(self) -> float:
        """Return the logarithm of the determinant."""
        return sum(log(pivot) for pivot in self.pivots)

    def solved(self, right: Sequence[float]) -> list[float]:
        """Return the vector that the matrix takes to this one."""
        found = list(right)
        for step, ratio in enumerate(self.ratios, 1):
            found[step] -= ratio * found[step - 1]
        found = [each / pivot for each, pivot in zip(found, self.pivots, strict=True)]
        for step in range(len(found) - 2, -1, -1):
            found[step] -= self.ratios[step] * found[step + 1]
        return found

    def inverse(self) -> Matrix:
        """Return the inverse, row by row."""
        count = len(self.pivots)
        return [self.solved([float(i == j) for j in range(count)]) for i in range(count)]
