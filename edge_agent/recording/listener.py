# SPDX-License-Identifier: GPL-2.0-only
"""What passes on a line, as whole requests and their answers, and what the link does oddly.

It listens to one gateway. A frame that is sent again, an echo, a damaged frame and the frame of
another meter add nothing.

In: the bytes that were sent and heard. Out: `Exchanged` pairs, and a `Link`.
Never: another byte on the line; an APDU looked into; an exception, whatever the bytes are.
"""

from dataclasses import dataclass, field
from statistics import median
from typing import Final, NamedTuple

from edge_agent.dlms.frame_event import FINAL, LLC, unnumbered
from edge_agent.dlms.hdlc import Frame, FrameGuard, parts
from edge_agent.dlms.states import Event

_SNRM: Final = 0x93
_RNR: Final = 0x05
_REQUEST_LLC: Final = b"\xe6\xe6\x00"


class Exchanged(NamedTuple):
    """A request and what answered it: whole APDUs, without the LLC header."""

    client: int
    request: bytes
    answer: bytes


@dataclass(slots=True)
class Link:
    """What is to be known of a link."""

    ua: bytes | None = None
    """The information field of the newest UA."""
    not_ready: bool = False
    not_final: bool = False
    thought_s: list[float] = field(default_factory=list)
    """How long the meter thought before each answer."""

    @property
    def slow_s(self) -> float:
        """How long it usually thinks."""
        return median(self.thought_s) if self.thought_s else 0.0


class Listener:
    """Hears one line."""

    def __init__(self) -> None:
        self.link = Link()
        self._guard: FrameGuard | None = None
        self._client = 0
        self._last_sent = b""
        self._is_opening = False
        """Whether the frame sent last was an SNRM."""
        self._asked_at: float | None = None
        self._request = self._answer = b""
        self._expected = 0
        self._is_new = True

    def sent(self, data: bytes, at_s: float) -> None:
        """Take a frame of the gateway."""
        self._asked_at = at_s
        if data == self._last_sent:
            return
        self._last_sent = data
        frame = parts(data)
        if frame is None:
            return
        self._is_opening = frame.control == _SNRM
        if self._is_opening:
            self._guard = FrameGuard(frame.source, frame.destination)
            self._client = frame.source[-1] >> 1
            self._request = self._answer = b""
            self._expected, self._is_new = 0, True
        elif frame.control & 0x01 == 0:
            self._request = frame.information if self._is_new else self._request + frame.information
            self._is_new = not frame.segmented
            self._answer = b""

    def heard(self, data: bytes, at_s: float) -> list[Exchanged]:
        """Take bytes of the line; return the exchanges that they complete."""
        if self._guard is None:
            return []
        if self._asked_at is not None:
            self.link.thought_s.append(max(0.0, at_s - self._asked_at))
            self._asked_at = None
        found = [self._frame(frame) for frame in self._guard.feed(data)]
        return [each for each in found if each is not None]

    def _frame(self, frame: Frame) -> Exchanged | None:
        control = frame.control
        if unnumbered(control) is Event.UA:
            self.link.ua = frame.information if self._is_opening else self.link.ua
        elif control & 0x0F == _RNR:
            self.link.not_ready = True
        elif control & 0x01 == 0 and control >> 1 & 7 == self._expected:
            return self._piece(frame)
        return None

    def _piece(self, frame: Frame) -> Exchanged | None:
        self._expected = self._expected + 1 & 7
        self.link.not_final = self.link.not_final or not frame.control & FINAL
        self._answer += frame.information
        if frame.segmented:
            return None
        request, answer = self._request, self._answer
        self._answer = b""
        if request[:3] != _REQUEST_LLC or answer[:3] != LLC:
            return None
        return Exchanged(self._client, request[3:], answer[3:])
