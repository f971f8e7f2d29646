# SPDX-License-Identifier: GPL-2.0-only
"""One association with one meter: connect, associate, read or change attributes, release.

A session has three parts: `exchange` sends frames and takes the answers, `authenticate` proves
who the gateway is, and the services here read and change what the meter holds. The requests
come from `request_writer`. A ciphered session seals each request and opens each answer.

This module joins the bytes of a GET response and hands them on as they came: `decode` reads them
as values. An answer counts if its invoke id is that of the request; gurux-dlms leaves it at 1.

In: which meter, as which client; then what to read or to change. Out: the bytes of one attribute
(A-XDR), complete, from the meter that was asked and for the question that was asked.
Owns: the order of connection, association, release and disconnection.
Never: a password or received bytes in an error; a value's meaning; settings, storage or a clock.
"""

import contextlib
from types import TracebackType
from typing import Final, Self

from edge_agent.dlms import apdu
from edge_agent.dlms.authenticate import Association, associate, prove
from edge_agent.dlms.axdr import entry_selector, range_selector
from edge_agent.dlms.ciphering import REFUSALS, Sealer
from edge_agent.dlms.exchange import RESENDS, Exchange, Traffic, Transport
from edge_agent.dlms.invocation_counter import Counter
from edge_agent.dlms.peer import Peer
from edge_agent.dlms.pieces import Pieces
from edge_agent.dlms.request_writer import ACTION, SET, RequestWriter
from edge_agent.dlms.states import SOUND, Event, State
from edge_agent.errors import (
    AccessDenied,
    AssociationRefused,
    BusError,
    BusTimeout,
    ConfigurationError,
    ProtocolViolation,
)
from shared_schema.obis import Obis

_GET_RESPONSE, _SET_RESPONSE, _ACTION_RESPONSE = 0xC4, 0xC5, 0xC7
_NORMAL, _BLOCK, _LIST = 1, 2, 3
"""Kinds of a GET response."""
_PROFILE, _BUFFER = 7, 2
"""Class of a profile generic, and its attribute that holds the rows."""
_OTHER_REASON: Final = 250


class Session:
    """An association; use it in a ``with`` statement, so that it is always released."""

    def __init__(
        self,
        transport: Transport,
        peer: Peer,
        traffic: Traffic | None = None,
        counter: Counter | None = None,
    ) -> None:
        """Set up a session; `with` begins it.

        Args:
            transport: what carries the bytes.
            peer: the meter, and as whom to speak to it.
            traffic: what the session costs is added here.
            counter: the invocation counter of a ciphered association.
        """
        self.peer = peer
        self.traffic = traffic if traffic is not None else Traffic()
        self._sealer: Sealer | None = None
        if peer.ciphering is not None and counter is not None:
            self._sealer = Sealer(peer.ciphering, counter)
        self._writer = RequestWriter(peer, self._sealer if peer.protects else None)
        self._exchange = Exchange(transport, peer, self.traffic)
        self._association: Association | None = None

    def __repr__(self) -> str:
        associated = "" if self._association is None else ", associated"
        state = f"{self._exchange.state}{associated}"
        return f"<Session with {self.peer.label} as client {self.peer.client}: {state}>"

    # ------------------------------------------------------------------- life

    def __enter__(self) -> Self:
        """Connect and associate.

        Raises:
            BusTimeout: the meter does not answer.
            PasswordRefused, CounterRefused, AssociationRefused: it refuses.
            SessionLost, AddressShared, ProtocolViolation: as `get`.
            ConfigurationError: a ciphered association has no counter.
        """
        try:
            self._connect()
            self._associate()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def takes_lists(self) -> bool:
        """Whether the meter offered to read several attributes at once."""
        return self._writer.takes_lists

    def close(self) -> None:
        """Release the association and disconnect. A meter that is silent is left alone.

        After a silence only the disconnection is tried, once: the meter may still hold the
        session, and would refuse the next one.

        Raises:
            AddressShared: the answer of another meter came late.
        """
        associated, self._association = self._association is not None, None
        try:
            if associated and self.peer.release and self._exchange.state in SOUND:
                with contextlib.suppress(BusError, ProtocolViolation, AssociationRefused):
                    self._exchange.ask(self._writer.release()[0], Event.REQUEST, resends=0)
        finally:
            if self._exchange.may_send(Event.DISC):
                with contextlib.suppress(BusError, ProtocolViolation, AssociationRefused):
                    self._exchange.ask(self._writer.disconnect(), Event.DISC, resends=0)

    def _connect(self) -> None:
        """SNRM and UA: the HDLC connection and its frame size."""
        self._exchange.discard()
        answer = self._exchange.ask(self._writer.connect(), Event.SNRM)
        if self._exchange.state is not State.CONNECTED:
            raise AssociationRefused(f"{self.peer.label} refuses the connection")
        self._writer.take_limits(answer.information)

    def _associate(self) -> None:
        if self.peer.ciphering is not None and self._sealer is None:
            raise ConfigurationError(f"{self.peer.label}: a ciphered association has no counter")
        self._association = associate(self.peer, self._writer, self._exchange)
        if self.peer.proves:
            prove(self.peer, self._writer, self._exchange, self._association, self._sealer)

    # ---------------------------------------------------------------- reading

    def get(self, obis: Obis, class_id: int, attribute: int) -> bytes:
        """Return the A-XDR bytes of one attribute.

        Raises:
            AccessDenied: the meter answered with a data-access-result.
            BusTimeout: silence after all repeats: a new session may help.
            SessionLost: the meter forgot the session.
            ProtocolViolation: the answer is no GET response to this request.
            AddressShared: two meters answer.
        """
        return self._get(obis, class_id, attribute)

    def get_range(self, profile: Obis, start: bytes, end: bytes) -> bytes:
        """Return the rows of a profile from start to end, both included.

        Args:
            profile: a profile generic (class 7).
            start: the 12 bytes of a date-time, as `axdr.date_time` writes them.
            end: the same.

        Raises:
            AccessDenied, BusTimeout, SessionLost, ProtocolViolation, AddressShared: as `get`.
        """
        return self._get(profile, _PROFILE, _BUFFER, range_selector(start, end))

    def get_entries(self, profile: Obis, first: int, last: int) -> bytes:
        """Return the rows of a profile by their place, from 1, both included.

        Raises:
            AccessDenied, BusTimeout, SessionLost, ProtocolViolation, AddressShared: as `get`.
        """
        return self._get(profile, _PROFILE, _BUFFER, entry_selector(first, last))

    def get_list(
        self, wanted: list[tuple[Obis, int, int]], selector: bytes = b""
    ) -> list[bytes | AccessDenied]:
        """Return several attributes by one request (get-with-list).

        Args:
            wanted: code, class and attribute of each, at most 10.
            selector: which part of each profile's buffer is wanted (`axdr.range_selector`);
                without it, all of it.

        Returns:
            In that order, the bytes of each, or why the meter gave none.

        Raises:
            BusTimeout, SessionLost, ProtocolViolation, AddressShared: as `get`.
            AccessDenied: the meter refuses the whole list.
        """
        asked = [(*each, selector if each[1:] == (_PROFILE, _BUFFER) else b"") for each in wanted]
        kind, body = self._response(self._writer.get_list(asked), listed=True)
        if kind == _NORMAL:
            raise self._denied(body, wanted[0][0], wanted[0][2])
        found = apdu.list_items(body, wanted, self.peer.label)
        return [self._again(one, *each) for one, each in zip(found, asked, strict=True)]

    def _again(
        self, found: bytes | AccessDenied, obis: Obis, class_id: int, attribute: int, part: bytes
    ) -> bytes | AccessDenied:
        """Return an item of a list; one that the meter could not give just then is read alone."""
        if not isinstance(found, AccessDenied) or found.result not in apdu.PASSING:
            return found
        try:
            return self._get_once(obis, class_id, attribute, part)
        except AccessDenied as error:
            return error

    # --------------------------------------------------------------- changing

    def put(self, obis: Obis, class_id: int, attribute: int, data: bytes) -> None:
        """Set one attribute. It is sent once: what it says may not be true any more later.

        Args:
            obis: the object.
            class_id: its class.
            attribute: which of its attributes.
            data: the value, A-XDR.

        Raises:
            AccessDenied: the meter refuses; nothing was changed.
            BusTimeout: there is no answer: whether it was set is not known.
            SessionLost, ProtocolViolation, AddressShared: likewise.
        """
        target = class_id.to_bytes(2, "big") + bytes(obis) + bytes((attribute, 0))
        frames = self._writer.change(SET, target, data)
        self._change(frames, _SET_RESPONSE, obis, attribute)

    def act(self, obis: Obis, class_id: int, method: int, data: bytes) -> None:
        """Call one method of an object, once.

        Args:
            obis: the object.
            class_id: its class.
            method: which of its methods.
            data: the parameter, A-XDR.

        Raises:
            AccessDenied, BusTimeout, SessionLost, ProtocolViolation, AddressShared: as `put`.
        """
        target = class_id.to_bytes(2, "big") + bytes(obis) + bytes((method, 1))
        frames = self._writer.change(ACTION, target, data)
        self._change(frames, _ACTION_RESPONSE, obis, method)

    def _change(self, frames: list[bytes], response: int, obis: Obis, number: int) -> None:
        answer = self._converse(frames, resends=0)
        if answer[:1] in REFUSALS:
            raise apdu.unexpected_answer(answer, "a change", self.peer.label)
        result = apdu.write_result(answer, response, self._writer.invoke_id, self.peer.label)
        if result != 0:
            raise apdu.access_denied(result, obis, number, self.peer.label)

    # -------------------------------------------------------------- responses

    def _get(self, obis: Obis, class_id: int, attribute: int, selector: bytes = b"") -> bytes:
        """Read one attribute; once more where the meter could not give it just then."""
        try:
            return self._get_once(obis, class_id, attribute, selector)
        except AccessDenied as error:
            if error.result not in apdu.PASSING:
                raise
        return self._get_once(obis, class_id, attribute, selector)

    def _get_once(self, obis: Obis, class_id: int, attribute: int, selector: bytes) -> bytes:
        kind, body = self._response(self._writer.get(obis, class_id, attribute, selector))
        if kind != _NORMAL:
            raise ProtocolViolation(f"{self.peer.label}: a list answers a single GET")
        if body[:1] != b"\x00":
            raise self._denied(body, obis, attribute)
        return body[1:]

    def _denied(self, body: bytes, obis: Obis, attribute: int) -> AccessDenied:
        result = body[1] if len(body) > 1 else _OTHER_REASON
        return apdu.access_denied(result, obis, attribute, self.peer.label)

    def _response(self, frames: list[bytes], *, listed: bool = False) -> tuple[int, bytes]:
        """Send a GET and return what the response holds: (normal, choice and data) or (list, …).

        Args:
            frames: those of the request.
            listed: whether it asks for several attributes.
        """
        answer = self._get_response(frames)
        if answer[1] != _BLOCK:
            return answer[1], answer[3:]
        body = self._blocks(answer)
        return (_LIST, body[1:]) if listed and body[0] == 0 else (_NORMAL, body)

    def _blocks(self, answer: bytes) -> bytes:
        """Ask for the blocks behind the first one, and return the choice with the joined data."""
        blocks = Pieces(self.peer.label)
        expected: int | None = None
        while True:
            last, number, block = apdu.block(answer, self.peer.label)
            if expected is not None and number != expected:
                raise ProtocolViolation(f"{self.peer.label} sent block {number}, not {expected}")
            if block is None:  # a data-access-result instead of data
                return b"\x01" + answer[9:10]
            blocks.add(block)
            if last:
                return b"\x00" + blocks.joined()
            expected = number + 1
            answer = self._get_response(self._writer.get_next(number))
            if answer[1] != _BLOCK:
                raise ProtocolViolation(f"{self.peer.label} broke off its blocks")

    def _get_response(self, frames: list[bytes]) -> bytes:
        """Send a GET and return the APDU that answers it and nothing else."""
        answer = self._converse(frames)
        if len(answer) < 4 or answer[0] != _GET_RESPONSE:
            raise apdu.unexpected_answer(answer, "a GET", self.peer.label)
        if answer[2] & 0x0F != self._writer.invoke_id:
            raise ProtocolViolation(f"{self.peer.label} answers another request")
        return answer

    def _converse(self, frames: list[bytes], *, resends: int = RESENDS) -> bytes:
        answer = self._exchange.converse(frames, self._writer.ready, resends=resends)
        return answer if self._association is None else self._association.open(answer)


def probe(transport: Transport, peer: Peer) -> bool:
    """Tell whether a meter is there: one SNRM, once, and DISC if it answers with UA.

    It waits as long as a meter of this line may think: a slow one is there as well.

    Args:
        transport: what carries the bytes.
        peer: the meter.

    Raises:
        BusLost: the adapter is not there.
    """
    writer, exchange = RequestWriter(peer), Exchange(transport, peer, Traffic())
    exchange.discard()
    try:
        exchange.ask(writer.connect(), Event.SNRM, resends=0)
    except BusTimeout:
        return False
    if exchange.may_send(Event.DISC):
        with contextlib.suppress(BusError):
            exchange.ask(writer.disconnect(), Event.DISC, resends=0)
    return True
