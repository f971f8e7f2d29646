# SPDX-License-Identifier: GPL-2.0-only
"""The adapter of a bus: whether it is there, away or hung; and a bus that breaks off at a stop.

In: how each poll ended. Out: how long the bus rests, and when its port is opened anew.
Never: a conclusion about a meter: that the adapter was lost says nothing of its meters.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from edge_agent.bus import Bus
from edge_agent.errors import BusLost
from edge_agent.settings.bus import BusConfig
from edge_agent.watchdog import Part
from edge_agent.worker.schedule import bus_rest_s

REOPEN_S: Final = 300.0
"""How long a bus is silent before its port is closed and opened again."""


class StoppableBus(Bus):
    """A bus whose poll breaks off when the agent stops; the session may still say goodbye.

    It opens nothing before the first exchange: an adapter that is not there is waited for.
    """

    def __init__(self, config: BusConfig) -> None:
        super().__init__(config)
        self.stop = threading.Event()
        self.part = Part()
        """What the watchdog knows of this bus."""
        self.broken_off = False

    def send(self, data: bytes) -> None:
        """Write bytes, or break off once.

        Raises:
            BusLost: the adapter is not there, or the agent stops.
        """
        self.part.note_exchange()
        if self.stop.is_set() and not self.broken_off:
            self.broken_off = True
            raise BusLost(f"bus {self.config.name}: the agent stops")
        super().send(data)


class Adapter:
    """What is known of one adapter. Times are of a clock that nobody sets, in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard_at = monotonic()
        self._reopened = 0
        self.losses = 0
        """How often it was lost since it last stood."""
        self.reason = ""
        """Why it was lost last."""
        self.hung = False
        """Its port was opened anew, and no meter answered since."""

    def __repr__(self) -> str:
        state = "hung" if self.hung else "stands" if not self.losses else "away"
        return f"<Adapter {state}: lost {self.losses} times>"

    def note_loss(self, reason: str) -> float:
        """Note that it is away; return how long the bus rests, in seconds."""
        self.losses += 1
        self.reason = reason
        return bus_rest_s(self.losses)

    def note_traffic(self, reopened: int) -> bool:
        """Note that it carried bytes; say whether it came back.

        Args:
            reopened: how often its port was lost and opened again.
        """
        came_back = self.losses > 0 or (reopened != self._reopened and not self.hung)
        self.losses, self.reason, self._reopened = 0, "", reopened
        if came_back:
            self._heard_at = self._monotonic()
        return came_back

    def note_answer(self) -> None:
        """Note that a meter answered."""
        self._heard_at = self._monotonic()
        self.hung = False

    def is_silent(self) -> bool:
        """Tell whether nobody answered for so long that the adapter may hang."""
        return self._monotonic() >= self._heard_at + REOPEN_S

    def note_reopened(self) -> None:
        """Note that its port was closed and will be opened again."""
        self._heard_at = self._monotonic()
        self.hung = True
