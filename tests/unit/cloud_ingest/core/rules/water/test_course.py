# SPDX-License-Identifier: MIT
"""The way of a register through the water rules: stretches, snapshots, where it begins."""

import itertools
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.course import (
    HISTORY_S,
    WEEK_S,
    Course,
    beginning,
    changes_the_present,
    unpacked,
)
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State

METER = WaterMeter(Decimal(1), ZoneInfo("Asia/Kolkata"))
START = 1_790_000_000
HOUR_S = 3600

Readings = list[tuple[int, int]]


def course(goal: int, after: int = START, channel_id: int = 7, counts_a_step: int = 1) -> Course:
    return Course(channel_id, METER, Point.CAREFUL, b"", after, goal, counts_a_step=counts_a_step)


def run(way: Course, readings: Readings) -> list[tuple[int, int]]:
    """Take a course to its goal; return its stretches."""
    stretches = []
    while way.after < way.goal:
        after, until = way.after, way.until
        stretches.append((after, until))
        way.take([each for each in readings if after < each[0] <= until])
    return stretches


def hourly(hours: int, per_hour: int = 5) -> Readings:
    return [(START + n * HOUR_S, 1000 + per_hour * n) for n in range(1, hours + 1)]


@given(st.integers(1, 40 * 86400), st.integers(1, 10**9))
def test_stretches_follow_one_another_to_the_goal(length_s: int, channel_id: int) -> None:
    way = course(START + length_s, channel_id=channel_id)
    stretches = run(way, [])
    assert stretches[0][0] == START
    assert stretches[-1][1] == START + length_s
    assert all(before[1] == after[0] for before, after in itertools.pairwise(stretches))
    assert all(until - after <= WEEK_S for after, until in stretches)
    assert way.snapshots == {}


def test_registers_have_weeks_of_their_own() -> None:
    goal = START + 10 * WEEK_S
    borders = {course(goal, channel_id=number).until for number in range(1000)}
    assert len(borders) > 900
    assert max(borders) - min(borders) > WEEK_S * 9 // 10


def test_what_is_read_in_stretches_is_as_read_at_once() -> None:
    readings = hourly(24 * 20)
    way = course(readings[-1][0])
    assert len(run(way, readings)) >= 3
    state = State()
    advance(state, readings, METER, Point.CAREFUL)
    assert way.packed == state.pack()
    assert way.newest == readings[-1][0]
    assert way.running == tuple(event.episode for event in state.events if event.open)
    assert len(way.running) == 1


def test_a_snapshot_is_where_the_rest_begins_again() -> None:
    readings = hourly(24 * 20)
    whole = course(readings[-1][0])
    run(whole, readings)
    assert len(whole.snapshots) >= 2
    for newest, packed in whole.snapshots.items():
        again = course(readings[-1][0], after=newest)
        again.packed = packed
        run(again, readings)
        assert again.packed == whole.packed


def test_a_register_of_pulses_is_judged_by_its_pulses() -> None:
    readings = hourly(40)
    plain, weighed = course(readings[-1][0]), course(readings[-1][0], counts_a_step=10)
    run(plain, readings)
    run(weighed, [(at, raw * 10 + 3) for at, raw in readings])
    assert weighed.packed == plain.packed


def test_history_is_bounded_by_the_assignment_and_six_weeks() -> None:
    newest = START + 100 * WEEK_S
    assert beginning(newest - WEEK_S, newest) == newest - WEEK_S - 1
    assert beginning(0, newest) == newest - HISTORY_S
    assert changes_the_present(newest - HISTORY_S + 1, newest)
    assert not changes_the_present(newest - HISTORY_S, newest)


def test_no_bytes_are_a_new_state() -> None:
    assert unpacked(b"").pack() == State().pack()


def test_a_state_changes_with_each_hour_that_ends() -> None:
    """What comes in between is read again: fewer states are written, and nothing is lost."""
    quarters = [(START + n * 900, 1000 + n) for n in range(1, 4 * 30)]
    packed, newest, written = b"", START, 0
    for at, _ in quarters:
        way = course(at, after=newest)
        way.packed, way.newest = packed, newest
        run(way, quarters)
        written += way.packed != packed
        packed, newest = way.packed, way.newest or newest
    whole = course(quarters[-1][0])
    run(whole, quarters)
    assert written <= 31
    assert way.running == whole.running
    way = course(quarters[-1][0] + HOUR_S, after=newest)
    way.packed, way.newest = packed, newest
    more = [*quarters, (quarters[-1][0] + HOUR_S, 2000)]
    for each in (way, whole):
        each.goal = quarters[-1][0] + HOUR_S
        run(each, more)
    assert way.packed == whole.packed
