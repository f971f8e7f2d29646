# SPDX-License-Identifier: MIT
"""Registers of 10 L and 100 L: leaks told by the statistics of steps."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.coarse import Coarse
from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance, as_they_stand
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from tests.support.water_registers import Readings, assert_grouping_changes_nothing, registers

HOUR = 3600
START_S = 1_699_986_600  # a midnight in Kolkata
ZONE = ZoneInfo("Asia/Kolkata")
QUIET_DAYS = 35


def meter_of(step_l: int) -> WaterMeter:
    return WaterMeter(litres_per_count=Decimal(step_l), zone=ZONE)


def household(hours: int, seed: int = 1) -> list[float]:
    """Litres of a made-up flat by the hour: nobody up at night, showers in the morning."""
    rng = Random(seed)
    litres: list[float] = []
    for hour in range(hours):
        of_day = hour % 24
        often = 0.03 if of_day < 6 else 0.8 if of_day in {7, 8, 20, 21} else 0.4
        litres.append(rng.choice([3, 6, 9, 15, 40, 60]) if rng.random() < often else 0)
    return litres


def read(litres: Sequence[float], step_l: int, interval_s: int = HOUR) -> Readings:
    """Readings of a register of this step; litres flow evenly within an hour."""
    parts = HOUR // interval_s
    each = [volume / parts for volume in litres for _ in range(parts)]
    volumes = accumulate(each, initial=0.0)
    return [
        (START_S + index * interval_s, int((volume + 1e-6) // step_l))
        for index, volume in enumerate(volumes)
    ]


def with_leak(litres: Sequence[float], since_h: int, rate: float) -> list[float]:
    return [volume + rate * (hour >= since_h) for hour, volume in enumerate(litres)]


def judged(readings: Readings, step_l: int, point: Point = Point.CAREFUL) -> list[Episode]:
    return as_they_stand(advance(State(), readings, meter_of(step_l), point))


def delay_h(step_l: int, rate: float, interval_s: int = HOUR) -> float:
    """How long after its start a leak in the made-up flat is told."""
    since_h = QUIET_DAYS * 24
    litres = with_leak(household(since_h + 120), since_h, rate)
    first = judged(read(litres, step_l, interval_s), step_l)[0]
    assert first.kind == "leak"
    return (first.raised_s - START_S) / HOUR - since_h


@pytest.mark.parametrize(("rate", "within_h"), [(5, 48), (7, 48), (10, 24), (17, 24), (25, 24)])
@pytest.mark.parametrize("interval_s", [HOUR, HOUR // 4])
def test_leak_shows_on_a_register_of_ten_litres(
    rate: float, within_h: int, interval_s: int
) -> None:
    assert 0 < delay_h(10, rate, interval_s) <= within_h + 1


@pytest.mark.parametrize(("rate", "within_h"), [(30, 48), (50, 24), (100, 24)])
def test_strong_leak_shows_on_a_register_of_hundred_litres(rate: float, within_h: int) -> None:
    assert 0 < delay_h(100, rate) <= within_h + 1


@pytest.mark.parametrize("step_l", [10, 100])
@pytest.mark.parametrize("seed", range(3))
def test_household_alone_raises_nothing(step_l: int, seed: int) -> None:
    assert judged(read(household(90 * 24, seed), step_l), step_l) == []


def test_leak_tells_since_when_and_how_much() -> None:
    since_h = QUIET_DAYS * 24
    litres = with_leak([0.0] * (since_h + 40), since_h, 10)
    (leak,) = judged(read(litres, 10), 10)
    assert leak.since_s == START_S + since_h * HOUR
    assert leak.cleared_s is None
    assert leak.detail == {
        "part": "steps",
        "rate_l_per_h": 10.0,
        "least_l_per_h": 8.2,
        "litres": 400.0,
        "known_h": 40.0,
        "start_known": True,
    }


def evidence(since_h: int, hours: int) -> float:
    """How much so many hours of 10 L/h tell in a flat that is known for weeks."""
    litres = with_leak(household(since_h + hours, 2), since_h, 10)
    state = State()
    advance(state, read(litres, 10), meter_of(10), Point.CAREFUL)
    assert isinstance(state.memory, Coarse)
    return state.memory.watches[1].evidence


def test_hours_at_night_weigh_more_than_by_day() -> None:
    night, day = evidence(QUIET_DAYS * 24, 5), evidence(QUIET_DAYS * 24 + 10, 5)
    assert night > 1.5 * day


def test_leak_clears_when_steps_fall_short() -> None:
    since_h = QUIET_DAYS * 24
    litres = [*with_leak([0.0] * (since_h + 40), since_h, 10), *[0.0] * 5]
    (leak,) = judged(read(litres, 10), 10)
    assert leak.cleared_s == START_S + (since_h + 40 + 3) * HOUR


def test_unknown_hours_neither_raise_nor_clear() -> None:
    since_h = QUIET_DAYS * 24
    readings = read(with_leak([0.0] * (since_h + 60), since_h, 10), 10)
    silent = range(since_h + 3, since_h + 13)
    with_gap = [each for hour, each in enumerate(readings) if hour not in silent]
    (whole,), (gap,) = judged(readings, 10), judged(with_gap, 10)
    assert gap.cleared_s is None
    assert gap.since_s == whole.since_s
    assert gap.raised_s > whole.raised_s


def test_four_strong_hours_are_a_burst() -> None:
    litres = [*[0.0] * 48, *[100.0] * 4, *[0.0] * 5]
    (burst,) = judged(read(litres, 10), 10)
    assert (burst.kind, burst.since_s) == ("burst", START_S + 48 * HOUR)
    assert burst.raised_s == START_S + 52 * HOUR
    assert burst.detail["least_l_per_h"] == 100.0


def test_three_strong_hours_are_a_long_bath() -> None:
    assert judged(read([*[0.0] * 48, *[100.0] * 3, *[0.0] * 5], 10), 10) == []


def test_usual_evening_of_a_big_family_is_no_burst() -> None:
    evenings = [
        120.0 if 18 <= hour < (22 if day % 6 == 0 else 21) else 3.0 * (hour % 5 == 0)
        for day in range(60)
        for hour in range(24)
    ]
    [first] = judged(read(evenings, 10), 10)
    assert first.raised_s < START_S + 24 * HOUR


def test_strong_evening_that_comes_again_is_a_habit() -> None:
    litres = [*household(60 * 24), *([0.0] * 236 + [100.0] * 4) * 8]
    bursts = judged(read(litres, 10), 10)
    assert 1 <= len(bursts) < 8


def test_burst_upon_a_leak_shows_more_than_the_leak() -> None:
    since_h = QUIET_DAYS * 24
    leak = with_leak([0.0] * (since_h + 40), since_h, 20)
    hidden = judged(read([*leak, *[20.0, *[90.0] * 4] * 2], 10), 10)
    shown = judged(read([*leak, *[20.0, *[130.0] * 4] * 2], 10), 10)
    assert [each.kind for each in hidden] == ["leak"]
    assert [each.kind for each in shown] == ["leak", "burst"]


def test_strong_hours_before_a_new_register_say_nothing() -> None:
    hours = [*[0.0] * 48, *[100.0] * 3]
    readings = read(hours, 10)
    later_s = readings[-1][0]
    renewed = [(later_s + hour * HOUR, 10 * hour) for hour in range(1, 4)]
    assert judged([*readings, *renewed], 10) == []


@pytest.mark.parametrize("step_l", [10, 100])
def test_cistern_that_runs_on_is_found(step_l: int) -> None:
    episodes = [200.0 if hour % 8 < 3 else 0.0 for hour in range(48)]
    found = judged(read([*household(QUIET_DAYS * 24), *episodes], step_l), step_l)
    assert [each.detail["part"] for each in found] == ["run-on"]
    assert found[0].detail["least_l_per_h"] == 0


@pytest.mark.parametrize("step_l", [10, 100])
def test_common_areas_have_no_burst_nor_run_on(step_l: int) -> None:
    garden = [200.0 if hour % 12 < 5 else 0.0 for hour in range(96)]
    readings = read([*[0.0] * 48, *garden], step_l)
    assert judged(readings, step_l)
    common = replace(meter_of(step_l), common=True)
    assert advance(State(), readings, common, Point.CAREFUL) == []


@given(st.sampled_from([10, 100]), st.integers(1, 200), st.integers(0, 23), st.sampled_from(Point))
def test_one_big_step_raises_nothing(step_l: int, steps: int, hour: int, point: Point) -> None:
    litres = [*[0.0] * (24 + hour), float(min(steps * step_l, 15_000)), *[0.0] * 24]
    assert judged(read(litres, step_l), step_l, point) == []


@given(registers(), st.sampled_from([10, 100]), st.sampled_from(Point), st.data())
def test_grouping_changes_nothing_on_coarse_registers(
    readings: Readings, step_l: int, point: Point, data: st.DataObject
) -> None:
    assert_grouping_changes_nothing(readings, meter_of(step_l), point, data)


@given(
    st.lists(st.tuples(st.integers(), st.integers()), max_size=30),
    st.sampled_from([4, 10, 100, 1000]),
    st.sampled_from(Point),
)
def test_no_readings_raise_an_error_on_coarse_registers(
    readings: Readings, step_l: int, point: Point
) -> None:
    state = State()
    advance(state, readings, meter_of(step_l), point)
    assert len(state.pack()) <= 1500


def test_a_leak_from_the_first_reading_began_with_it() -> None:
    (event,) = judged(read([20.0] * 60, 10), 10)
    assert event.since_s == START_S
    assert event.detail["start_known"] is False
