# SPDX-License-Identifier: GPL-2.0-only
"""The exchange of frames with one meter: one frame is sent, one answer comes back.

The state and what was sent or heard give the next state (`states`). A frame that the table does
not name for a state is not the answer, and the exchange goes on listening.

1. The gateway sends, the meter answers; the window is one frame. An answer is the frame whose
   control field follows from the frame sent last. A repeated or late frame has another one.
2. After a silence the exchange sends the same bytes again. Another frame would get another
   number, and the meter could not tell the repetition from the next request.
3. After the last silence the meter may still hold the connection, and the next request may
   find it. The session does not release its association, but disconnects.
4. A meter that is not ready (RNR) is polled by receive-ready after a pause, a bounded number of
   times (ISO/IEC 13239: the busy condition of a station). What it did not take is sent again.
5. A frame without the final bit leaves the turn with the meter (normal response mode): the exchange
   listens on until the deadline. The next piece may come unasked; else it is asked for.
6. A meter repeats itself byte for byte. Two sound GET responses to one request that differ come
   from two meters that were given one address: `AddressShared`.

In: whole frames, written by `request_writer`. Out: the frame, or the whole APDU, that answers.
Owns: the state, the repeats, the pieces of an answer, the counts in `Traffic`.
Never: what an APDU means; a frame of another meter (`hdlc` drops it); output on stdout.
"""

import collections
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

from edge_agent.dlms.frame_event import FINAL, LLC, contradict, event_of
from edge_agent.dlms.hdlc import Drop, Frame, FrameGuard, bare_frame, client_address, server_address
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.pieces import Pieces
from edge_agent.dlms.states import NEXT, UNANSWERED, Event, State
from edge_agent.errors import AddressShared, BusTimeout, MeterBusy, ProtocolViolation, SessionLost

RESENDS: Final = 2
"""How often the identical frame is sent again after silence."""
BUSY_POLLS: Final = 8
"""How often a meter that is not ready is polled."""
BUSY_PAUSE_S: Final = 0.25
LONGEST_GAP_S: Final = 0.5
"""How long a frame that has begun may pause."""
_LONGEST_DRIBBLE: Final = 3
"""How much longer than its time at full speed a frame may take."""
_REMEMBERED: Final = 8
"""Answers that a late one is held against: a slow twin may be some requests behind."""
_FRAME_OVERHEAD: Final = 24
_DEFAULT_INFO: Final = 128


class Transport(Protocol):
    """What carries the bytes: `edge_agent.bus.Bus`, or a fake."""

    @property
    def turnaround_s(self) -> float:
        """How long a meter may think before its answer begins."""
        ...

    def line_time_s(self, size: int) -> float:
        """Return how long this many bytes take on the line."""
        ...

    def send(self, data: bytes) -> None:
        """Write bytes."""
        ...

    def receive(self, timeout_s: float) -> bytes:
        """Return what came; nothing at the deadline."""
        ...

    def discard(self, quiet_s: float = 0.0) -> int:
        """Throw away what is waiting."""
        ...


@dataclass(slots=True)
class Traffic:
    """What sessions cost."""

    exchanges: int = 0
    resends: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    dropped: collections.Counter[Drop] = field(default_factory=collections.Counter)
    """What the frame guards did not let through."""


_NOT_YET: Final = frozenset((Event.BUSY, Event.AGAIN))
_WHOLE_SENT: Final = frozenset((State.ASKING, State.ASKING_AGAIN))
_NUMBERED: Final = frozenset((Event.PIECE, Event.REQUEST))


class Exchange:
    """Sends frames to one meter and returns what answers them."""

    def __init__(self, transport: Transport, peer: Peer, traffic: Traffic) -> None:
        """Set up an exchange in which nothing was sent yet; its cost is added to the traffic."""
        server = server_address(peer.logical, peer.physical, size=peer.address_bytes)
        self.state = State.CLOSED
        self._label = peer.label
        self._rest_s = peer.inter_frame_s
        self._longest_info = peer.max_info
        self._transport = transport
        self._traffic = traffic
        self._guard = FrameGuard(client_address(peer.client), server, traffic.dropped)
        self._addresses = server + client_address(peer.client)
        self._control_at = 3 + len(self._addresses)
        self._numbers = 0
        """A control field: the N(S) and the N(R) that were sent last."""
        self._taken: deque[Frame] = deque(maxlen=_REMEMBERED)
        self._deadline = self._latest = 0.0
        self._unread: list[Frame] = []
        """Frames that came together with one that left the turn with the meter."""
        self._heard_at = time.monotonic()  # another session may just have ended

    def __repr__(self) -> str:
        return f"<Exchange with {self._label}: {self.state}>"

    def discard(self) -> None:
        """Throw away what the line holds from before."""
        self._transport.discard()

    def converse(
        self, frames: list[bytes], ready: Callable[[], bytes], *, resends: int = RESENDS
    ) -> bytes:
        """Send one APDU, in as many frames as it has, and return the APDU that answers.

        Args:
            frames: those of the request.
            ready: writes receive-ready, which asks for the next piece of an answer.
            resends: how often each frame of the request may be sent again.

        Raises:
            BusTimeout, SessionLost, AddressShared: as `ask`.
            ProtocolViolation: the answer is no APDU, or has no end.
        """
        for piece in frames[:-1]:
            self.ask(piece, Event.PIECE, resends=resends)
        frame = self.ask(frames[-1], Event.REQUEST, resends=resends)
        pieces = Pieces(self._label)
        pieces.add(frame.information)
        while frame.segmented:
            request = ready()
            frame = self._unasked(frame, request) or self.ask(request, Event.REQUEST)
            pieces.add(frame.information)
        answer = pieces.joined()
        if answer[:3] != LLC:
            raise ProtocolViolation(f"{self._label} answers without the LLC header")
        return answer[3:]

    def ask(self, frame: bytes, kind: Event, *, resends: int = RESENDS) -> Frame:
        """Send one frame and return the one that answers it; send it again after silence.

        Args:
            frame: the whole frame.
            kind: what it is: SNRM, a piece of a request, a request or DISC.
            resends: how often it may be sent again.

        Raises:
            BusTimeout: silence, or nothing but frames that are not the answer.
            SessionLost: the session is over, or the meter says that it is, or rejects the frame.
            AddressShared: two meters answer.
        """
        if not self.may_send(kind):
            raise SessionLost(f"{self._label}: the session is {self.state}")
        self._go(kind)
        if kind in _NUMBERED:
            self._number(frame[self._control_at])
        self._traffic.exchanges += 1
        sent, busy = frame, 0
        attempts = 1 + resends
        while attempts:
            self._send(sent)
            answer = self._hear(sent)
            if isinstance(answer, Frame):
                return answer
            if answer is None:
                attempts -= 1
                self._traffic.resends += attempts > 0
            elif busy == BUSY_POLLS:
                self._go(Event.SILENCE)
                raise MeterBusy(f"{self._label} is not ready (RNR), {BUSY_POLLS} times in a row")
            else:
                busy += 1
                time.sleep(BUSY_PAUSE_S)
                poll = bare_frame(self._addresses, self._numbers & 0xE0 | 0x11)
                sent = frame if answer is Event.AGAIN else poll
        self._go(Event.SILENCE)
        raise BusTimeout(f"{self._label} does not answer")

    def _hear(self, sent: bytes) -> Frame | Event | None:
        """Listen until the deadline for what answers the frame sent last.

        Returns:
            The answer; that the meter is not ready (`BUSY`, `AGAIN`); None after a silence.

        Raises:
            SessionLost, AddressShared: as `ask`.
        """
        wait_s = self._wait_s(sent)
        self._deadline = time.monotonic() + wait_s
        self._latest = self._deadline + _LONGEST_DRIBBLE * wait_s
        not_yet: Event | None = None
        for frames in self._frames():
            answer = self._answer(frames)
            if answer is None:
                continue
            event = self._event(answer)
            if event in _NOT_YET:
                if answer.control & FINAL:
                    return event
                not_yet = event
                continue
            if event is Event.ANSWER and not answer.control & FINAL and not answer.segmented:
                self._hear_out()
            return answer
        return not_yet

    def _hear_out(self) -> None:
        """Leave the turn to a meter that sent its whole answer without the final bit.

        Raises:
            AddressShared: it is the answer of another meter.
        """
        for frames in self._frames():
            if any(frame.control & FINAL for frame in frames):
                return
            for frame in frames:
                self._must_agree(frame)

    def _unasked(self, piece: Frame, request: bytes) -> Frame | None:
        """Return the next piece, where the meter kept the turn and sends it unasked.

        Args:
            piece: the one before.
            request: the receive-ready that would ask for it; it tells its number.

        Raises:
            SessionLost, AddressShared: as `ask`.
        """
        if piece.control & FINAL:
            return None
        self._go(Event.REQUEST)
        self._number(request[self._control_at])
        for frames in self._frames():
            answer = self._answer(frames)
            if answer is not None and self._event(answer) is Event.ANSWER:
                return answer
            if answer is not None:
                break
        return None

    def may_send(self, kind: Event) -> bool:
        """Tell whether this may be sent now."""
        return kind in NEXT[self.state]

    def _go(self, event: Event) -> None:
        self.state = NEXT[self.state][event]

    def _number(self, control: int) -> None:
        """Remember N(R) and N(S) of the frame that goes out; receive-ready has no N(S)."""
        is_ready = control & 1
        self._numbers = control & 0xE0 | self._numbers & 0x0E if is_ready else control

    def _wait_s(self, frame: bytes) -> float:
        """Return how long the answer to a frame may take, with its longest information."""
        info = _DEFAULT_INFO if self.state is State.CONNECTING else self._longest_info
        size = len(frame) + info + _FRAME_OVERHEAD
        return self._transport.turnaround_s + self._transport.line_time_s(size)

    def _send(self, frame: bytes) -> None:
        """Write a frame, after the rest that the meter needs since it was heard last."""
        self._guard.clear()
        self._unread = []
        rest_s = self._heard_at + self._rest_s - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)
        self._transport.send(frame)
        self._traffic.bytes_sent += len(frame)

    def _frames(self) -> Iterator[list[Frame]]:
        """Yield the meter's frames until the deadline, those together that came together.

        A frame of this meter that has begun may end later, as long as its bytes go on coming. What
        has come by the deadline counts, also where a busy gateway looks for it later.
        """
        while True:
            while self._unread:
                unread, self._unread = self._unread, []
                yield unread
            left = self._deadline - time.monotonic()
            data = self._transport.receive(max(0.0, left))
            if data:
                self._heard_at = time.monotonic()
                self._traffic.bytes_received += len(data)
                frames = self._guard.feed(data)
                if self._guard.has_begun:
                    later = min(self._heard_at + LONGEST_GAP_S, self._latest)
                    self._deadline = max(self._deadline, later)
                yield frames
            if left <= 0 and (not data or self._deadline <= self._heard_at):
                return

    def _answer(self, frames: list[Frame]) -> Frame | None:
        """Return the frame that the state waits for; the others must not contradict it.

        Raises:
            SessionLost: the meter is disconnected, or rejects what was sent.
            AddressShared: one of them is the answer of another meter.
        """
        for place, frame in enumerate(frames):
            event = self._event(frame)
            if event is None or event not in NEXT[self.state]:
                self._must_agree(frame)
                continue
            self._go(event)
            if event in UNANSWERED and self.state is State.LOST:
                said = "rejects a frame (FRMR)" if event is Event.FRMR else "is no longer connected"
                raise SessionLost(f"{self._label} {said}")
            self._taken.append(frame)
            if not frame.control & FINAL:
                self._unread = frames[place + 1 :]
                return frame
            for other in frames[place + 1 :]:
                self._must_agree(other)
            return frame
        return None

    def _event(self, frame: Frame) -> Event | None:
        """Tell what a frame is; None: not what follows the I-frame sent last."""
        return event_of(frame.control, self._numbers, whole=self.state in _WHOLE_SENT)

    def _must_agree(self, frame: Frame) -> None:
        """Make sure that a frame beside those that were taken repeats the one it is like.

        Raises:
            AddressShared: it is the answer of another meter.
        """
        if any(contradict(frame, taken) for taken in self._taken):
            self._go(Event.RIVAL)
            raise AddressShared(
                f"two meters answer at the address of {self._label}: give each its own"
            )
