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

from edge_agent.dlms.hdlc import Frame, FrameGuard

_SNRM: Final = 0x93
_UA: Final = 0x63
_FINAL: Final = 0x10
_RNR: Final = 0x05
_REQUEST, _RESPONSE = b"\xe6\xe6\x00", b"\xe6\xe7\x00"


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
        body = data[1:-1]
        middle = _address_end(body, 2)
        at = _address_end(body, middle)
        if not at or at >= len(body):
            return
        control, information = body[at], body[at + 3 : -2]
        if control == _SNRM:
            self._guard = FrameGuard(body[middle:at], body[2:middle])
            self._client = body[at - 1] >> 1
            self._request = self._answer = b""
            self._expected, self._is_new = 0, True
        elif control & 0x01 == 0:
            self._request = information if self._is_new else self._request + information
            self._is_new = not body[0] & 0x08
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
        if control & ~_FINAL == _UA:
            self.link.ua = frame.information if self._last_control == _SNRM else self.link.ua
        elif control & 0x0F == _RNR:
            self.link.not_ready = True
        elif control & 0x01 == 0 and control >> 1 & 7 == self._expected:
            return self._piece(frame)
        return None

    @property
    def _last_control(self) -> int:
        body = self._last_sent[1:-1]
        at = _address_end(body, _address_end(body, 2))
        return body[at] if at else 0

    def _piece(self, frame: Frame) -> Exchanged | None:
        self._expected = self._expected + 1 & 7
        self.link.not_final = self.link.not_final or not frame.control & _FINAL
        self._answer += frame.information
        if frame.segmented:
            return None
        request, answer = self._request, self._answer
        self._answer = b""
        if request[:3] != _REQUEST or answer[:3] != _RESPONSE:
            return None
        return Exchanged(self._client, request[3:], answer[3:])


def _address_end(body: bytes, at: int) -> int:
    """Return where an address ends, 0 where there is none."""
    if at:
        for end in range(at + 1, min(at + 4, len(body)) + 1):
            if body[end - 1] & 1:
                return end
    return 0
