# SPDX-License-Identifier: GPL-2.0-only
"""What counts as progress, and what as a hang."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.watchdog import LONGEST_STEP_S, Watchdog


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_agent_has_begun_when_every_part_has() -> None:
    watchdog = Watchdog(Clock())
    bus, publisher = watchdog.part("bus riser-1"), watchdog.part("publisher")
    bus.note_step()
    assert not watchdog.has_begun
    publisher.note_step()
    assert watchdog.has_begun


def test_the_part_that_stands_still_is_named() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    bus, publisher = watchdog.part("bus riser-1"), watchdog.part("publisher")
    bus.note_step()
    publisher.note_step()
    clock.now += 60
    publisher.note_step()
    assert watchdog.standing(since=1030.0) == ("bus riser-1",)


def test_a_part_that_never_began_stands_still() -> None:
    watchdog = Watchdog(Clock())
    watchdog.part("publisher").note_exchange()
    assert watchdog.standing(since=0.0) == ("publisher",)


def test_a_slow_poll_with_exchanges_is_progress() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    bus = watchdog.part("bus riser-1")
    bus.note_step()
    for _ in range(30):
        fed_at, clock.now = clock.now, clock.now + 110
        bus.note_exchange()
        assert watchdog.standing(fed_at) == ()


@pytest.mark.parametrize(("baudrate", "longer"), [(115200, 1), (9600, 1), (1200, 8), (300, 32)])
def test_a_poll_that_never_ends_is_a_hang(baudrate: int, longer: int) -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    bus = watchdog.part("bus riser-1", baudrate)
    bus.note_step()
    clock.now += longer * LONGEST_STEP_S - 1
    bus.note_exchange()
    assert watchdog.standing(clock.now - 1) == ()
    clock.now += 1
    bus.note_exchange()
    assert watchdog.standing(clock.now - 1) == ("bus riser-1",)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.1, 100.0)), min_size=1))
def test_only_what_moved_since_goes_on(moves: list[tuple[str, float]]) -> None:
    clock = Clock(0.0)
    watchdog = Watchdog(clock)
    parts = {name: watchdog.part(name) for name in "ab"}
    since = sum(wait for _, wait in moves) / 2
    moved = set()
    for name, wait in moves:
        clock.now += wait
        parts[name].note_step()
        moved |= {name} if clock.now > since else set()
    assert set(watchdog.standing(since)) == set("ab") - moved
