# SPDX-License-Identifier: GPL-2.0-only
"""What is known of a meter: the times that its clock passed while it was wrong."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.poll.memory import Memory, MeterFacts
from shared_schema.catalogue import BLOCK_LOAD_PROFILE
from shared_schema.message import MeterId
from tests.unit.edge_agent.fakes import QUARTER, fake, stamps, visit
from tests.unit.edge_agent.wire import NOW

LIMIT_S = 300
METER = MeterId(manufacturer="Fake", serial="F1")


@given(
    st.lists(st.tuples(st.integers(1, 4000), st.integers(-40000, 40000)), min_size=1, max_size=60)
)
def test_each_time_that_a_wrong_clock_showed_is_doubted(steps: list[tuple[int, int]]) -> None:
    known = MeterFacts()
    at = 1_000_000.0
    shown: list[float] = []
    for later, offset in steps:
        at += later
        known.note_clock(at, offset, is_sound=abs(offset) <= LIMIT_S)
        shown += [at + offset] * (abs(offset) > LIMIT_S)
    assert all(known.is_doubted(int(each)) for each in shown)


def test_a_clock_that_was_always_right_leaves_no_doubt() -> None:
    known = MeterFacts()
    for at in range(0, 9000, 900):
        known.note_clock(at, 12.0, is_sound=True)
    assert not any(known.is_doubted(ts) for ts in range(0, 9000, 100))


def test_times_around_a_wrong_clock_are_in_doubt() -> None:
    known = MeterFacts()
    known.note_clock(900, 0.0, is_sound=True)
    known.note_clock(1800, 3600.0, is_sound=False)
    known.note_clock(2700, 0.0, is_sound=True)
    doubted = [ts for ts in range(0, 9000, 100) if known.is_doubted(ts)]
    assert (doubted[0], doubted[-1]) == (900 + 3600, 2700 + 3600)
    assert len(known.doubted) == 1


def test_an_erratic_clock_does_not_fill_the_memory() -> None:
    known = MeterFacts()
    for number in range(3000):
        known.note_clock(900.0 * number, 10_000.0 * (1 + number % 7), is_sound=False)
    assert len(known.doubted) <= 256


def test_after_a_jump_of_the_gateway_all_is_found_out_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A year off for one poll: rows would be in doubt, or scalers taken as known, for a year."""
    memory = Memory()
    visit(fake(), monkeypatch, memory=memory, now=NOW - timedelta(days=365))
    memory.meters[METER].stamped = QUARTER
    memory.note_jumps(1)
    assert memory.meters == {METER: MeterFacts(stamped=QUARTER)}
    later = NOW + timedelta(hours=1)
    meter = fake(later)
    meter.rows = {QUARTER + 900: 1, QUARTER + 1800: 2}
    mark = {BLOCK_LOAD_PROFILE: QUARTER}
    found = visit(meter, monkeypatch, mark, memory=memory, now=later)
    assert stamps(found, BLOCK_LOAD_PROFILE) == [QUARTER + 900, QUARTER + 1800]
    assert found.findings == ()
