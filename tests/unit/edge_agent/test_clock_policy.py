# SPDX-License-Identifier: GPL-2.0-only
"""When a meter's clock is set: never across the end of a period, never without a time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock_policy import DAY_S, Action, Limits, Sample, decide, drift_s_per_day, jumped

IST_S = 19800
LIMITS = Limits()
QUARTER = 1_773_125_100.0
"""10 March 2026, 12:15 in India: the end of a period of 15 minutes."""

offsets = st.floats(-5000, 5000)
times = st.floats(1.7e9, 1.9e9)
periods = st.sampled_from((300, 900, 1800, 3600, 86400, 1000))
zones = st.sampled_from((IST_S, 0, 20700, -12600))
all_limits = st.builds(
    Limits,
    above_s=st.floats(5, 120),
    within_s=st.floats(10, 1800),
    guard_s=st.floats(0, 120),
)


def period_of(ts: float, period_s: int, zone_offset_s: int) -> int:
    return math.floor((ts + zone_offset_s) / math.gcd(period_s, DAY_S))


@given(offsets, times, periods, zones, all_limits)
def test_a_clock_that_is_set_stays_within_its_capture_period(
    offset_s: float, now: float, period_s: int, zone_s: int, limits: Limits
) -> None:
    found = decide(offset_s, now, period_s, limits, synchronised=True, zone_offset_s=zone_s)
    if found.action is Action.WAIT:
        assert now < found.until <= now + period_s + abs(offset_s) + 2 * limits.guard_s + 2
        now = found.until
        found = decide(offset_s, now, period_s, limits, synchronised=True, zone_offset_s=zone_s)
        assert found.action is Action.SET, "after the wait nothing is in the way"
    if found.action is Action.SET:
        ends = (now, now + offset_s)
        inside = {
            period_of(end + guard, period_s, zone_s)
            for end in ends
            for guard in (-limits.guard_s, limits.guard_s)
        }
        assert len(inside) == 1
        assert limits.above_s < abs(offset_s) <= limits.within_s


@given(offsets, times, periods, st.booleans())
def test_without_a_synchronised_time_no_clock_is_touched(
    offset_s: float, now: float, period_s: int, force: bool
) -> None:
    found = decide(
        offset_s,
        now,
        period_s,
        LIMITS,
        synchronised=False,
        zone_offset_s=IST_S,
        force=force,
    )
    assert found.action is Action.REFUSE
    assert "not synchronised" in found.reason


@given(st.floats(-4e7, 4e7), times, periods)
def test_by_force_a_clock_is_set_at_once_or_after_one_wait(
    offset_s: float, now: float, period_s: int
) -> None:
    for _ in range(2):
        found = decide(
            offset_s, now, period_s, LIMITS, synchronised=True, zone_offset_s=IST_S, force=True
        )
        if found.action is not Action.WAIT:
            break
        now = found.until
    assert found.action is (Action.LEAVE if abs(offset_s) <= LIMITS.above_s else Action.SET)


@pytest.mark.parametrize(
    ("offset_s", "after_quarter_s", "action"),
    [
        (30.0, 300, Action.LEAVE),
        (-30.0, 0, Action.LEAVE),
        (31.0, 300, Action.SET),
        (-31.0, 300, Action.SET),
        (31.0, 60, Action.WAIT),  # within the guard
        (31.0, 800, Action.SET),
        (31.0, 809, Action.WAIT),  # it shows 14 minutes already
        (-200.0, 250, Action.WAIT),  # it has not captured yet
        (-200.0, 261, Action.SET),
        (600.0, 100, Action.SET),
        (600.0, 300, Action.WAIT),
        (601.0, 100, Action.REFUSE),
        (-601.0, 800, Action.REFUSE),
    ],
)
def test_the_limits_at_15_minutes(offset_s: float, after_quarter_s: int, action: Action) -> None:
    now = QUARTER + after_quarter_s
    found = decide(offset_s, now, 900, LIMITS, synchronised=True, zone_offset_s=IST_S)
    assert found.action is action


def test_an_offset_longer_than_a_period_is_for_a_person() -> None:
    limits = Limits(within_s=1800)
    found = decide(850.0, QUARTER + 60, 900, limits, synchronised=True, zone_offset_s=IST_S)
    assert found.action is Action.REFUSE
    assert "900 s" in found.reason


def test_periods_end_by_local_time() -> None:
    now = QUARTER + 900 + 30  # 12:30:30 in India, 07:00:30 UTC: an hour ends only in UTC
    found = decide(100.0, now, 3600, LIMITS, synchronised=True, zone_offset_s=IST_S)
    assert found.action is Action.SET
    found = decide(100.0, now, 3600, LIMITS, synchronised=True, zone_offset_s=0)
    assert found.action is Action.WAIT


@given(st.floats(-15, 15), st.floats(-500, 500), st.integers(5, 28))
def test_the_drift_is_found_in_whole_seconds(rate: float, start_s: float, count: int) -> None:
    samples = [
        Sample(QUARTER + 21600 * each, float(round(start_s + rate * each / 4)))
        for each in range(count)
    ]
    found = drift_s_per_day(samples)
    assert found is not None
    days = (count - 1) / 4
    assert abs(found - rate) <= 1.6 / days


def test_a_drift_needs_a_day() -> None:
    assert drift_s_per_day([]) is None
    assert drift_s_per_day([Sample(0, 0.0), Sample(DAY_S - 1, 9.0)]) is None
    assert drift_s_per_day([Sample(0, 0.0), Sample(DAY_S, 9.0)]) == 9.0


@pytest.mark.parametrize(
    ("hours", "change_s", "is_jump"),
    [(0.25, 5, False), (0.25, 11, True), (0.25, -11, True), (240, 150, False), (240, 400, True)],
)
def test_a_jump_is_more_than_drift(hours: float, change_s: float, is_jump: bool) -> None:
    before = Sample(QUARTER, 3.0)
    after = Sample(QUARTER + hours * 3600, 3.0 + change_s)
    assert jumped(before, after) is is_jump
