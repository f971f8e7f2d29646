# SPDX-License-Identifier: GPL-2.0-only
"""Taps on the line: one tells, frame by frame, what passes between gateway and meters.

In: the transport that a session would use. Out: a transport, and a `TracedFrame` for each frame.
Never: another byte on the line than without it; a secret (see `explain`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.dlms.exchange import Transport
from edge_agent.dlms.explain import Explainer, FrameNote, Way


@dataclass(frozen=True, slots=True)
class TracedFrame:
    """One frame and when it passed."""

    at_s: float
    """Seconds since the tap was put in."""
    note: FrameNote

    def line(self) -> str:
        """Write it for a person: time, direction, meaning, and the bytes below."""
        note = self.note
        arrow = "->" if note.way == "sent" else "<-"
        text = f"{self.at_s:8.3f} {arrow} {note.meaning}"
        return f"{text}\n{'':12}{note.shown}" if note.shown else text

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        note = self.note
        return {
            "at_s": round(self.at_s, 3),
            "way": note.way,
            "bytes": note.size,
            "sound": note.sound,
            "meaning": note.meaning,
            "shown": note.shown,
        }


class Tap:
    """A transport that carries everything through another one: what hears a line is made of it."""

    def __init__(self, transport: Transport) -> None:
        """Put the tap between a session and its transport."""
        self._transport = transport

    @property
    def turnaround_s(self) -> float:
        """How long a meter may think before its answer begins."""
        return self._transport.turnaround_s

    def line_time_s(self, size: int) -> float:
        """Return how long this many bytes take on the line."""
        return self._transport.line_time_s(size)

    def send(self, data: bytes) -> None:
        """Write bytes."""
        self._transport.send(data)

    def receive(self, timeout_s: float) -> bytes:
        """Return what came."""
        return self._transport.receive(timeout_s)

    def discard(self, quiet_s: float = 0.0) -> int:
        """Throw away what is waiting."""
        return self._transport.discard(quiet_s)


class Tracer(Tap):
    """A tap that tells what passes, frame by frame."""

    def __init__(
        self,
        transport: Transport,
        tell: Callable[[TracedFrame], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the tap between a session and its transport.

        Args:
            transport: what carries the bytes.
            tell: called with each frame.
            monotonic: a clock, seconds.
        """
        super().__init__(transport)
        self._tell = tell
        self._monotonic = monotonic
        self._begun = monotonic()
        self._explainer = Explainer()

    def send(self, data: bytes) -> None:
        """Write bytes, and tell of them."""
        self._note("sent", data)
        super().send(data)

    def receive(self, timeout_s: float) -> bytes:
        """Return what came, and tell of it."""
        data = super().receive(timeout_s)
        if data:
            self._note("heard", data)
        return data

    def _note(self, way: Way, data: bytes) -> None:
        at_s = self._monotonic() - self._begun
        for note in self._explainer.feed(way, data):
            self._tell(TracedFrame(at_s, note))
