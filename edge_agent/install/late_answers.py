# SPDX-License-Identifier: GPL-2.0-only
"""Late answers to the probes of a scan: those that come while another address is asked.

A frame names the meter that sends it. So a probe without an answer is remembered for a while, and
what the line says later is searched for its answer.

In: probes that nobody answered, and what the line said since. Out: the probes that were answered
late, with how late; how many bytes of the line were theirs.
Owns: the probes that may still be answered.
Never: a line, a clock; a probe of another speed (`forget`).
"""

from dataclasses import dataclass, field, replace
from typing import Final

from edge_agent.dlms.frame_event import unnumbered
from edge_agent.dlms.hdlc import Frame, FrameGuard, client_address
from edge_agent.dlms.states import Event
from edge_agent.install.addresses import HdlcAddress

SLOWEST_S: Final = 2.0
"""How late an answer may be that is waited for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A probe that was sent."""

    hdlc: HdlcAddress
    client: int
    at: float
    """When, by the scan's clock."""
    took_s: float = 0.0
    """How late its answer came, once it came."""


@dataclass(slots=True)
class LateAnswers:
    """The probes without an answer, and those that were answered late."""

    _waiting: list[Asked] = field(default_factory=list)
    _answered: list[Asked] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether an answer may still come."""
        return bool(self._waiting)

    def wait_for(self, asked: Asked) -> None:
        """Remember a probe that nobody answered in its time."""
        self._waiting.append(asked)

    def drop(self, hdlc: HdlcAddress, client: int) -> None:
        """Forget a probe: it is sent again."""
        self._waiting = [one for one in self._waiting if (one.hdlc, one.client) != (hdlc, client)]

    def forget(self) -> None:
        """Forget all probes: no answer comes any more."""
        self._waiting.clear()
        self._answered.clear()

    def left_s(self, now: float) -> float:
        """Return how long the answer to the newest probe may still take."""
        return max(0.0, self._waiting[-1].at + SLOWEST_S - now) if self._waiting else 0.0

    def take(self) -> list[Asked]:
        """Return the probes that were answered late, once."""
        answered, self._answered = self._answered, []
        return answered

    def sort_out(self, said: bytes, now: float) -> int:
        """Find late answers in what the line said, and return how many bytes they have."""
        counted = 0
        still: list[Asked] = []
        for each in self._waiting:
            client, server = client_address(each.client), each.hdlc.server
            frames = FrameGuard(client, server).feed(said) if said else []
            frames = [frame for frame in frames if answers_snrm(frame)]
            counted += sum(_size(frame, len(client + server)) for frame in frames)
            if frames:
                self._answered.append(replace(each, took_s=now - each.at))
            elif now - each.at <= 2 * SLOWEST_S:
                still.append(each)
        self._waiting = still
        return counted


def is_ua(frame: Frame) -> bool:
    """Tell whether a frame is UA."""
    return unnumbered(frame.control) is Event.UA


def answers_snrm(frame: Frame) -> bool:
    """Tell whether a frame may answer SNRM: UA, or DM for no."""
    return unnumbered(frame.control) in {Event.UA, Event.DM}


def _size(frame: Frame, addresses: int) -> int:
    """Return how many bytes a frame has on the line, both flags included."""
    return 7 + addresses + (len(frame.information) + 2 if frame.information else 0)
