# SPDX-License-Identifier: GPL-2.0-only
"""A virtual line without a terminal, in its own time: waiting costs nothing.

The same seam as `edge_agent.bus.Bus`, so everything from the worker to the frames runs as it
is. Time moves only while the client waits for the line, by as much as the line needs.
"""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from edge_agent.dlms import exchange
from edge_agent.errors import BusLost
from edge_agent.settings.bus import BusConfig
from edge_agent.virtual.line import Line
from edge_agent.worker.adapter import StoppableBus


class LineTime:
    """The one clock of a simulation: seconds since 1970."""

    def __init__(self, start: datetime) -> None:
        self.seconds = start.timestamp()

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += max(0.0, seconds)

    def until(self, seconds: float) -> None:
        self.seconds = max(self.seconds, seconds)

    def rule(self, patch: pytest.MonkeyPatch) -> None:
        """Let sessions wait in this time."""
        ours: Any = SimpleNamespace(monotonic=self, sleep=self.sleep)
        patch.setattr(exchange, "time", ours)


class Wire(StoppableBus):
    """A bus whose port is a virtual line in its own time."""

    def __init__(self, config: BusConfig, line: Line, time: LineTime) -> None:
        super().__init__(config)
        self.line = line
        self.time = time

    def open(self) -> None:
        """There is nothing to open."""

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, data: bytes) -> None:
        self._must_be_plugged()
        self.bytes_sent += len(data)
        self.line.write(data, self.time.seconds)

    def receive(self, timeout_s: float) -> bytes:
        self._must_be_plugged()
        deadline = self.time.seconds + max(0.0, timeout_s)
        while True:
            due = self.line.due()
            if due is None or due > deadline:
                self.time.until(deadline)
                return b""
            self.time.until(due)
            data = self.line.advance(self.time.now(), self.time.seconds)
            self._must_be_plugged()
            if data:
                self.bytes_received += len(data)
                return data

    def discard(self, quiet_s: float = 0.0) -> int:
        thrown = 0
        while data := self.receive(quiet_s):
            thrown += len(data)
        return thrown

    def _must_be_plugged(self) -> None:
        if not self.line.trouble.is_plugged(self.time.seconds):
            self._lost_once = True
            raise BusLost(f"bus {self.config.name}: the adapter is gone")
        self.reopened += self._lost_once
        self._lost_once = False
