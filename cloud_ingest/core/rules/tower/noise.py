# SPDX-License-Identifier: MIT
"""The noise of a tower's residual: one part that adds up, and one that takes itself back.

What is used without a meter differs from day to day, and adds up. A coarse register, a reading some
minutes late or water in a tank put off to the next day what they keep from this one: over a week
almost nothing of it is left. The two are told apart by the tower's own history, so that a tower
with a tank between bulk meter and flats needs no setting: its weeks are judged, not its days.

The residual's level and the gain errors of all meters are not known either. They are integrated
out: of a flat that uses twice as much from one day on, its meter's error is no loss. Another bulk
meter has another gain error.

In: steps. Out: `Noise`, and the precision matrix of the residual under it. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from operator import mul

from cloud_ingest.core.rules.tower.steps import Steps
from cloud_ingest.core.rules.tower.tridiagonal import Matrix, Tridiagonal

Shape = tuple[Sequence[float], float]
"""What the residual may hold any amount of, and the variance of that amount."""

GAIN_SD = 0.03
"""Of the bulk meter: class 2, aged."""
METER_GAIN_SD = 0.02
"""Of each meter behind it: class 2."""
WALK_SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4)
BORDER_SHARES = (0.05, 0.15, 0.3, 0.45, 0.6, 0.8)
"""Of the residual's spread from day to day: where the noise is looked for."""
STRANGE = 1e4
"""Of a step that says nothing of the others: its variance, in squares of the spread."""


@dataclass(frozen=True, slots=True)
class Noise:
    """Variances of a residual."""

    walk: float
    """Added by each day."""
    border: float
    """At each end of a step: what one step lacks, the next has."""


def noise_of(steps: Steps, change: int | None = None) -> Noise:
    """Return the noise that a tower shows, averaged over what it may be.

    Args:
        steps: The steps.
        change: The step at which the residual's level may have changed for good; of that change
            nothing is noise.
    """
    floor = steps.resolution**2 / 12
    tried = [
        Noise((walk * steps.spread) ** 2, max(floor, (border * steps.spread) ** 2))
        for walk in WALK_SHARES
        for border in BORDER_SHARES
    ]
    shapes = _nuisances(steps)
    if change is not None:
        after = [width * (step >= change) for step, width in enumerate(steps.widths)]
        shapes.append((after, shapes[0][1]))
    fits = [_log_likelihood(steps, noise, shapes) for noise in tried]
    best = max(fits)
    weights = [exp(fit - best) for fit in fits]
    total = sum(weights)
    return Noise(
        walk=sum(w * noise.walk for w, noise in zip(weights, tried, strict=True)) / total,
        border=sum(w * noise.border for w, noise in zip(weights, tried, strict=True)) / total,
    )


def precision(steps: Steps, noise: Noise, *, meters_err: bool = True) -> Matrix:
    """Return the inverse covariance of the residual, its level and the gains integrated out.

    Args:
        steps: The steps.
        noise: Of their residual.
        meters_err: Also the gains of the meters behind the bulk meter: it takes a while.
    """
    inverse = _covariance(steps, noise).inverse()
    for shape, variance in [*_nuisances(steps), *(_meter_gains(steps) if meters_err else ())]:
        solved = [sum(map(mul, row, shape)) for row in inverse]
        scale = 1.0 / (1.0 / variance + sum(map(mul, shape, solved)))
        inverse = [
            [each - scale * own * other for each, other in zip(row, solved, strict=True)]
            for row, own in zip(inverse, solved, strict=True)
        ]
    return inverse


def _meter_gains(steps: Steps) -> list[Shape]:
    """Return by how much each meter's use differs from its mean: of that it errs by some percent.

    Its error of the mean is the level's.
    """
    days = sum(steps.widths)
    return [
        (
            [use - width * mean for use, width in zip(uses, steps.widths, strict=True)],
            METER_GAIN_SD**2,
        )
        for uses in steps.meters.values()
        if (mean := sum(uses) / days)
    ]


def _nuisances(steps: Steps) -> list[Shape]:
    """Return the shapes of the level and of the bulk meter's gain errors, with prior variances."""
    widths = [float(width) for width in steps.widths]
    mean = sum(steps.bulk) / sum(widths)
    gain = [
        (given - mean * width) * (step not in steps.strange)
        for step, (given, width) in enumerate(zip(steps.bulk, widths, strict=True))
    ]
    changed = [
        ([given * (step >= change) for step, given in enumerate(steps.bulk)], 2 * GAIN_SD**2)
        for change in steps.bulk_changes
    ]
    return [(widths, (mean + 1.0) ** 2), (gain, GAIN_SD**2), *changed]


def _log_likelihood(steps: Steps, noise: Noise, shapes: Sequence[Shape]) -> float:
    covariance = _covariance(steps, noise)
    solved = covariance.solved(steps.residual)
    fit: float = -0.5 * (sum(map(mul, steps.residual, solved)) + covariance.log_determinant)
    done: list[tuple[list[float], float]] = []
    for shape, variance in shapes:
        own = covariance.solved(shape)
        for other, scale in done:
            along = scale * sum(map(mul, other, shape))
            own = [each - along * further for each, further in zip(own, other, strict=True)]
        weight = 1.0 + variance * sum(map(mul, shape, own))
        pulled = sum(map(mul, own, steps.residual))
        fit += (variance / weight * pulled * pulled - log(weight)) / 2
        done.append((own, variance / weight))
    return fit


def _covariance(steps: Steps, noise: Noise) -> Tridiagonal:
    """Return the covariance of steps that share their borders."""
    borders = [noise.border + guessed for guessed in steps.border_variance]
    strange = STRANGE * steps.spread**2
    diagonal = [
        noise.walk * width + borders[step] + borders[step + 1] + strange * (step in steps.strange)
        for step, width in enumerate(steps.widths)
    ]
    return Tridiagonal.of(diagonal, [-border for border in borders[1:-1]])
