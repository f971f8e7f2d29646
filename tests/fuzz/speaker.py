# SPDX-License-Identifier: GPL-2.0-only
"""A meter that says a list of messages, whatever it is asked: one message for each request.

It numbers and cuts its frames as a station does, repeats itself where it is asked again, and keeps
silent at the end of its list. `Wrapped` puts a plain APDU into the protection of a lane.

In: requests of a session. Out: frames, after what `spoil` makes of those of one turn.
Owns: what it said, for `judge`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_agent.dlms.peer import Peer
from edge_agent.dlms.security import Ciphering, Keys
from edge_agent.virtual import acse, axdr, cosem, security
from edge_agent.virtual.acse import Diagnostic
from edge_agent.virtual.hdlc import build, server_address
from edge_agent.virtual.security import KeySet
from tests.fuzz.corpus import ADDRESS, CLIENT, OTHER_ADDRESS, Scene, StandingClock, peer

LANES: Final = ("lls", "glo", "general", "gmac", "gmac-plain")
EK, AK = bytes(range(16)), bytes(range(0xD0, 0xE0))
TITLE, OWN_TITLE = b"GSE\x00\x00\x00\x00\x01", b"IOU\x00\x00\x00\x00\x02"
LLC: Final = b"\xe6\xe7\x00"
METER, OTHER, GATEWAY = (
    server_address(1, ADDRESS, 2),
    server_address(1, OTHER_ADDRESS, 2),
    bytes((CLIENT << 1 | 1,)),
)
_CONTROL_AT: Final = 1 + 2 + len(METER) + len(GATEWAY)
_SNRM, _DISC, _UA, _READY = 0x93, 0x53, 0x73, 0x11
_MOST_FRAMES: Final = 300
_KEYS: Final = KeySet(EK, AK)
_CHALLENGE: Final = bytes(range(0x40, 0x50))
_OWN_CHALLENGE: Final = bytes(range(1, 17))
"""What `corpus.repeatable` lets the gateway draw."""

Spoil = Callable[[bytes, bytes], bytes]
"""Takes the request and the frame that answers it."""


def peer_of(lane: str, max_info: int) -> Peer:
    """Return the meter as a lane is spoken to."""
    plain = peer(max_info)
    if lane == "lls":
        return plain
    gmac = lane.startswith("gmac")
    keys = Ciphering(Keys(EK, AK), OWN_TITLE, gmac=gmac, plain=lane == "gmac-plain")
    return Peer(
        "A",
        ADDRESS,
        client=CLIENT,
        password=None if gmac else plain.password,
        max_info=max_info,
        release=False,
        ciphering=keys,
    )


class Numbers:
    """The invocation counters of one session."""

    def __init__(self) -> None:
        self._last = 0

    def take(self) -> int:
        self._last += 1
        return self._last


@dataclass
class Wrapped:
    """Puts APDUs into the protection of a lane, and remembers what is inside."""

    lane: str
    inside: dict[bytes, bytes] = field(default_factory=dict)
    """What was sealed: security header, counter, ciphertext and tag -> the plain APDU."""
    _number: int = 0

    @property
    def ciphered(self) -> bool:
        return self.lane in ("glo", "general", "gmac")

    def _seal(self, plain: bytes) -> bytes:
        self._number += 1
        sealed = security.seal(_KEYS, TITLE, self._number, plain)
        self.inside[sealed] = plain
        return axdr.length(len(sealed)) + sealed

    def apdu(self, plain: bytes) -> bytes:
        """Return a service's answer as it is sent."""
        if not self.ciphered or plain[:1] in (b"", b"\xd8", b"\x0e"):
            return plain
        if self.lane == "general":
            return bytes((security.GENERAL_GLO, len(TITLE))) + TITLE + self._seal(plain)
        return bytes((security.GLO_RESPONSES.get(plain[0], 0xCC),)) + self._seal(plain)

    def aare(self, scene: Scene, initiate: bytes) -> bytes:
        """Return the acceptance of an association."""
        if self.lane == "lls":
            return scene.aare.replace(scene.initiate, initiate) if scene.initiate else scene.aare
        terms = initiate or b"\x08\x00\x06\x5f\x1f\x04\x00\x00\x12\x14\x04\x00\x00\x07"
        if self.ciphered:
            terms = bytes((security.GLO_INITIATE_RESPONSE,)) + self._seal(terms)
        challenge = _CHALLENGE if self.lane.startswith("gmac") else b""
        return acse.association_response(
            Diagnostic.AUTHENTICATION_REQUIRED if challenge else Diagnostic.NULL,
            terms[:120],
            context=acse.CONTEXT_LN_CIPHERED if self.ciphered else acse.CONTEXT_LN,
            title=TITLE,
            challenge=challenge,
        )

    def proof(self) -> bytes | None:
        """Return the plain answer to the gateway's challenge; None where there is none."""
        if not self.lane.startswith("gmac"):
            return None
        self._number += 1
        answer = security.gmac(_KEYS, TITLE, self._number, _OWN_CHALLENGE)
        return cosem.action_response(0xC1, axdr.octet_string(answer))


class Speaker:
    """A transport with one meter at its end."""

    turnaround_s = 0.03

    def __init__(
        self,
        ua: bytes,
        messages: Sequence[bytes],
        max_info: int,
        clock: StandingClock,
        spoil: tuple[int, Spoil] | None = None,
    ) -> None:
        """Begin with nothing said.

        Args:
            ua: the information of UA.
            messages: what answers each request after it, with the LLC header.
            max_info: information bytes in a frame.
            clock: goes on while nothing is said.
            spoil: a turn, 0 for UA, and what becomes of each of its frames.
        """
        self.said: list[bytes] = []
        """All bytes of the line, in pieces."""
        self._ua, self._messages, self._max_info, self._clock = ua, messages, max_info, clock
        self._spoil = spoil
        self._turn = self._received = 0
        self._rest = b""
        self._waiting = b""
        self._last: tuple[bytes, bytes] = (b"", b"")

    def line_time_s(self, size: int) -> float:
        return size * 1e-6

    def discard(self, quiet_s: float = 0.0) -> int:
        return int(quiet_s)

    def receive(self, timeout_s: float) -> bytes:
        data, self._waiting = self._waiting, b""
        self._clock.sleep(0.0 if data else timeout_s)
        return data

    def send(self, data: bytes) -> None:
        if data != self._last[0]:
            answer = self._answer(data)
            if answer and self._spoil is not None and self._spoil[0] == self._turn:
                answer = self._spoil[1](data, answer)
            self._last = (data, answer)
        if len(self.said) < _MOST_FRAMES:
            self._waiting += self._last[1]
            self.said.append(self._last[1])

    def _answer(self, request: bytes) -> bytes:
        control = request[_CONTROL_AT]
        if control == _SNRM:
            return build(GATEWAY, METER, _UA, self._ua)
        if control == _DISC:
            return build(GATEWAY, METER, _UA)
        if control & 1:
            return self._segment(control >> 5, self._received) if self._rest else b""
        self._received = (control >> 1) + 1 & 7
        if request[1] & 8:
            return build(GATEWAY, METER, self._received << 5 | _READY)
        self._turn += 1
        if self._turn > len(self._messages):
            return b""
        self._rest = self._messages[self._turn - 1]
        return self._segment(control >> 5, self._received)

    def _segment(self, number: int, received: int) -> bytes:
        part, self._rest = self._rest[: self._max_info], self._rest[self._max_info :]
        control = received << 5 | 0x10 | number << 1
        return build(GATEWAY, METER, control, part, segmented=bool(self._rest))
