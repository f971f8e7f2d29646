# SPDX-License-Identifier: GPL-2.0-only
"""The adapter: away, back, or hung."""

import threading
from pathlib import Path

import pytest

from edge_agent.errors import BusLost
from edge_agent.settings.bus import BusConfig
from edge_agent.worker.adapter import REOPEN_S, Adapter, StoppableBus


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_comes_back_once_after_its_losses() -> None:
    adapter = Adapter(Clock())
    assert not adapter.note_traffic(0)
    assert [adapter.note_loss("gone") for _ in range(3)] == [1.0, 2.0, 4.0]
    assert (adapter.losses, adapter.reason) == (3, "gone")
    assert adapter.note_traffic(1)
    assert not adapter.note_traffic(1)
    assert adapter.note_traffic(2), "lost and opened again within a poll"
    assert adapter.note_loss("gone") == 1.0


def test_it_may_hang_when_nobody_was_heard_for_long() -> None:
    clock = Clock()
    adapter = Adapter(clock)
    clock.now += REOPEN_S - 1
    assert not adapter.is_silent()
    clock.now += 1
    assert adapter.is_silent()
    adapter.note_reopened()
    assert not adapter.is_silent()
    assert adapter.hung
    assert not adapter.note_traffic(1), "it was opened anew on purpose"
    clock.now += REOPEN_S
    assert adapter.is_silent()
    adapter.note_answer()
    assert not adapter.is_silent()
    assert not adapter.hung


def test_a_stopping_bus_breaks_off_once() -> None:
    bus = StoppableBus(BusConfig(name="riser-1", port=Path("/nowhere/tty")))
    bus.stop = threading.Event()
    with pytest.raises(BusLost, match="no such device"):
        bus.send(b"x")
    assert not bus.broken_off
    bus.stop.set()
    with pytest.raises(BusLost, match="the agent stops"):
        bus.send(b"x")
    assert bus.broken_off
    with pytest.raises(BusLost, match="no such device"):
        bus.send(b"x")
