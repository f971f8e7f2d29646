# SPDX-License-Identifier: GPL-2.0-only
"""The watchdog: whether every part of the agent goes on, so that one that hangs is restarted.

A part is a bus or the publisher.

1. A bus ends a step when a poll is over: what it read is committed to the spool, or a full disk
   refused it, or the meter did not answer. A wait for the next poll, for the adapter or for the
   clock is a step too. So a dead meter, a full spool and a clock that nobody set are no hang.
2. Within a step each exchange on the line counts. The history of a slow meter takes many minutes,
   and is progress; after `LONGEST_STEP_S` it is taken for a poll that never ends. A line slower
   than 9600 baud has longer in proportion, or the same restart would cut the same poll for ever.
3. The publisher ends a step with each turn of its loop and each attempt to connect.
4. The agent goes on if every part moved since the last word to the service manager.

In: what the parts note, each in its thread. Out: the parts that stand still.
Never: a socket, a log, a decision about a meter.
"""

import time
from collections.abc import Callable
from typing import Final

FULL_SPEED: Final = 9600
"""Baud."""
LONGEST_STEP_S: Final = 3600.0
"""At 9600 baud a meter sends 3 MB in this time; the longest window of a profile has 1 MiB."""


class Part:
    """How far one part came. Times are of a clock that nobody sets, in seconds."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        longest_step_s: float = LONGEST_STEP_S,
    ) -> None:
        self._monotonic = monotonic
        self._longest_step_s = longest_step_s
        self._step_at: float | None = None
        self._moved_at = 0.0

    def note_step(self) -> None:
        """Note that a step ended, and that the next one begins."""
        self._moved_at = self._step_at = self._monotonic()

    def note_exchange(self) -> None:
        """Note that something moved within a step."""
        self._moved_at = self._monotonic()

    @property
    def has_begun(self) -> bool:
        """Whether its first step began."""
        return self._step_at is not None

    def goes_on(self, since: float) -> bool:
        """Tell whether it moved since then, in a step that may take so long."""
        if self._step_at is None or self._moved_at <= since:
            return False
        return self._moved_at - self._step_at < self._longest_step_s


class Watchdog:
    """Every part of one agent."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._parts: dict[str, Part] = {}

    def part(self, name: str, baudrate: int = FULL_SPEED) -> Part:
        """Return a new part, which is watched from now on; that of a bus by its speed."""
        longest_step_s = LONGEST_STEP_S * max(1.0, FULL_SPEED / baudrate)
        self._parts[name] = Part(self._monotonic, longest_step_s)
        return self._parts[name]

    @property
    def has_begun(self) -> bool:
        """Whether the first step of every part began."""
        return all(part.has_begun for part in self._parts.values())

    def standing(self, since: float) -> tuple[str, ...]:
        """Name the parts that did not move since then, or that are in a step without an end."""
        return tuple(name for name, part in self._parts.items() if not part.goes_on(since))
