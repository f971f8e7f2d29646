# SPDX-License-Identifier: MIT
"""The bars of a month's days."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.consumption import Stretch
from cloud_ingest.core.month import parse_month
from cloud_ingest.web.day_bars import HEIGHT, WIDTH, Shape, bars, day_marks, flagged, most_a_day
from tests.support.store import ZONE, local

OCTOBER = parse_month("2026-10", ZONE)
DAY = timedelta(days=1)


def stretch(begin: str, end: str, quantity: str) -> Stretch:
    at = local(end)
    return Stretch(local(begin), at, at.astimezone(ZONE).date(), Decimal(quantity))


def test_a_gap_is_one_wide_bar_and_no_spike() -> None:
    days = [
        stretch("2026-10-01 00:00", "2026-10-02 00:00", "10"),
        stretch("2026-10-02 00:00", "2026-10-12 00:00", "100"),
        stretch("2026-10-12 00:00", "2026-10-13 00:00", "10"),
    ]
    one, gap, last = bars(days, OCTOBER, most_a_day(days))
    assert (one.shape, gap.shape) == (Shape.MEASURED, Shape.GAP)
    assert round(gap.width / one.width) == 10
    assert one.height == gap.height == last.height == HEIGHT


def test_where_nothing_was_measured_is_no_bar() -> None:
    days = [stretch("2026-10-20 00:00", "2026-10-21 00:00", "10")]
    [only] = bars(days, OCTOBER, most_a_day(days))
    assert round(only.left / WIDTH * 31) == 19


def test_a_part_of_a_day_is_not_made_a_whole_one() -> None:
    days = [
        stretch("2026-10-01 00:00", "2026-10-02 00:00", "10"),
        stretch("2026-10-02 00:00", "2026-10-02 00:15", "1"),
    ]
    assert most_a_day(days) == 10


def test_a_month_in_which_nothing_was_used_has_flat_bars() -> None:
    days = [stretch("2026-10-01 00:00", "2026-10-02 00:00", "0")]
    assert bars(days, OCTOBER, most_a_day(days))[0].height == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 20 * 96), st.decimals(0, 10**6, places=3)), min_size=1, max_size=40
    ),
    st.integers(-5 * 96, 20 * 96),
)
def test_bars_stand_side_by_side_within_the_month(
    steps: list[tuple[int, Decimal]], begins: int
) -> None:
    quarter = timedelta(minutes=15)
    at = OCTOBER.start + begins * quarter
    found: list[Stretch] = []
    for length, quantity in steps:
        found.append(Stretch(at, at + length * quarter, date(2026, 10, 1), quantity))
        at += length * quarter
    drawn = bars(found, OCTOBER, most_a_day(found))
    for one, other in pairwise(drawn):
        assert one.left + one.width <= other.left + 1e-6
    for bar in drawn:
        assert bar.left >= 0
        assert bar.left + bar.width <= WIDTH + 1e-6
        assert 0 <= bar.height <= HEIGHT + 1e-6
        lasts = bar.stretch.end - bar.stretch.start
        if lasts >= DAY:
            assert abs(bar.a_day * Decimal(lasts / DAY) - bar.stretch.quantity) < Decimal("0.01")


def test_the_days_of_a_month_are_marked() -> None:
    assert [label for _, label in day_marks(OCTOBER, ZONE)] == [
        *("1", "5", "10", "15", "20", "25", "30")
    ]


def test_a_flag_stands_over_the_days_that_it_had() -> None:
    start, day = OCTOBER.start, timedelta(days=1)
    assert flagged(OCTOBER, start - day, None) == (0.0, WIDTH)
    left, width = flagged(OCTOBER, start + day, start + 2 * day)
    assert left == pytest.approx(width) == pytest.approx(WIDTH / 31)
