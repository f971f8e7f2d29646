# SPDX-License-Identifier: MIT
"""The loss of a tower: since when more goes through its bulk meter than its meters count.

Each day may be the one on which a constant loss began. The likelihood ratio of the best of them
against no loss at all is the evidence. A loss that ended explains the past better than one that
goes on, and is none now.

In: steps, and the precision of their residual. Out: a `Loss`, or None. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from math import sqrt
from operator import mul

from cloud_ingest.core.rules.tower.steps import Steps
from cloud_ingest.core.rules.tower.tridiagonal import Matrix

BASELINE_STEPS = 28
"""Without so many known days before it nothing is called a change."""
LEAST_STEPS = BASELINE_STEPS + 2
"""With less there is no step at which a loss may have begun."""
RAISE_EVIDENCE = 9.0
KEEP_EVIDENCE = 6.0
ENDED_BY = 3.0
"""A loss that has ended must explain the past by so much better than one that goes on."""
Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Loss:
    """A constant loss per day, in the unit of the series."""

    since: date
    per_day: float
    lower: float
    upper: float
    """With 95 % confidence."""
    evidence: float
    """Natural logarithm of the likelihood ratio against no loss."""


@dataclass(frozen=True, slots=True)
class Scan:
    """How well a loss over each stretch of steps fits, and how sharply; at least `LEAST_STEPS`."""

    pulls: list[float]
    """Cumulated over the steps."""
    sharpness: list[list[float]]

    @classmethod
    def of(cls, steps: Steps, inverse: Matrix) -> "Scan":
        """Sum up a residual and its precision."""
        widths = steps.widths
        pull = (
            width * sum(map(mul, row, steps.residual))
            for row, width in zip(inverse, widths, strict=True)
        )
        sums = [[0.0] * (len(widths) + 1)]
        for row, width in zip(inverse, widths, strict=True):
            own = accumulate(map(mul, row, widths), initial=0.0)
            sums.append([above + width * each for above, each in zip(sums[-1], own, strict=True)])
        return cls([0.0, *accumulate(pull)], sums)

    @property
    def count(self) -> int:
        """Return how many steps there are."""
        return len(self.pulls) - 1

    def fit(self, begin: int, end: int) -> tuple[float, float]:
        """Return how much of the residual goes along with a loss, and how sharply it is known."""
        sums = self.sharpness
        return (
            self.pulls[end] - self.pulls[begin],
            sums[end][end] - 2 * sums[begin][end] + sums[begin][begin],
        )

    def evidence(self, begin: int, end: int) -> float:
        """Return the logarithm of the likelihood ratio of a loss against none."""
        along, sharp = self.fit(begin, end)
        return along * along / (2 * sharp) if along > 0 and sharp > 0 else 0.0

    def best_running(self) -> tuple[float, int]:
        """Return the evidence and the first step of the best loss that goes on."""
        begins = range(BASELINE_STEPS, self.count - 1)
        return max((self.evidence(begin, self.count), begin) for begin in begins)

    def best_ended(self) -> float:
        """Return the evidence of the best loss that has ended."""
        return max((evidence for evidence, _ in self.ended()), default=0.0)

    def ended(self) -> Iterator[tuple[float, int]]:
        """Yield the evidence and the first step of each loss that has ended."""
        for begin in range(BASELINE_STEPS, self.count - 1):
            for end in range(begin + 1, self.count):
                yield self.evidence(begin, end), begin


def loss_of(steps: Steps, scan: Scan, *, is_open: bool, is_explained: bool) -> Loss | None:
    """Return the loss that goes on at the end of the steps.

    Args:
        steps: The steps.
        scan: Of their residual.
        is_open: A loss was raised before and has not ended.
        is_explained: A meter is named for it, by more than these sums of days.
    """
    evidence, begin = scan.best_running()
    if not is_explained and (
        evidence < (KEEP_EVIDENCE if is_open else RAISE_EVIDENCE)
        or scan.best_ended() > evidence + ENDED_BY
    ):
        return None
    along, sharp = scan.fit(begin, scan.count)
    rate, half = along / sharp, Z_95 / sqrt(sharp)
    return Loss(steps.day(begin), rate, rate - half, rate + half, evidence)


def least_seen(scan: Scan, days: int) -> float:
    """Return the daily loss that would be raised so many steps after it began, on average."""
    begin = max(BASELINE_STEPS, scan.count - days)
    _, sharp = scan.fit(begin, scan.count)
    return sqrt(2 * RAISE_EVIDENCE / sharp)
