# SPDX-License-Identifier: MIT
"""Intervals against published values, and against themselves."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.scoring.confidence import bootstrap, rate, share


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0)],
)
def test_a_share_has_wilsons_interval(found: int, of: int, low: float, high: float) -> None:
    assert share(found, of)[1:] == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683)]
)
def test_a_count_has_the_exact_interval(count: int, low: float, high: float) -> None:
    assert rate(count, 1)[1:] == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 300), st.floats(0.01, 1e6))
def test_a_rate_lies_within_its_interval(count: int, exposure: float) -> None:
    found = rate(count, exposure)
    assert found.low <= found.measured < found.high


@given(st.integers(0, 500), st.integers(1, 500))
def test_a_share_lies_within_its_interval(found: int, more: int) -> None:
    figure = share(found, found + more)
    assert 0 <= figure.low <= figure.measured < figure.high <= 1


def test_of_nothing_all_is_possible() -> None:
    assert math.isnan(share(0, 0).measured)
    assert share(0, 0)[1:] == (0, 1)
    assert rate(0, 0)[1:] == (0, math.inf)


def test_a_spread_is_drawn_from_the_seed() -> None:
    first, again = (bootstrap([(1, 1), (2, 1), (3, 1), (4, 1)], Random(7)) for _ in "ab")
    assert first == again
    assert first.low < first.measured == 2.5 < first.high


def test_a_ratio_of_nothing_is_not_known() -> None:
    assert math.isnan(bootstrap([], Random(1)).measured)
    assert math.isnan(bootstrap([(0, 0)], Random(1)).low)
