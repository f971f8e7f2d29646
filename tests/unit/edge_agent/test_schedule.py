# SPDX-License-Identifier: GPL-2.0-only
"""The schedule: every healthy meter in every cycle, the dead ones rarely, the locked ones never."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.schedule import (
    CYCLE_S,
    DELAY_S,
    FIRST_REST_S,
    MAX_REST_S,
    Failure,
    MeterState,
    Poll,
    Wait,
    cycle_of,
    failed,
    next_action,
    released,
    succeeded,
)

START = 1_773_124_200.0 // CYCLE_S * CYCLE_S + DELAY_S


def run(
    states: dict[str, MeterState],
    dead: set[str],
    backlog: dict[str, int],
    until: float,
    *,
    poll_s: float,
    dead_s: float,
) -> list[tuple[float, Poll, bool]]:
    """Play a bus: return when which poll was made, and whether the meter answered."""
    now = START
    made: list[tuple[float, Poll, bool]] = []
    while now < until:
        action = next_action(states.values(), now)
        if isinstance(action, Wait):
            assert action.until > now
            now = action.until
            continue
        answered = action.label not in dead
        made.append((now, action, answered))
        now += poll_s if answered else dead_s
        state = states[action.label]
        if answered:
            backlog[action.label] = max(0, backlog.get(action.label, 0) - 1)
            caught_up = backlog[action.label] == 0
            states[action.label] = succeeded(state, now, live=action.live, caught_up=caught_up)
        else:
            states[action.label] = failed(state, now, Failure.SILENT)
    return made


@given(
    healthy=st.integers(1, 40),
    dead=st.integers(0, 20),
    backlog=st.lists(st.integers(0, 200), max_size=40),
)
def test_each_healthy_meter_is_polled_in_each_cycle(
    healthy: int, dead: int, backlog: list[int]
) -> None:
    labels = [f"m{number}" for number in range(healthy)]
    broken = {f"d{number}" for number in range(dead)}
    states = {label: MeterState(label) for label in (*labels, *broken)}
    waiting = dict(zip(labels, backlog, strict=False))
    made = run(states, broken, waiting, START + 6 * CYCLE_S, poll_s=3.0, dead_s=6.0)
    for cycle in range(cycle_of(START), cycle_of(START) + 6):
        polled = [poll.label for at, poll, ok in made if ok and poll.live and cycle_of(at) == cycle]
        assert sorted(polled) == sorted(labels)
        done = max(at for at, poll, ok in made if ok and poll.live and cycle_of(at) == cycle)
        # At most one dead meter or back-fill was under way when the cycle began.
        begins = cycle * CYCLE_S + DELAY_S
        assert done <= begins + 6.0 + 3.0 * healthy + (
            dead * 6.0 if cycle == cycle_of(START) else 0
        )


@given(st.integers(1, 10), st.integers(1, 60))
def test_back_fill_takes_the_time_that_is_left_and_ends(meters: int, windows: int) -> None:
    labels = [f"m{number}" for number in range(meters)]
    states = {label: MeterState(label) for label in labels}
    backlog = dict.fromkeys(labels, windows)
    made = run(states, set(), backlog, START + 4 * CYCLE_S, poll_s=1.0, dead_s=6.0)
    back_fills = [poll.label for _, poll, _ in made if not poll.live]
    assert len(back_fills) >= meters * (windows - 4)
    assert backlog == dict.fromkeys(labels, 0)
    assert not any(state.behind for state in states.values())


def test_a_dead_meter_rests_longer_each_time_up_to_a_cap() -> None:
    state = MeterState("dead")
    rests: list[float] = []
    now = START
    for _ in range(12):
        state = failed(state, now, Failure.SILENT)
        action = next_action([replace(state)], now)
        assert isinstance(action, Wait)
        rests.append(state.rests_until - now)
        now = state.rests_until
        assert next_action([state], now) == Poll("dead", live=True)
    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests[-1] == MAX_REST_S
    assert succeeded(state, now, live=True, caught_up=True).rest_s == 0


@given(st.lists(st.floats(0, 1e6), max_size=50))
def test_a_refused_password_is_not_tried_again_on_its_own(steps: list[float]) -> None:
    state = failed(MeterState("locked"), START, Failure.REFUSED)
    now = START
    for step in steps:
        now += step
        assert isinstance(next_action([state], now), Wait)
    assert next_action([released(state)], now) == Poll("locked", live=True)


def test_the_meter_that_waited_longest_comes_first() -> None:
    old = MeterState("b", tried_at=START - 2000)
    new = MeterState("a", tried_at=START - 1000)
    assert next_action([new, old], START) == Poll("b", live=True)
    assert next_action([new, old, MeterState("c")], START) == Poll("c", live=True)


def test_live_comes_before_a_dead_meter_and_before_back_fill() -> None:
    cycle = cycle_of(START)
    behind = MeterState("behind", cycle=cycle, behind=True, tried_at=0)
    dead = MeterState("dead", failures=1, tried_at=0)
    live = MeterState("live", cycle=cycle - 1, tried_at=START - 1)
    assert next_action([behind, dead, live], START) == Poll("live", live=True)
    assert next_action([behind, dead], START) == Poll("dead", live=True)
    assert next_action([behind], START) == Poll("behind", live=False)


def test_a_clock_that_went_back_stops_nobody() -> None:
    cycle = cycle_of(START)
    polled = MeterState("ok", cycle=cycle, tried_at=START)
    dead = MeterState("dead", failures=20, tried_at=START)
    assert next_action([polled], START - 86400) == Poll("ok", live=True)
    assert next_action([dead], START - 86400) == Poll("dead", live=True)


def test_without_meters_there_is_nothing_to_do() -> None:
    assert next_action([], START) == Wait(START + CYCLE_S)
