# SPDX-License-Identifier: MIT
"""The covariance of neighbours: what it solves, and its inverse."""

from math import isclose, log
from operator import mul

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.tower.tridiagonal import Tridiagonal

shares = st.lists(st.floats(-0.49, 0.49), max_size=8)


@given(shares)
def test_a_matrix_times_its_inverse_is_one(beside: list[float]) -> None:
    count = len(beside) + 1
    rows = [[float(i == j) for j in range(count)] for i in range(count)]
    for at, each in enumerate(beside):
        rows[at][at + 1] = rows[at + 1][at] = each
    inverse = Tridiagonal.of([1.0] * count, beside).inverse()
    for i, row in enumerate(rows):
        for j, column in enumerate(inverse):  # it is symmetric
            assert isclose(sum(map(mul, row, column)), float(i == j), abs_tol=1e-9)


def test_the_determinant_of_two_neighbours() -> None:
    found = Tridiagonal.of([4.0, 9.0], [3.0])
    assert isclose(found.log_determinant, log(4 * 9 - 3 * 3))
