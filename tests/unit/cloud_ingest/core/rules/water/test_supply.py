# SPDX-License-Identifier: MIT
"""Intermittent supply: learnt from a register, and judged on its own hours alone."""

from collections.abc import Sequence
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.hours import Hour
from cloud_ingest.core.rules.water.judge import advance, as_they_stand
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.core.rules.water.supplied import surprise_of
from cloud_ingest.core.rules.water.supply import Supply, SupplyLearner, SupplySource
from tests.support.supplied_flat import (
    DAY,
    HOUR,
    MORNING,
    START_S,
    ZONE,
    days_of,
    morning,
    read,
)
from tests.support.water_registers import Readings, assert_grouping_changes_nothing, registers

SHOWN = Supply(MORNING.hours, SupplySource.METER)
METER = WaterMeter(litres_per_count=Decimal(1), zone=ZONE, supply=MORNING)
HISTORY_DAYS = 30


def judged(
    litres: Sequence[float], meter: WaterMeter = METER, point: Point = Point.CAREFUL
) -> list[Episode]:
    return as_they_stand(advance(State(), read(litres), meter, point))


def leaking(days: int, rate: float) -> list[float]:
    """Days of a leak before the tank: it flows in supplied hours alone."""
    litres = days_of(days, seed=2)
    return [each + rate * (hour % 24 in MORNING.hours) for hour, each in enumerate(litres)]


def test_floor_under_supplied_hours_is_a_leak() -> None:
    [leak] = judged([*days_of(HISTORY_DAYS), *leaking(6, 20)])
    assert leak.kind == "leak"
    assert leak.cleared_s is None
    assert leak.raised_s <= START_S + (HISTORY_DAYS + 4) * DAY
    assert leak.since_s == START_S + HISTORY_DAYS * DAY + 6 * HOUR
    assert leak.detail["part"] == "supply"
    assert leak.detail["supply"] == "06:00-09:00"
    assert leak.detail["least_l_per_h"] == 20.0


def test_leak_is_told_an_hour_after_supply() -> None:
    [leak] = judged([*days_of(HISTORY_DAYS), *leaking(6, 20)])
    assert (leak.raised_s - START_S) % DAY == 10 * HOUR


def test_tank_that_rests_again_clears_the_leak() -> None:
    litres = [*days_of(HISTORY_DAYS), *leaking(6, 20), *morning(80, 80, 0)]
    [leak] = judged(litres)
    assert leak.cleared_s == START_S + (HISTORY_DAYS + 6) * DAY + 10 * HOUR


def test_a_leak_does_not_become_the_flat_s_own() -> None:
    [leak] = judged(days_of(30) + leaking(60, 100.0))
    assert leak.cleared_s is None
    assert leak.detail["known_h"] == 180


def test_three_days_without_water_clear_the_leak() -> None:
    litres = [*days_of(HISTORY_DAYS), *leaking(6, 20), *[0.0] * 24 * 3]
    [leak] = judged(litres)
    assert leak.cleared_s == START_S + (HISTORY_DAYS + 8) * DAY + 10 * HOUR


def test_slow_inlet_that_always_fills_is_no_leak() -> None:
    assert judged(days_of(120, full_by=3)) == []


def test_leak_beside_a_slow_inlet_shows_above_its_floor() -> None:
    fills = days_of(HISTORY_DAYS, full_by=3)
    more = [each + 120 * (each > 0) for each in days_of(5, full_by=3, seed=2)]
    [leak] = judged([*fills, *more])
    least = leak.detail["least_l_per_h"]
    assert isinstance(least, float)
    assert least >= 150


def test_nothing_is_said_before_two_weeks_of_history() -> None:
    assert judged([*days_of(13), *leaking(9, 20)]) == []


def test_unknown_supplied_hours_count_for_nothing() -> None:
    litres = [*days_of(HISTORY_DAYS), *leaking(9, 20)]
    readings = [
        each
        for each in read(litres)
        if each[0] < START_S + HISTORY_DAYS * DAY or (each[0] - START_S) % DAY != 8 * HOUR
    ]
    assert advance(State(), readings, METER, Point.CAREFUL) == []


@given(
    st.lists(st.integers(0, 5000), min_size=1).map(sorted),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
)
def test_higher_floor_is_never_likelier(history: list[int], one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert 0 <= surprise_of(history, low) <= surprise_of(history, high)


def test_a_burst_far_beyond_all_days_is_found() -> None:
    [burst] = judged([*days_of(HISTORY_DAYS), *leaking(6, 5000)])
    assert burst.cleared_s is None
    assert burst.detail["least_l_per_h"] == 5000.0


@given(registers(), st.sampled_from(Point), st.data())
def test_grouping_changes_nothing_with_supply_by_the_hour(
    readings: Readings, point: Point, data: st.DataObject
) -> None:
    assert_grouping_changes_nothing(readings, METER, point, data)


@given(st.frozensets(st.integers(0, 23)), registers())
def test_any_hours_of_supply_are_judged(hours: frozenset[int], readings: Readings) -> None:
    meter = WaterMeter(litres_per_count=Decimal(1), zone=ZONE, supply=Supply(hours))
    state = State()
    advance(state, readings, meter, Point.EARLY)
    assert len(state.pack()) <= 2000


def learnt(litres: Sequence[float]) -> Supply | None:
    learner = SupplyLearner()
    supply = None
    for index, each in enumerate(litres):
        start_s = START_S + index * HOUR
        supply = learner.take(Hour(start_s, start_s + HOUR, each), ZONE)
        learner = SupplyLearner.unpack(learner.pack())
    return supply


def test_hours_of_supply_are_learnt_in_four_weeks() -> None:
    assert learnt(days_of(28)) == SHOWN
    assert learnt(days_of(27)) is None


def test_leak_is_found_where_supply_was_learnt() -> None:
    meter = WaterMeter(litres_per_count=Decimal(1), zone=ZONE)
    found = judged([*days_of(70), *leaking(6, 20)], meter)
    assert [each.detail["part"] for each in found] == ["supply"]


def test_constant_supply_ends_what_was_learnt() -> None:
    assert learnt([*days_of(60), *[5.0] * 24 * 2]) is None


def test_an_odd_hour_of_water_does_not_end_it() -> None:
    odd = days_of(40)
    odd[-20] = 8.0
    assert learnt(odd) == SHOWN


@settings(max_examples=30)
@given(st.integers(0, 1000), st.sampled_from([0.03, 0.1, 0.3]))
def test_flat_with_water_at_any_hour_has_constant_supply(seed: int, often: float) -> None:
    rng = Random(seed)
    litres = [rng.choice([1, 9, 60]) if rng.random() < often else 0.0 for _ in range(24 * 120)]
    assert learnt(litres) is None


def test_flat_on_holiday_has_constant_supply() -> None:
    used = [
        9.0 if hour % 24 in {7, 8, 13, 20} or hour % 41 == 0 else 0.0 for hour in range(24 * 30)
    ]
    for away_days in (14, 40, 90):
        assert learnt([*used, *[0.0] * 24 * away_days]) is None
        assert learnt([0.0] * 24 * away_days) is None


@pytest.mark.parametrize(
    ("hours", "says", "opens"),
    [
        ({6, 7, 8}, "06:00-09:00", 6),
        ({23, 0, 1}, "23:00-02:00", 23),
        ({5, 6, 18, 19}, "05:00-07:00 and 18:00-20:00", 18),
        ({22, 23}, "22:00-24:00", 22),
        ({1, 4, 9, 14}, "4 hours a day", 1),
        (set(range(24)), "all day", 0),
        (set(), "never", 0),
    ],
)
def test_hours_of_supply_are_said_as_people_do(hours: set[int], says: str, opens: int) -> None:
    supply = Supply(frozenset(hours))
    assert (str(supply), supply.opens) == (says, opens)
