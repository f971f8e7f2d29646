# SPDX-License-Identifier: GPL-2.0-only
"""The link of one meter: the secondary station of IEC 62056-46 with a window of one frame.

In: bytes of the line, or frames that a `Deframer` cut. Out: the bytes to send, none where a
station keeps silent. Owns: the state of the link, the sequence numbers, the segments under
way, and the last frame sent, which is sent again, byte for byte, when the client repeats its
own. Never speaks without being asked, never raises on what the line says, never looks into an
APDU: an `Application` answers these.
"""

from datetime import datetime
from typing import Protocol

from edge_agent.virtual.habits import Habits, OddUa
from edge_agent.virtual.hdlc import (
    DEFAULT_INFO,
    MAX_INFO,
    Deframer,
    Frame,
    build,
    server_address,
)

SNRM, DISC, UA, DM, FRMR, UI = 0x93, 0x53, 0x73, 0x1F, 0x97, 0x13
RNR = 0x05
_BY_THE_BOOK = Habits()
_POLL = 0x10
_LLC_REQUEST = b"\xe6\xe6\x00"
_LLC_RESPONSE = b"\xe6\xe7\x00"
_LEAST_INFO = 32
_MAX_REQUEST = 65535 + len(_LLC_REQUEST)


class Application(Protocol):
    """What a station does with the messages of its client."""

    def connect(self, client: int) -> None:
        """Begin: the link to this client address is up and nothing is associated."""

    def request(self, apdu: bytes, now: datetime) -> bytes:
        """Return the answer to one whole APDU; empty for none."""

    def disconnect(self) -> None:
        """End: the link is gone, and any association with it."""


class Station:
    """One station at one address."""

    _last_in: bytes
    _last_out: bytes
    _last_info: bytes

    def __init__(
        self,
        application: Application,
        *,
        physical: int,
        logical: int = 1,
        alone: bool = False,
        max_info: int = MAX_INFO,
        inactivity_s: float = 120.0,
        slow_s: float = 0.0,
        habits: Habits = _BY_THE_BOOK,
        ua: bytes | None = None,
    ) -> None:
        """Set up a disconnected station.

        Args:
            application: Answers the APDUs.
            physical: Physical device address, up to 16383; below 128 it is heard in two and
                in four bytes, from 128 in four.
            logical: Logical device, 1 to 127.
            alone: The only station of its bus: it is also heard under the one-byte address,
                which names no physical device.
            max_info: Longest info field that this station agrees to, 32 to 2030 bytes.
            inactivity_s: Silence after which the link is closed, seconds.
            slow_s: What it needs beyond the line's turnaround before it answers, seconds.
            habits: What it does differently from the book.
            ua: The information field of its UA, as a meter sent it: only lengths are made anew.

        Raises:
            ValueError: an address or a length that HDLC does not have.
        """
        if not _LEAST_INFO <= max_info <= MAX_INFO:
            raise ValueError(f"the info field is {_LEAST_INFO} to {MAX_INFO} bytes, not {max_info}")
        names = [server_address(logical, physical, 4)]
        if physical < 128:
            names.append(server_address(logical, physical, 2))
        if alone:
            names.append(server_address(logical, None, 1))
        self.destinations = frozenset(names)
        self._application = application
        self._capacity = max_info
        self._inactivity_s = inactivity_s
        self.slow_s = slow_s
        self.habits = habits
        """What it does differently from the book."""
        self._ua = ua
        self._deframer = Deframer(self.destinations)
        self._client: bytes | None = None
        self._heard_at = 0.0
        self._reset(DEFAULT_INFO, DEFAULT_INFO)

    @property
    def connected(self) -> bool:
        """Whether a client's link is up."""
        return self._client is not None

    def power_off(self) -> None:
        """Lose the link and the association, as a meter does whose supply fails."""
        self._close()

    def receive(self, data: bytes, now: datetime, tick: float) -> bytes:
        """Take bytes of the line and return what this station sends.

        Args:
            data: Any bytes: requests to this station, to others, answers of others, noise.
            now: The true time, aware; the application reads it.
            tick: Time of the line, seconds of any steady clock.
        """
        frames = self._deframer.feed(data, tick)
        return b"".join(self.answer(frame, now, tick) for frame in frames)

    def answer(  # noqa: PLR0911  # one return for each kind of frame
        self, frame: Frame, now: datetime, tick: float
    ) -> bytes:
        """Return the answer to one checked frame; empty where a station keeps silent."""
        if frame.destination not in self.destinations or len(frame.source) != 1:
            return b""
        if self._client is not None and tick - self._heard_at > self._inactivity_s:
            self._close()
        self._heard_at = tick
        control = frame.control
        if control == SNRM:
            return self._connect(frame)
        if frame.source != self._client:
            # Disconnected mode: a command that asks for a final frame gets DM, others nothing.
            asked = control == DISC or (control & _POLL and control & 0x03 in (0, 1))
            return self._send(frame, DM) if asked else b""
        if control == DISC:
            reply = self._send(frame, UA)
            self._close()
            return reply
        if frame.raw == self._last_in:
            return self._last_out
        if control & 0x01 == 0:
            reply = self._information(frame, now)
        elif control & 0x0F == 0x01:
            reply = self._ready(frame)
        elif control & 0x0F == 0x05 or control & ~_POLL == UI & ~_POLL:
            reply = b""
        else:
            return self._reject(frame, 0x01)
        if self._client is not None:
            self._last_in, self._last_out = frame.raw, reply
        return reply

    def _reset(self, transmit: int, receive: int) -> None:
        self._max_transmit = transmit
        self._max_receive = receive
        self._sent = 0
        self._received = 0
        self._request = b""
        self._response = b""
        self._response_at = 0
        self._last_in = b""
        self._last_out = b""
        self._last_info = b""

    def _close(self) -> None:
        if self._client is not None:
            self._client = None
            self._application.disconnect()
        self._reset(DEFAULT_INFO, DEFAULT_INFO)

    def _send(self, frame: Frame, control: int, info: bytes = b"") -> bytes:
        return build(frame.source, frame.destination, control, info)

    def _connect(self, frame: Frame) -> bytes:
        asked = _parameters(frame.info)
        if asked is None:
            return b""
        self._close()
        # What the client receives is what this station transmits, and the other way round.
        transmit = min(self._capacity, asked.get(0x06, DEFAULT_INFO))
        receive = min(self._capacity, asked.get(0x05, DEFAULT_INFO))
        if self.habits.ua in (OddUa.EMPTY, OddUa.WRONG_GROUP) or not _has_terms(self._ua):
            transmit, receive = min(transmit, DEFAULT_INFO), min(receive, DEFAULT_INFO)
        if min(transmit, receive) < _LEAST_INFO:
            return b""
        self._reset(transmit, receive)
        self._client = frame.source
        self._application.connect(frame.source[0] >> 1)
        window = b"\x07\x04\x00\x00\x00\x01\x08\x04\x00\x00\x00\x01"
        body = _length_parameter(0x05, transmit) + _length_parameter(0x06, receive) + window
        information = _terms(self.habits.ua, body)
        if self._ua is not None:
            information = _with_lengths(self._ua, {0x05: transmit, 0x06: receive})
        return self._send(frame, UA, information)

    def _reject(self, frame: Frame, reason: int) -> bytes:
        """Answer FRMR; `reason` holds the bits W, X, Y, Z. The link is over until SNRM."""
        state = self._sent << 1 | self._received << 5
        reply = self._send(frame, FRMR, bytes((frame.control, state, reason)))
        self._close()
        return reply

    def _information(self, frame: Frame, now: datetime) -> bytes:
        control = frame.control
        if len(frame.info) > self._max_receive:
            return self._reject(frame, 0x04)
        if (control >> 1 & 7) != self._received:
            # Out of sequence: say which one is awaited, where the client asks for an answer.
            return self._rr(frame) if control & _POLL else b""
        if control >> 5 != self._sent:
            return self._reject(frame, 0x08)
        self._received = self._received + 1 & 7
        self._request += frame.info
        if len(self._request) > _MAX_REQUEST:
            return self._reject(frame, 0x04)
        if frame.segmented:
            return self._rr(frame) if control & _POLL else b""
        request, self._request = self._request, b""
        self._response, self._response_at = b"", 0
        if request.startswith(_LLC_REQUEST):
            apdu = self._application.request(request[len(_LLC_REQUEST) :], now)
            if apdu:
                self._response = _LLC_RESPONSE + apdu
        return self._first_segment(frame) if self._response else self._rr(frame)

    def _ready(self, frame: Frame) -> bytes:
        if not frame.control & _POLL:
            return b""
        acknowledged = frame.control >> 5
        if acknowledged == self._sent:
            more = self._response_at < len(self._response)
            return self._next_segment(frame) if more else self._rr(frame)
        if self._last_info and acknowledged == self._sent - 1 & 7:
            return self._last_info
        return self._reject(frame, 0x08)

    def _rr(self, frame: Frame) -> bytes:
        return self._send(frame, self._received << 5 | _POLL | 0x01)

    def _first_segment(self, frame: Frame) -> bytes:
        if self.habits.not_ready:
            return self._send(frame, self._received << 5 | _POLL | RNR)
        return self._next_segment(frame)

    def _next_segment(self, frame: Frame) -> bytes:
        start = self._response_at
        self._response_at = start + self._max_transmit
        final = 0 if self.habits.not_final else _POLL
        control = self._received << 5 | final | self._sent << 1
        self._sent = self._sent + 1 & 7
        self._last_info = build(
            frame.source,
            frame.destination,
            control,
            self._response[start : self._response_at],
            segmented=self._response_at < len(self._response),
        )
        return self._last_info


def _terms(odd: OddUa, body: bytes) -> bytes:
    """Return the information field of a UA, as a habit writes it."""
    if odd is OddUa.EMPTY:
        return b""
    if odd is OddUa.UNKNOWN:
        body += b"\x0c\x02\x12\x34"
    group = 0x81 if odd is OddUa.WRONG_GROUP else 0x80
    return bytes((0x81, group, len(body))) + body


def longest_info(ua: bytes) -> int:
    """Return the longest info field that the UA of a meter lets it send."""
    stated = (_parameters(ua) or {}).get(0x05, DEFAULT_INFO)
    return min(max(stated, _LEAST_INFO), MAX_INFO)


def _has_terms(ua: bytes | None) -> bool:
    """Tell whether a UA that was recorded states lengths; there may be none."""
    return ua is None or not {0x05, 0x06}.isdisjoint(_parameters(ua) or ())


def _with_lengths(ua: bytes, lengths: dict[int, int]) -> bytes:
    """Return an information field with other lengths; one that cannot be read as it is."""
    parameters = _parameters(ua)
    if not parameters:
        return ua
    at, body = 3, b""
    while at < len(ua):
        name, end = ua[at], at + 2 + ua[at + 1]
        body += _length_parameter(name, lengths[name]) if name in lengths else ua[at:end]
        at = end
    return bytes((*ua[:2], len(body))) + body


def _length_parameter(name: int, value: int) -> bytes:
    if value < 256:
        return bytes((name, 1, value))
    return bytes((name, 2)) + value.to_bytes(2, "big")


def _parameters(info: bytes) -> dict[int, int] | None:
    """Read the parameters of SNRM: identifier to value; None for what is no such field."""
    if not info:
        return {}
    if len(info) < 3 or info[0] != 0x81 or info[1] != 0x80 or info[2] != len(info) - 3:
        return None
    found: dict[int, int] = {}
    at = 3
    while at < len(info):
        if at + 2 > len(info) or at + 2 + info[at + 1] > len(info):
            return None
        name, size = info[at], info[at + 1]
        found[name] = int.from_bytes(info[at + 2 : at + 2 + size], "big")
        at += 2 + size
    return found
