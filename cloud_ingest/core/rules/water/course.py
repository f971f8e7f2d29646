# SPDX-License-Identifier: MIT
"""The way of one register through the water rules: where it goes on, and in which stretches.

A register goes on from its newest state. What is late, or elected otherwise now, makes it go on
from a snapshot of before. Without one it begins anew, `HISTORY_S` before its newest reading at
most. It is read in stretches of a week at most, and leaves a snapshot between two of them; the
weeks of registers begin at different hours, so that not all of them fall due at once.

In: what is remembered of a register, and what has changed. Out: which readings are wanted next,
its newest state, snapshots. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State

WEEK_S = 7 * 86400
HISTORY_S = 6 * WEEK_S
"""Farther back nothing is read: what is later than that tells whether water runs now."""
_SPREAD_S = 3607


@dataclass(slots=True)
class Course:
    """A register on its way to its newest reading."""

    channel_id: int
    meter: WaterMeter
    point: Point
    packed: bytes
    """Its state; of many registers few are unpacked at once. Empty: it begins anew."""
    after: int
    """Everything until then is in the state; seconds since 1970."""
    goal: int
    """Up to when readings are wanted."""
    forgets_from: int | None = None
    """What was remembered of the time from then on means nothing any more; None: it stands."""
    counts_a_step: int = 1
    """A register that shows a count of pulses times a weight is judged by its pulses."""
    newest: int | None = None
    """The newest reading in the state. What follows before an hour ends is read again with it."""
    running: tuple[Episode, ...] = ()
    """What runs at its newest reading."""
    snapshots: dict[int, bytes] = field(default_factory=dict)
    """Former states by the time of their newest reading."""

    @property
    def until(self) -> int:
        """The end of the next stretch; not later than `after` where the goal is reached."""
        own = self.channel_id * _SPREAD_S % WEEK_S
        week = (self.after - own) // WEEK_S + 1
        return min(week * WEEK_S + own, self.goal)

    def take(self, readings: Sequence[tuple[int, int]]) -> None:
        """Take in the readings of the next stretch."""
        until = self.until
        step = self.counts_a_step
        if step != 1:
            readings = [(ts, raw // step) for ts, raw in readings]
        state = unpacked(self.packed)
        opening = state.cutter.opening
        advance(state, readings, self.meter, self.point)
        self.running = running(state)
        if opening is None or state.cutter.opening != opening or until < self.goal:
            self.packed, self.newest = state.pack(), state.newest_s
        self.after = until
        if until < self.goal and self.newest is not None:
            self.snapshots[self.newest] = self.packed


def unpacked(packed: bytes) -> State:
    """Return a state; of no bytes a new one."""
    return State.unpack(packed) if packed else State()


def running(state: State) -> tuple[Episode, ...]:
    """Return the episodes that run at the newest reading of a state."""
    return tuple(event.episode for event in state.events if event.open)


def beginning(assigned_from: int, last_reading: int) -> int:
    """Return after which time a register is read that begins anew."""
    return max(assigned_from - 1, last_reading - HISTORY_S)


def changes_the_present(last: int, newest: int) -> bool:
    """Say whether late readings, the last of them of a time, still matter to what is judged now."""
    return last > newest - HISTORY_S
