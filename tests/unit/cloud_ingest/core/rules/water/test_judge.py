# SPDX-License-Identifier: MIT
"""The water rules as a whole: what comes out depends on the readings alone."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water import fine
from cloud_ingest.core.rules.water.episode import RUN_SINCE_S, Episode
from cloud_ingest.core.rules.water.judge import advance, as_they_stand
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from tests.support.water_registers import (
    START_S,
    Readings,
    assert_grouping_changes_nothing,
    registers,
)

HOUR = 3600
DAY = 24 * HOUR
METER = WaterMeter(litres_per_count=Decimal(1), zone=ZoneInfo("Asia/Kolkata"))


def hourly(litres: Sequence[int | None]) -> Readings:
    """Readings each hour; None: this one is missing, and nothing passed."""
    raw = 1000
    readings = [(START_S, raw)]
    for index, each in enumerate(litres, start=1):
        raw += each or 0
        if each is not None:
            readings.append((START_S + index * HOUR, raw))
    return readings


def judged(readings: Readings, point: Point = Point.CAREFUL) -> list[Episode]:
    """Return how each event stands at the end of the readings."""
    return as_they_stand(advance(State(), readings, METER, point))


@given(registers(), st.sampled_from(Point), st.data())
def test_grouping_of_readings_changes_nothing(
    readings: Readings, point: Point, data: st.DataObject
) -> None:
    assert_grouping_changes_nothing(readings, METER, point, data)


@given(st.lists(st.tuples(st.integers(), st.integers()), max_size=30), st.sampled_from(Point))
def test_no_readings_ever_raise_an_error(readings: Readings, point: Point) -> None:
    state = State()
    advance(state, readings, METER, point)
    assert len(state.pack()) <= 2000


def lived(days: int, leak: Sequence[int] = ()) -> list[int | None]:
    """A flat that uses water mostly by day; the leak runs at the end of it."""
    random = Random(12)
    chances = [0.05] * 6 + [0.8, 0.9, 0.6] + [0.4] * 9 + [0.7] * 4 + [0.3, 0.1]
    use = [
        random.choice([2, 9, 12, 30, 55, 80, 120]) if random.random() < chance else 0
        for chance in chances * days
    ]
    start = len(use) - len(leak)
    return [each + (leak[i - start] if i >= start else 0) for i, each in enumerate(use)]


def part(episode: Episode) -> object:
    """Return which rule saw it."""
    return episode.detail["part"]


def test_a_flat_without_a_leak_raises_nothing() -> None:
    assert judged(hourly(lived(60))) == []


def test_a_steady_leak_is_told_within_a_day() -> None:
    [leak] = judged(hourly(lived(30, [5] * 30)))
    assert (leak.kind, leak.severity, part(leak)) == ("leak", "alarm", "steady")
    assert leak.raised_s <= leak.since_s + 24 * HOUR
    assert leak.detail["least_l_per_h"] == 5.0
    assert leak.detail["start_known"]


def test_litres_and_nights_are_told_with_it() -> None:
    [leak] = judged(hourly([0] * 72 + [5] * 72))
    assert leak.since_s == START_S + 72 * HOUR
    assert leak.detail["litres"] == 360.0
    assert leak.detail["rate_l_per_h"] == 5.0
    assert leak.detail["nights"] == 2


def test_a_slow_leak_in_a_quiet_flat_takes_a_day() -> None:
    [leak] = judged(hourly(lived(30, [2] * 50)))
    assert part(leak) == "slow"
    assert 22 * HOUR <= leak.raised_s - leak.since_s <= 24 * HOUR


def test_a_slow_leak_under_much_use_takes_longer() -> None:
    much = [2, 20, 40, 15, 60, 3, 30, 2] * 8
    [leak] = judged(hourly([0, *much]))
    assert part(leak) == "slow"
    assert leak.raised_s - leak.since_s >= 36 * HOUR


def test_a_cistern_that_fills_unevenly_is_told() -> None:
    [leak] = judged(hourly(lived(30, [4, 8, 4, 4, 8, 8] * 6)))
    assert part(leak) in {"uneven", "steady"}


def test_a_slow_refill_is_told_in_three_days() -> None:
    [leak] = judged(hourly(lived(30, [4, 0, 4, 4, 0, 4] * 12)))
    assert part(leak) == "refill"


def test_a_burst_is_told_in_four_hours() -> None:
    [burst] = judged(hourly([*lived(30), *[0] * 24, *[400] * 6]))
    assert burst.kind == "burst"
    assert burst.raised_s == burst.since_s + 4 * HOUR


def test_four_hours_of_a_fast_clock_are_a_burst() -> None:
    late = hourly([*lived(30), *[0] * 24, *[120] * 6])
    [burst] = judged([(START_S + (at_s - START_S) // HOUR * 3599, raw) for at_s, raw in late])
    assert burst.raised_s == burst.since_s + 4 * 3599


def test_an_evening_that_is_usual_for_a_big_family_is_none() -> None:
    flows = [
        120 if 18 <= hour < (22 if day % 6 == 0 else 21) else 3 * (hour % 5 == 0)
        for day in range(60)
        for hour in range(24)
    ]
    [first] = judged(hourly(flows))
    assert first.raised_s < START_S + 24 * HOUR


def never_long_dry(days: int, leak: int = 0, seed: int = 2) -> list[int | None]:
    """A big family: hardly an hour without water, and runs of a day by chance."""
    random = Random(seed)
    return [
        leak + (random.choice([4, 9, 12, 20, 30, 55, 80]) if random.random() < chance else 0)
        for chance in ([0.7] * 6 + [0.95] * 18) * days
    ]


def test_runs_of_a_big_family_become_its_habit(monkeypatch: pytest.MonkeyPatch) -> None:
    with_habit = judged(hourly(never_long_dry(120)))
    monkeypatch.setattr(fine, "MOST_NATS", 0.0)
    without = judged(hourly(never_long_dry(120)))
    assert 0 < len(with_habit) < len(without) / 2


def test_a_leak_in_a_big_family_is_told_in_two_days() -> None:
    flows = [*never_long_dry(120), *never_long_dry(3, leak=6, seed=9)]
    leak = judged(hourly(flows))[-1]
    assert leak.cleared_s is None
    assert START_S + 120 * DAY <= leak.raised_s <= START_S + 122 * DAY


def test_a_burst_upon_a_leak_is_its_own_event() -> None:
    kinds = [each.kind for each in judged(hourly(lived(30, [5] * 40 + [405] * 6)))]
    assert kinds == ["leak", "burst"]


def test_a_burst_that_goes_on_is_a_leak() -> None:
    readings = hourly(lived(30, [64] * 6 + [144] * 5 + [64] * 61))
    [leak] = judged(readings)
    assert (leak.kind, leak.since_s) == ("leak", START_S + (30 * 24 - 72) * HOUR)
    [burst] = judged(readings[: -72 + 20])
    assert (burst.kind, burst.raised_s) == ("burst", leak.raised_s)


def test_a_fixture_that_runs_on_is_told() -> None:
    run = [0, 200, 200, 0, 0, 0, 0, 0]
    [leak] = judged(hourly(lived(30, run * 3)))
    assert part(leak) == "run-on"


def test_a_run_on_tells_all_litres_of_its_hours() -> None:
    run = [0, 300, 300, 0, 0, 0, 0, 0]
    told = advance(State(), hourly(lived(30, run * 2)), METER, Point.CAREFUL)
    litres = told[0].detail["litres"]
    assert isinstance(litres, float)
    assert litres > 1000
    assert told[0].detail["start_known"]


def test_a_leak_that_paused_names_its_new_run() -> None:
    [leak] = judged(hourly(lived(30, [5] * 30 + [0] * 10 + [5] * 30)))
    assert leak.detail[RUN_SINCE_S] == leak.since_s + 40 * HOUR
    assert leak.detail["least_l_per_h"] == 5


def test_a_fixture_that_runs_on_is_one_event() -> None:
    run = [0, 200, 200, 0, 0, 0, 0, 0] * 3
    [leak] = judged(hourly(lived(30, [*run, *run, *[0, 200, 200, 200, 200, 200]])))
    assert leak.kind == "leak"


def test_common_areas_have_no_burst_nor_run_on() -> None:
    common = replace(METER, common=True)
    readings = hourly(lived(30, [400] * 8))
    assert advance(State(), readings, common, Point.CAREFUL) == []


def test_a_new_meter_is_judged_by_the_plain_rule() -> None:
    uneven = [6, 30, 90, 45, 8, 70, 20, 15, 60, 33, 50, 27] * 2
    [leak] = judged(hourly([0, 0, *uneven, 40]))
    assert part(leak) == "plain"
    assert leak.raised_s == START_S + 26 * HOUR


def test_two_dry_hours_end_it() -> None:
    [leak] = judged(hourly([0] * 48 + [5] * 30 + [0, 0]))
    assert leak.cleared_s == START_S + 80 * HOUR


def test_the_same_leak_again_is_the_same_event() -> None:
    [leak] = judged(hourly([0] * 48 + [5] * 30 + [0] * 20 + [5] * 30))
    assert leak.cleared_s is None


def test_a_mended_leak_clears_where_nothing_is_dry() -> None:
    [leak] = judged(hourly([1] * 72 + [9] * 30 + [1] * 30))
    assert leak.cleared_s is not None
    assert START_S + 102 * HOUR < leak.cleared_s <= START_S + 127 * HOUR


@given(st.integers(2, 400))
def test_unknown_time_neither_raises_nor_clears(hours: int) -> None:
    state = State()
    before = advance(state, hourly([0] * 48 + [5] * 30), METER, Point.CAREFUL)
    assert before
    newest = START_S + 78 * HOUR
    gap = [(newest + hours * HOUR, 1150 + 5 * hours)]
    assert advance(state, gap, METER, Point.CAREFUL) == []


def test_litres_count_from_the_start_of_the_event() -> None:
    [leak] = judged(hourly([0] * 48 + [5] * 30 + [0] + [9] * 30))
    assert leak.since_s == START_S + 48 * HOUR
    assert leak.detail["litres"] == 5 * 30 + 9 * 30
    assert leak.detail["least_l_per_h"] == 0.0


def test_litres_of_an_event_are_those_of_its_runs() -> None:
    pause = [0] * 8 + [200] + [0] * 11
    [leak] = judged(hourly([0] * 48 + [5] * 30 + pause + [9] * 30))
    assert leak.since_s == START_S + 48 * HOUR
    assert leak.detail["litres"] == 5 * 30 + 9 * 30


def test_a_run_that_began_before_the_clearing_counts_once() -> None:
    flows = [1] * 72 + [9] * 30 + [1] * 16 + [9] * 30
    told = advance(State(), hourly(flows), METER, Point.CAREFUL)
    cleared = next(each.cleared_s for each in told if each.cleared_s is not None)
    [leak] = as_they_stand(told)
    run_since = leak.detail[RUN_SINCE_S]
    assert isinstance(run_since, int)
    assert run_since < cleared < START_S + len(flows) * HOUR
    assert leak.detail["litres"] == 9 * 30 + 16 + 9 * 30


def test_a_day_half_known_raises_nothing() -> None:
    half: list[int | None] = [5, None, None, None] * 12
    assert judged(hourly([0] * 48 + half)) == []


@given(registers(), st.sampled_from(Point))
def test_dry_hours_clear_all_there_is(readings: Readings, point: Point) -> None:
    state = State()
    told = advance(state, readings, METER, point)
    ts, raw = readings[-1]
    told += advance(state, [(ts + n * HOUR, raw) for n in range(1, 34)], METER, point)
    assert all(each.cleared_s is not None for each in as_they_stand(told))


@pytest.mark.parametrize("leak", [[5] * 30, [9] * 30, [400] * 6])
def test_quarter_hours_find_what_hours_find(leak: list[int]) -> None:
    readings = hourly(lived(30, leak))
    quarters = [
        (before[0] + n * HOUR // 4, before[1] + n * (after[1] - before[1]) // 4)
        for before, after in pairwise(readings)
        for n in range(4)
    ]
    assert judged([*quarters, readings[-1]]) == judged(readings)


def test_a_clock_set_back_repeats_no_hour() -> None:
    readings = hourly(lived(30, [5] * 30))
    repeated = [*readings[:700], *readings[698:]]
    assert judged(repeated) == judged(readings)


@given(registers())
def test_a_state_stays_small(readings: Readings) -> None:
    state = State()
    advance(state, readings, METER, Point.EARLY)
    assert len(state.pack()) <= 1900


@given(
    st.lists(st.integers(0, 150), min_size=1, max_size=80),
    st.integers(0, 4),
    st.sampled_from([1, 10, 100]),
    st.sampled_from(Point),
)
def test_quarters_of_whole_hours_change_no_event(
    litres: list[int], second: int, step_l: int, point: Point
) -> None:
    by_hour = hourly([*([0, 30] * 12), *litres])
    by_quarter = [by_hour[0]]
    for (start_s, opening), (end_s, closing) in pairwise(by_hour):
        parts = (*sorted((1, second, 3)), 4)
        raws = [opening + (closing - opening) * part // 4 for part in parts]
        by_quarter += zip(range(start_s + 900, end_s + 1, 900), raws, strict=True)
    meter = replace(METER, litres_per_count=Decimal(step_l))
    told = [
        as_they_stand(advance(State(), [(at_s, raw // step_l) for at_s, raw in read], meter, point))
        for read in (by_hour, by_quarter)
    ]
    assert told[0] == told[1]
