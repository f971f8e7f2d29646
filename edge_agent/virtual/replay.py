# SPDX-License-Identifier: GPL-2.0-only
"""The server of a meter that was recorded: it associates and answers as the meter did.

Any client may associate, without a password or with any: there is none in a recording. A ciphered
association, or one in which both sides prove themselves, is refused: there are no keys either.

In: APDUs of a client. Out: recorded answers, under the numbers of the session.
Owns: the association. Never: an answer that the meter did not give, but for object-undefined and
the refusal of what would change it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from edge_agent.recording.file import Associated, Recording
from edge_agent.virtual import acse, cosem
from edge_agent.virtual.acse import Diagnostic, Mechanism
from edge_agent.virtual.cosem import GetRequest, MalformedApdu
from edge_agent.virtual.device import Association
from edge_agent.virtual.get_service import BLOCK_HEAD, GetService
from edge_agent.virtual.habits import Habits
from edge_agent.virtual.hdlc import MAX_INFO
from edge_agent.virtual.recorded import RecordedMeter
from edge_agent.virtual.server import CONFORMANCE, refuse_change
from edge_agent.virtual.station import Station, longest_info

_ACCEPTED: Final = b"\xa2\x03\x02\x01\x00"
_LONGEST: Final = 0xFFFF


class ReplayServer:
    """An `Application` for a `Station`."""

    def __init__(self, recording: Recording, meter: RecordedMeter) -> None:
        """Set up a server without an association.

        Args:
            recording: what the meter answered.
            meter: its objects.
        """
        self._associations = recording.associations
        odd = recording.head.list_answer
        self._list_answer = None if odd is None else bytes.fromhex(odd)
        self._meter = meter
        self._gets = GetService(meter)
        self._client = 0
        self._association: Association | None = None

    def connect(self, client: int) -> None:
        """Begin with a client address and no association."""
        self._client = client
        self.disconnect()

    def disconnect(self) -> None:
        """End the association with the link."""
        self._association = None
        self._gets.forget()

    def request(self, apdu: bytes, now: datetime) -> bytes:
        """Return the answer to one APDU."""
        try:
            if apdu[:1] == bytes((cosem.AARQ,)):
                return self._associate(apdu)
            if self._association is None:
                return cosem.exception_response(1, 1)
            return self._service(apdu, self._association, now)
        except MalformedApdu:
            return cosem.exception_response(1, 3)

    def _service(self, apdu: bytes, association: Association, now: datetime) -> bytes:
        tag = apdu[0] if apdu else -1
        if tag == cosem.RLRQ:
            self.disconnect()
            return bytes((cosem.RLRE, 3, 0x80, 1, 0))
        if tag == cosem.GET_REQUEST:
            return self._get(cosem.parse_get(apdu), association, now)
        if tag in (cosem.SET_REQUEST, cosem.ACTION_REQUEST):
            return refuse_change(apdu)
        return cosem.exception_response(2, 2)

    def _associate(self, apdu: bytes) -> bytes:
        self.disconnect()
        asked = acse.parse_association(apdu)
        if asked.context != acse.CONTEXT_LN or asked.mechanism > Mechanism.LOW:
            self._meter.note(
                f"client {self._client} wants ciphering or a proof: refused, a recording has no "
                "keys; give --client 16 or a password file with any password"
            )
            return acse.association_response(Diagnostic.CONTEXT_NOT_SUPPORTED, b"")
        found = self._fitting(asked.mechanism)
        if found is None:
            accepted = acse.initiate_response(int(CONFORMANCE), _LONGEST)
            answer = acse.association_response(Diagnostic.NULL, accepted)
        else:
            answer = bytes.fromhex(found.apdu)
        if _is_accepted(answer):
            self._association = Association(self._client, int(CONFORMANCE), _LONGEST)
        return answer

    def _fitting(self, mechanism: int) -> Associated | None:
        """Return how this client was answered, or another that was accepted."""

        def rank(each: Associated) -> tuple[bool, bool, bool]:
            own = each.client == self._client
            accepted = _is_accepted(bytes.fromhex(each.apdu))
            return own and each.mechanism == mechanism, own and accepted, accepted

        return max(self._associations, key=rank, default=None)

    def _get(self, asked: GetRequest, association: Association, now: datetime) -> bytes:
        if asked.kind == 3 and self._list_answer is not None:
            return _numbered(self._list_answer, asked.invoke)
        longest = _LONGEST
        if asked.kind == 1:
            odd = self._meter.odd(asked.attributes[0])
            if odd is not None:
                return _numbered(odd, asked.invoke)
            block = self._meter.block_bytes(asked.attributes[0])
            longest = _LONGEST if block is None else block + BLOCK_HEAD
        if asked.kind != 2:
            association = self._association = Association(
                association.client, association.conformance, longest
            )
        return self._gets.answer(asked, association, now)


def station(recording: Recording, begun: datetime, tell: Callable[[str], None]) -> Station:
    """Return the station of a recorded meter, alone on its bus.

    Args:
        recording: what it answered.
        begun: the true time from which on it is answered, aware.
        tell: takes a sentence on what was not recorded, each once.
    """
    head = recording.head
    ua = None if head.ua is None else bytes.fromhex(head.ua)
    meter = RecordedMeter(recording, begun, tell)
    return Station(
        ReplayServer(recording, meter),
        physical=head.physical,
        logical=head.logical,
        alone=True,
        max_info=MAX_INFO if ua is None else longest_info(ua),
        slow_s=head.slow_s,
        habits=Habits(not_ready=head.not_ready, not_final=head.not_final),
        ua=ua,
    )


def _is_accepted(answer: bytes) -> bool:
    return answer[:1] == bytes((cosem.AARE,)) and _ACCEPTED in answer


def _numbered(answer: bytes, invoke: int) -> bytes:
    """Return an APDU under the number of the request; an exception has none."""
    if answer[:1] != bytes((cosem.GET_RESPONSE,)):
        return answer
    return answer[:2] + bytes((invoke,)) + answer[3:]
