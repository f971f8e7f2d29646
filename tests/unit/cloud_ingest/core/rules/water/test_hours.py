# SPDX-License-Identifier: MIT
"""Registers are cut into hours by their own readings."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.hours import LONGEST_S, Cutter, Hour, Reading

HOUR = 3600
QUARTER = 900


def cut(readings: Iterable[Reading], most_l_per_h: float = 5000) -> list[Hour]:
    """Return the hours of readings in litres."""
    cutter = Cutter()
    return [hour for each in readings for hour in cutter.take(each, 1.0, most_l_per_h)]


def test_hourly_readings_are_hours() -> None:
    assert cut([(HOUR, 10), (2 * HOUR, 15), (3 * HOUR, 15)]) == [
        Hour(HOUR, 2 * HOUR, 5),
        Hour(2 * HOUR, 3 * HOUR, 0),
    ]


def test_quarter_hours_are_joined_to_hours() -> None:
    hours = cut((HOUR + n * QUARTER, 2 * n) for n in range(9))
    assert hours == [Hour(HOUR, 2 * HOUR, 8), Hour(2 * HOUR, 3 * HOUR, 8)]


def test_a_day_of_3599_second_hours_is_a_day() -> None:
    hours = cut((HOUR + n * 3599, n) for n in range(25))
    assert [hour.litres for hour in hours] == [1] * 24


def test_the_reading_nearest_to_an_hour_ends_it() -> None:
    hours = cut([(HOUR, 0), (HOUR + 2700, 3), (HOUR + 6300, 9)])
    assert hours == [Hour(HOUR, HOUR + 2700, 3), Hour(HOUR + 2700, HOUR + 6300, 6)]


def test_flow_in_a_longer_gap_is_unknown() -> None:
    assert cut([(HOUR, 0), (4 * HOUR, 30)]) == [Hour(HOUR, 4 * HOUR, None)]


def test_a_register_that_stood_through_a_gap_was_dry() -> None:
    assert cut([(HOUR, 7), (40 * HOUR, 7)]) == [Hour(HOUR, 40 * HOUR, 0)]


def test_one_false_reading_is_left_out() -> None:
    dip = [(HOUR, 100), (2 * HOUR, 0), (3 * HOUR, 108)]
    spike = [(HOUR, 100), (2 * HOUR, 900_000), (3 * HOUR, 108)]
    assert cut(dip) == cut(spike) == [Hour(HOUR, 3 * HOUR, None)]


def test_a_register_that_stays_lower_begins_anew() -> None:
    hours = cut([(HOUR, 100), (2 * HOUR, 0), (3 * HOUR, 4)])
    assert hours == [
        Hour(HOUR, 2 * HOUR, None, anew=True),
        Hour(2 * HOUR, 3 * HOUR, 4),
    ]


def test_a_step_no_meter_passes_begins_anew() -> None:
    hours = cut([(HOUR, 0), (2 * HOUR, 50_000), (3 * HOUR, 50_002)])
    assert [hour.anew for hour in hours] == [True, False]


@given(
    st.lists(st.tuples(st.integers(1, 20_000), st.integers(-50, 900)), max_size=60),
    st.integers(0, 60),
)
def test_hours_join_without_gap_or_invention(steps: list[tuple[int, int]], split: int) -> None:
    readings = [(HOUR, 1000)]
    for gap_s, litres in steps:
        readings.append((readings[-1][0] + gap_s, max(0, readings[-1][1] + litres)))
    cutter = Cutter()
    hours: list[Hour] = []
    for index, reading in enumerate(readings):
        if index == split:
            cutter = Cutter.unpack(cutter.pack())
        hours += cutter.take(reading, 1.0, 5000)
    by_time = dict(readings)
    assert all(before.end_s == after.start_s for before, after in pairwise(hours))
    for hour in hours:
        moved = by_time[hour.end_s] - by_time[hour.start_s]
        assert hour.litres in {None, moved}
        assert hour.litres is not None or hour.anew or hour.span_s > LONGEST_S
