# SPDX-License-Identifier: GPL-2.0-only
"""The schedule: every healthy meter in every cycle, the dead ones rarely, the locked ones never."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.worker.schedule import (
    CYCLE_S,
    DELAY_S,
    FIRST_REST_S,
    MAX_BUS_REST_S,
    MAX_REST_S,
    MAX_WINDOWS,
    WHOLE_EVERY,
    Failure,
    Kind,
    MeterState,
    Poll,
    Wait,
    all_silent,
    awakened,
    begin_of,
    bus_rest_s,
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
    window_s: float,
    dead_s: float,
    cycle_s: float = CYCLE_S,
) -> list[tuple[float, Poll, bool]]:
    """Play a bus: return when which poll was made, and whether the meter answered."""
    now = START
    made: list[tuple[float, Poll, bool]] = []
    while now < until:
        action = next_action(states.values(), now, cycle_s)
        if isinstance(action, Wait):
            assert action.until > now
            now = action.until
            continue
        answered = action.label not in dead
        made.append((now, action, answered))
        state = states[action.label]
        if not answered:
            now += dead_s
            states[action.label] = failed(state, now, Failure.SILENT)
            continue
        live = action.kind is not Kind.BACK_FILL
        left = backlog.get(action.label, 0)
        read = min(action.windows, left)
        backlog[action.label] = left - read
        took = poll_s + read * window_s
        now += took
        states[action.label] = succeeded(
            state,
            now,
            live=live,
            caught_up=left == read,
            window_s=None if live else took / action.windows,
            cycle_s=cycle_s,
        )
    return made


@given(
    healthy=st.integers(1, 40),
    dead=st.integers(0, 20),
    backlog=st.lists(st.integers(0, 200), max_size=40),
    cycle_s=st.sampled_from([300.0, CYCLE_S, 3600.0]),
)
def test_each_healthy_meter_is_polled_in_each_cycle(
    healthy: int, dead: int, backlog: list[int], cycle_s: float
) -> None:
    labels = [f"m{number}" for number in range(healthy)]
    broken = {f"d{number}" for number in range(dead)}
    states = {label: MeterState(label) for label in (*labels, *broken)}
    waiting = dict(zip(labels, backlog, strict=False))
    made = run(
        states,
        broken,
        waiting,
        START + 6 * cycle_s,
        poll_s=1.0,
        window_s=3.0,
        dead_s=6.0,
        cycle_s=cycle_s,
    )
    first = cycle_of(START, cycle_s)
    for cycle in range(first + 1, first + 6):
        polls = [
            (at, poll.label)
            for at, poll, ok in made
            if ok and poll.kind is Kind.LIVE and cycle_of(at, cycle_s) == cycle
        ]
        assert sorted(label for _, label in polls) == sorted(labels)
        # At most one dead meter or the end of a window was under way when the cycle began.
        assert max(at for at, _ in polls) <= begin_of(cycle, cycle_s) + 8.0 + 4.0 * healthy


@given(st.integers(1, 10), st.integers(1, 60))
def test_back_fill_takes_the_time_that_is_left_and_ends(meters: int, windows: int) -> None:
    labels = [f"m{number}" for number in range(meters)]
    states = {label: MeterState(label) for label in labels}
    backlog = dict.fromkeys(labels, windows)
    run(states, set(), backlog, START + 4 * CYCLE_S, poll_s=0.7, window_s=2.0, dead_s=6.0)
    assert backlog == dict.fromkeys(labels, 0)
    assert not any(state.behind for state in states.values())


def test_a_hundred_meters_fill_thirty_days_and_miss_no_cycle() -> None:
    """At 9600 baud: 0.7 s for a live poll, 3.1 s more for a day of quarter hours."""
    labels = [f"m{number:03}" for number in range(100)]
    states = {label: MeterState(label) for label in labels}
    backlog = dict.fromkeys(labels, 30)
    cycles = 16
    made = run(
        states, set(), backlog, START + cycles * CYCLE_S, poll_s=0.7, window_s=3.1, dead_s=6.0
    )
    assert sum(backlog.values()) == 0
    first = cycle_of(START)
    for cycle in range(first, first + cycles):
        live = [p.label for at, p, _ in made if p.kind is Kind.LIVE and cycle_of(at) == cycle]
        assert sorted(live) == labels


def test_a_back_fill_ends_before_the_next_cycle_begins() -> None:
    cycle = cycle_of(START)
    state = MeterState("m", cycle=cycle, behind=True, tried_at=START, window_s=10.0)
    begins = begin_of(cycle + 1)
    for left, windows in ((600.0, MAX_WINDOWS), (35.0, 3), (10.0, 1)):
        assert next_action([state], begins - left) == Poll("m", Kind.BACK_FILL, windows)
    assert next_action([state], begins - 9.0) == Wait(begins)
    unknown = replace(state, window_s=None)
    assert next_action([unknown], begins - 600) == Poll("m", Kind.BACK_FILL, 1)
    quick = MeterState("n", cycle=cycle, behind=True, tried_at=START + 1, window_s=1.0)
    assert next_action([state, quick], begins - 9.0) == Poll("n", Kind.BACK_FILL, 8)


def test_a_slow_line_is_filled_too() -> None:
    cycle = cycle_of(START)
    state = MeterState("m", cycle=cycle, behind=True, tried_at=START, window_s=5000.0)
    assert next_action([state], START + 1) == Poll("m", Kind.BACK_FILL, 3)


def test_a_live_poll_leaves_history_to_back_fill() -> None:
    read = MeterState("m", cycle=cycle_of(START) - 1)
    assert next_action([read], START) == Poll("m", Kind.LIVE, windows=1)
    assert next_action([MeterState("m")], START) == Poll("m", Kind.LIVE, windows=0)
    assert next_action([MeterState("m", behind=True)], START) == Poll("m", Kind.LIVE, windows=0)


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
        whole = state.failures % WHOLE_EVERY == 0
        assert next_action([state], now) == Poll("dead", Kind.LIVE if whole else Kind.PROBE)
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
    assert next_action([released(state)], now) == Poll("locked", Kind.LIVE, windows=0)


def test_the_meter_that_waited_longest_comes_first() -> None:
    old = MeterState("b", tried_at=START - 2000)
    new = MeterState("a", tried_at=START - 1000)
    assert next_action([new, old], START) == Poll("b", Kind.LIVE, windows=0)
    assert next_action([new, old, MeterState("c")], START) == Poll("c", Kind.LIVE, windows=0)


def test_live_comes_before_a_dead_meter_and_before_back_fill() -> None:
    cycle = cycle_of(START)
    behind = MeterState("behind", cycle=cycle, behind=True, tried_at=0)
    dead = MeterState("dead", failures=1, tried_at=0)
    live = MeterState("live", cycle=cycle - 1, tried_at=START - 1)
    assert next_action([behind, dead, live], START) == Poll("live", Kind.LIVE)
    assert next_action([behind, dead], START) == Poll("dead", Kind.PROBE)
    assert next_action([behind], START) == Poll("behind", Kind.BACK_FILL)


def test_a_clock_that_went_back_stops_nobody() -> None:
    cycle = cycle_of(START)
    polled = MeterState("ok", cycle=cycle, tried_at=START)
    dead = MeterState("dead", failures=19, tried_at=START)
    assert next_action([polled], START - 86400) == Poll("ok", Kind.LIVE)
    assert next_action([dead], START - 86400) == Poll("dead", Kind.PROBE)


def test_without_meters_there_is_nothing_to_do() -> None:
    assert next_action([], START) == Wait(START + CYCLE_S)


def test_a_rest_is_in_seconds_with_any_cycle() -> None:
    for cycle_s in (60.0, 900.0, 86400.0):
        now = begin_of(cycle_of(START, cycle_s), cycle_s) + 1
        state = failed(MeterState("dead"), now, Failure.SILENT)
        action = next_action([state], now, cycle_s)
        assert action == Wait(
            min(now + FIRST_REST_S, begin_of(cycle_of(now, cycle_s) + 1, cycle_s))
        )
        assert next_action([state], now + FIRST_REST_S, cycle_s) == Poll("dead", Kind.PROBE)


def test_a_bus_that_is_back_tries_its_silent_meters() -> None:
    state = MeterState("m", failures=10, tried_at=START, cycle=cycle_of(START))
    awake = awakened(state, START + 200)
    assert next_action([state], START + 200) != Poll("m", Kind.PROBE)
    assert next_action([awake], START + 200) == Poll("m", Kind.PROBE)
    again = failed(awake, START + 201, Failure.SILENT)
    assert awakened(again, START + 202) == again
    assert again.rest_s == MAX_REST_S, "the rest goes on to grow"
    healthy = MeterState("h")
    assert awakened(healthy, START) == healthy


def test_a_bus_is_silent_when_each_of_its_meters_is() -> None:
    assert not all_silent([])
    assert not all_silent([MeterState("refused", failures=1, refused=True)])
    assert not all_silent([MeterState("a", failures=5), MeterState("b")])
    assert all_silent([MeterState("a", failures=5), MeterState("b", failures=2)])


def test_a_bus_without_its_adapter_rests_from_one_second_to_thirty() -> None:
    assert [bus_rest_s(losses) for losses in (1, 2, 3, 50)] == [1.0, 2.0, 4.0, MAX_BUS_REST_S]
