# SPDX-License-Identifier: MIT
"""The leak rule on registers whose leaks we made ourselves."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.leak import HOUR_S, Flow, Leak, hourly_flows, may_leak, running_leak

LITRE = Decimal(1)
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())
Readings = list[tuple[int, int]]


def register(litres: list[int], step_s: int = HOUR_S, offset_s: int = 0) -> Readings:
    """A register read every ``step_s``; it moves by the given litres in between."""
    found = [(START + offset_s, 5000)]
    for each in litres:
        found.append((found[-1][0] + step_s, found[-1][1] + each))
    return found


def found(readings: Readings, per_count: Decimal = LITRE) -> Leak | None:
    return running_leak(hourly_flows(readings, per_count), per_count)


def ends(hours: float) -> datetime:
    return datetime.fromtimestamp(START + int(hours * HOUR_S), UTC)


def test_no_dry_hour_in_a_day_is_a_leak() -> None:
    leak = found(register([0] * 3 + [5] * 23 + [40]))
    assert leak == Leak(
        since=ends(3),
        found_at=ends(27),
        until=ends(27),
        lowest_hour_litres=Decimal(5),
        hours=24,
        start_known=True,
    )


def test_one_hour_less_is_none() -> None:
    assert found(register([0] + [5] * 23)) is None


def test_one_dry_hour_starts_the_count_again() -> None:
    assert found(register([5] * 20 + [0] + [5] * 20)) is None


@pytest.mark.parametrize(("litres", "leaks"), [(3, False), (4, True)])
def test_less_than_a_gallon_an_hour_is_dry(litres: int, leaks: bool) -> None:
    assert (found(register([litres] * 30)) is not None) is leaks


def test_a_coarse_register_must_move_every_hour() -> None:
    ten_litres = Decimal(10)
    assert found(register([1] * 30), ten_litres) is not None
    assert found(register([1, 0] * 15), ten_litres) is None


def test_a_leak_ends_with_two_dry_hours() -> None:
    leaking = [5] * 30
    assert found(register([*leaking, 0])) is not None
    assert found(register([*leaking, 0, 5, 5])) is not None
    assert found(register([*leaking, 0, 0])) is None
    assert found(register([*leaking, 0, 0, 5, 5])) is None


def test_the_start_is_found_however_long_it_runs() -> None:
    leak = found(register([0] + [6] * 24 * 31))
    assert leak is not None
    assert leak.since == ends(1)
    assert leak.hours == 24 * 31


def test_a_flow_before_the_first_reading_has_no_start() -> None:
    whole = found(register([6] * 40))
    assert whole is not None
    assert (whole.since, whole.start_known) == (ends(0), False)
    after_a_dry_hour = found(register([0] + [6] * 40))
    assert after_a_dry_hour is not None
    assert after_a_dry_hour.start_known
    again = found(register([6] * 30 + [0, 0] + [6] * 30))
    assert again is not None
    assert again.start_known
    readings = register([0] + [6] * 50)
    after_a_gap = found(readings[:5] + readings[20:])
    assert after_a_gap is not None
    assert (after_a_gap.since, after_a_gap.start_known) == (ends(20), False)


@pytest.mark.parametrize("offset_s", [0, 60, 1740, 1800, 2400, 3599])
def test_the_minute_of_the_reading_does_not_matter(offset_s: int) -> None:
    assert found(register([5] * 24, offset_s=offset_s)) is not None


def test_quarter_hours_are_judged_by_the_hour() -> None:
    """A toilet that refills every 50 minutes is dry in most quarters and in no hour."""
    refills = [5 if n % 3 == 0 else 0 for n in range(25 * 4)]
    assert found(register(refills, step_s=900)) is not None
    assert found(register([5 if n % 8 == 0 else 0 for n in range(25 * 4)], step_s=900)) is None


@given(st.lists(st.integers(0, 6), min_size=130, max_size=200), st.integers(0, 30))
def test_where_one_begins_to_look_does_not_matter(quarters: list[int], skipped: int) -> None:
    readings = register(quarters, step_s=900)
    whole = {(flow.start_s, flow.litres) for flow in hourly_flows(readings, LITRE)}
    late = hourly_flows(readings[skipped:], LITRE)
    assert {(flow.start_s, flow.litres) for flow in late[2:]} <= whole


def test_readings_beside_the_hour_still_make_hours() -> None:
    readings = register([5] * 30)
    jittered = [(ts + (index * 97) % 600 - 300, raw) for index, (ts, raw) in enumerate(readings)]
    assert found(jittered) is not None


def test_only_a_gap_that_stood_is_dry() -> None:
    moved = [*register([5] * 10), (START + 30 * HOUR_S, 5200)]
    assert [flow.litres for flow in hourly_flows(moved, LITRE)][-1] is None
    stood = [*register([5] * 10), (START + 30 * HOUR_S, 5050)]
    assert [flow.litres for flow in hourly_flows(stood, LITRE)][-1] == 0


def test_only_a_short_gap_is_bridged() -> None:
    def with_gap(hours: int) -> Readings:
        whole = register([5] * (12 + hours + 12))
        return whole[:13] + whole[12 + hours :]

    assert found(with_gap(2)) is not None
    assert found(with_gap(13)) is None


def test_too_little_known_is_no_leak() -> None:
    readings = register([5] * 30)
    assert found([readings[n] for n in range(0, 31, 3)]) is None


def test_a_register_that_falls_or_leaps_tells_nothing() -> None:
    falls = [(START, 5000), (START + HOUR_S, 10)]
    leaps = [(START, 5000), (START + HOUR_S, 500_000)]
    for readings in (falls, leaps):
        assert [flow.litres for flow in hourly_flows(readings, LITRE)] == [None]


def test_a_gap_while_it_runs_changes_nothing() -> None:
    readings = register([5] * 60)
    assert found(readings[:31] + readings[45:]) is not None


@pytest.mark.parametrize("readings", [[], [(START, 1)], [(START, 1), (START + 60, 2)]])
def test_too_few_readings_have_no_hours(readings: Readings) -> None:
    assert hourly_flows(readings, LITRE) == []
    assert found(readings) is None
    assert not may_leak(hourly_flows(readings, LITRE), LITRE)


steps = st.lists(
    st.tuples(st.integers(1, 4 * HOUR_S), st.integers(-5, 60)), min_size=0, max_size=300
)


def walked(moves: list[tuple[int, int]]) -> Readings:
    found = [(START, 100_000)]
    for seconds, litres in moves:
        found.append((found[-1][0] + seconds, found[-1][1] + litres))
    return found


@given(steps)
def test_flows_follow_each_other_and_never_invent_water(moves: list[tuple[int, int]]) -> None:
    readings = walked(moves)
    raw_at = dict(readings)
    flows = hourly_flows(readings, LITRE)
    for flow, following in itertools.pairwise(flows):
        assert flow.end_s == following.start_s
    for flow in flows:
        if flow.litres is not None:
            assert flow.litres == raw_at[flow.end_s] - raw_at[flow.start_s]
            assert flow.litres == 0 or 45 * 60 <= flow.duration_s <= 90 * 60


@given(steps)
def test_a_leak_has_no_dry_hour_in_its_day(moves: list[tuple[int, int]]) -> None:
    readings = walked(moves)
    leak = found(readings)
    if leak is None:
        return
    assert leak.lowest_hour_litres * 90 * 60 >= Decimal("3.8") * 45 * 60
    assert (leak.found_at - leak.since).total_seconds() >= 24 * HOUR_S
    assert leak.found_at <= leak.until


@given(steps)
def test_the_short_look_misses_no_leak(moves: list[tuple[int, int]]) -> None:
    """What the long look calls a leak, the newest day alone must leave possible."""
    readings = walked(moves)
    if found(readings) is None:
        return
    newest = readings[-1][0]
    flows = hourly_flows([each for each in readings if each[0] >= newest - 27 * HOUR_S], LITRE)
    assert not flows or may_leak(flows, LITRE)


@given(st.lists(st.integers(0, 60), min_size=60, max_size=120), st.integers(4, 100))
def test_every_leak_of_a_day_is_found(usage: list[int], litres: int) -> None:
    leaking = [each + (litres if hour >= 24 else 0) for hour, each in enumerate(usage)]
    assert found(register(leaking)) is not None


@given(st.lists(st.integers(0, 60), min_size=1, max_size=120))
def test_a_dry_night_is_never_a_leak(usage: list[int]) -> None:
    nights = [0 if hour % 24 in {2, 3} else each for hour, each in enumerate(usage)]
    if len(nights) % 24 not in range(3):
        assert found(register(nights)) is None


def test_a_flow_knows_its_duration() -> None:
    flow = Flow(0, HOUR_S, Decimal(3))
    assert flow.duration_s == HOUR_S
    assert flow.is_dry(Decimal("3.8"))
    assert not flow.is_dry(Decimal(3))
    assert not Flow(0, HOUR_S, None).is_dry(Decimal(3))
