# SPDX-License-Identifier: GPL-2.0-only
"""The gateway's end of a virtual line, in memory and in no time."""

from collections.abc import Callable
from datetime import datetime

from edge_agent.virtual.line import Line


class LineEnd:
    """A transport without a port: whatever is sent is answered at once."""

    turnaround_s = 0.03

    def __init__(self, line: Line, now: datetime) -> None:
        self.line = line
        self.now = now
        self.answers: Callable[[bytes], bytes] = lambda data: data
        """What becomes of what the meters say."""
        self.sent: list[bytes] = []
        self._waiting = b""

    def line_time_s(self, size: int) -> float:
        return size * 1e-6

    def send(self, data: bytes) -> None:
        self.sent.append(data)
        self.line.write(data, 0.0)
        self._waiting += self.answers(self.line.advance(self.now, 0.0))

    def receive(self, timeout_s: float) -> bytes:
        assert timeout_s <= 1
        data, self._waiting = self._waiting, b""
        return data

    def discard(self, quiet_s: float = 0.0) -> int:
        assert quiet_s <= 1
        return len(self.receive(0))
