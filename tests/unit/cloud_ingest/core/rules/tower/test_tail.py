# SPDX-License-Identifier: MIT
"""A use in the last steps of a residual, against the likelihoods written out."""

from math import log
from operator import mul
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.tower.tail import Tail
from cloud_ingest.core.rules.tower.tridiagonal import Matrix

STEPS = 5
BEGIN = 2


def eliminated(matrix: Matrix, right: list[float]) -> tuple[list[float], float]:
    """Return a solution and the logarithm of the determinant, by Gauss."""
    rows = [[*row, each] for row, each in zip(matrix, right, strict=True)]
    for step, pivot in enumerate(rows):
        for row in rows[step + 1 :]:
            part = row[step] / pivot[step]
            row[step:] = [
                own - part * other for own, other in zip(row[step:], pivot[step:], strict=True)
            ]
    found = [0.0] * len(rows)
    for step in reversed(range(len(rows))):
        known = sum(map(mul, rows[step][step + 1 : -1], found[step + 1 :]))
        found[step] = (rows[step][-1] - known) / rows[step][step]
    return found, sum(log(row[step]) for step, row in enumerate(rows))


def log_density(covariance: Matrix, left: list[float]) -> float:
    solved, determinant = eliminated(covariance, left)
    distance: float = sum(map(mul, left, solved))
    return -(distance + determinant) / 2


@given(
    st.integers(0, 1000),
    st.floats(0, 300),
    st.sampled_from([0.0, 100.0, 1e4]),
    st.sampled_from([0.0, 50.0, 1e4]),
)
def test_a_use_is_as_likely_as_its_covariance_says(
    seed: int, mean: float, level: float, scatter: float
) -> None:
    rng = Random(seed)
    residual = [rng.gauss(0, 150) for _ in range(STEPS)]
    noise = [
        [6400.0 * (i == j) + 900.0 * (abs(i - j) == 1) for j in range(STEPS)] for i in range(STEPS)
    ]
    days = [0.4, *(float(rng.randint(1, 3)) for _ in range(STEPS - BEGIN - 1))]
    use = [*[0.0] * BEGIN, *days]
    with_use = [
        [each + scatter * use[i] * (i == j) + level * use[i] * use[j] for j, each in enumerate(row)]
        for i, row in enumerate(noise)
    ]
    left = [own - mean * day for own, day in zip(residual, use, strict=True)]
    inverse = [eliminated(noise, [float(i == j) for j in range(STEPS)])[0] for i in range(STEPS)]
    pull = [sum(map(mul, row, residual)) for row in inverse]
    fit = Tail.of(inverse, pull, days, BEGIN).log_marginal(mean, level, scatter)
    expected = log_density(with_use, left) - log_density(noise, residual)
    assert fit == pytest.approx(expected, rel=1e-6, abs=1e-6)
