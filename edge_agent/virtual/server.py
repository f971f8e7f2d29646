# SPDX-License-Identifier: GPL-2.0-only
"""The COSEM server of one meter: associations and the GET services.

In: whole APDUs of one client. Out: whole APDUs. Owns: the association and the answer that is
being handed over in blocks. Never gives a value without an association, never changes
anything in the meter: SET and ACTION are refused.

Clients: 16, public, no security, sees the clock and what the meter is; 32, meter reader, low
level security, sees everything.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from edge_agent.virtual import axdr, cosem
from edge_agent.virtual.cosem import (
    AccessError,
    AccessResult,
    Attribute,
    Conformance,
    Diagnostic,
    GetRequest,
    MalformedApdu,
    Mechanism,
)

PUBLIC_CLIENT = 16
READER_CLIENT = 32
CONFORMANCE = (
    Conformance.PRIORITY
    | Conformance.BLOCK_TRANSFER_GET
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.GET
    | Conformance.SELECTIVE_ACCESS
)
_MIN_PDU = 64
_BLOCK_HEAD = 12
"""Tag, kind, invoke, last, number (4), choice and a length of up to three bytes."""
_NO_LIMIT = 65535


class Device(Protocol):
    """The objects behind the server."""

    @property
    def password(self) -> bytes:
        """The secret of low level security."""

    @property
    def max_pdu(self) -> int:
        """Longest APDU that the meter takes or sends, bytes."""

    def read(self, attribute: Attribute, client: int, now: datetime) -> bytes:
        """Return the encoded data of one attribute.

        Raises:
            AccessError: it is not given.
        """


@dataclass(frozen=True, slots=True)
class _Association:
    client: int
    conformance: int
    max_pdu: int


@dataclass(slots=True)
class _LongAnswer:
    data: bytes
    at: int = 0
    block: int = 0


class Server:
    """An `Application` for a `Station`."""

    def __init__(self, device: Device) -> None:
        """Set up a server without an association."""
        self._device = device
        self._client = 0
        self._association: _Association | None = None
        self._long: _LongAnswer | None = None

    def connect(self, client: int) -> None:
        """Begin with a client address and no association."""
        self._client = client
        self._association = None
        self._long = None

    def disconnect(self) -> None:
        """End the association with the link."""
        self._association = None
        self._long = None

    def request(self, apdu: bytes, now: datetime) -> bytes:  # noqa: PLR0911  # one a service
        """Return the answer to one APDU."""
        tag = apdu[0] if apdu else -1
        try:
            if tag == cosem.AARQ:
                return self._associate(apdu)
            if tag == cosem.RLRQ:
                return self._release()
            if tag in (cosem.GET_REQUEST, cosem.SET_REQUEST, cosem.ACTION_REQUEST):
                if self._association is None:
                    return cosem.exception_response(1, 1)
                if tag == cosem.GET_REQUEST:
                    return self._get(cosem.parse_get(apdu), self._association, now)
                return _refuse(apdu)
        except MalformedApdu:
            return cosem.exception_response(1, 3)
        return cosem.exception_response(2, 2)

    def _associate(self, apdu: bytes) -> bytes:
        self.disconnect()
        asked = cosem.parse_association(apdu)
        diagnostic = self._examine(asked)
        if diagnostic is not Diagnostic.NULL:
            return cosem.association_response(diagnostic, b"")
        initiate = asked.initiate
        reason = 0
        if initiate is None or initiate.version < 6:
            reason = 1
        elif not initiate.conformance & Conformance.GET:
            reason = 2
        elif 0 < initiate.max_pdu < _MIN_PDU:
            reason = 3
        if initiate is None or reason:
            error = cosem.initiate_error(reason)
            return cosem.association_response(Diagnostic.NO_REASON, error)
        negotiated = int(CONFORMANCE) & initiate.conformance
        self._association = _Association(
            client=self._client,
            conformance=negotiated,
            max_pdu=min(self._device.max_pdu, initiate.max_pdu or _NO_LIMIT),
        )
        accepted = cosem.initiate_response(negotiated, self._device.max_pdu)
        return cosem.association_response(Diagnostic.NULL, accepted)

    def _examine(  # noqa: PLR0911  # one return for each diagnostic
        self, asked: cosem.AssociationRequest
    ) -> Diagnostic:
        if not asked.logical_name:
            return Diagnostic.CONTEXT_NOT_SUPPORTED
        if self._client == PUBLIC_CLIENT:
            unsecured = asked.mechanism == Mechanism.NONE
            return Diagnostic.NULL if unsecured else Diagnostic.MECHANISM_NOT_RECOGNISED
        if self._client != READER_CLIENT:
            return Diagnostic.NO_REASON
        if asked.mechanism == Mechanism.NONE:
            return Diagnostic.AUTHENTICATION_REQUIRED
        if asked.mechanism != Mechanism.LOW:
            return Diagnostic.MECHANISM_NOT_RECOGNISED
        if not hmac.compare_digest(asked.secret, self._device.password):
            return Diagnostic.AUTHENTICATION_FAILURE
        return Diagnostic.NULL

    def _release(self) -> bytes:
        if self._association is None:
            return cosem.exception_response(1, 1)
        self.disconnect()
        return bytes((cosem.RLRE, 3, 0x80, 1, 0))

    def _get(self, asked: GetRequest, association: _Association, now: datetime) -> bytes:
        if asked.kind == 2:
            return self._next(asked, association)
        self._long = None
        if asked.kind == 1:
            try:
                data = self._read(asked.attributes[0], association, now)
            except AccessError as error:
                return cosem.get_error(asked.invoke, error.result)
            answer = cosem.get_response(asked.invoke, data)
        else:
            if not association.conformance & Conformance.MULTIPLE_REFERENCES:
                return cosem.exception_response(2, 2)
            data = axdr.length(len(asked.attributes))
            for attribute in asked.attributes:
                try:
                    data += b"\x00" + self._read(attribute, association, now)
                except AccessError as error:
                    data += bytes((1, error.result))
            answer = cosem.get_list_response(asked.invoke, data)
        if len(answer) <= association.max_pdu:
            return answer
        if not association.conformance & Conformance.BLOCK_TRANSFER_GET:
            return cosem.get_error(asked.invoke, AccessResult.DATA_BLOCK_UNAVAILABLE)
        self._long = _LongAnswer(data)
        return self._block(asked.invoke, self._long, association)

    def _read(self, attribute: Attribute, association: _Association, now: datetime) -> bytes:
        selective = association.conformance & Conformance.SELECTIVE_ACCESS
        if attribute.selection is not None and not selective:
            raise AccessError(AccessResult.SCOPE_OF_ACCESS_VIOLATED)
        return self._device.read(attribute, association.client, now)

    def _next(self, asked: GetRequest, association: _Association) -> bytes:
        long = self._long
        if long is None:
            result = AccessResult.NO_LONG_GET_IN_PROGRESS
            return cosem.get_block_error(asked.invoke, asked.block, result)
        if asked.block != long.block:
            self._long = None
            result = AccessResult.DATA_BLOCK_NUMBER_INVALID
            return cosem.get_block_error(asked.invoke, asked.block, result)
        return self._block(asked.invoke, long, association)

    def _block(self, invoke: int, long: _LongAnswer, association: _Association) -> bytes:
        start = long.at
        long.at += association.max_pdu - _BLOCK_HEAD
        long.block += 1
        last = long.at >= len(long.data)
        if last:
            self._long = None
        return cosem.get_block(invoke, long.block, long.data[start : long.at], last=last)


def _refuse(apdu: bytes) -> bytes:
    """Answer SET and ACTION of one attribute with read-write-denied, their lists as unknown."""
    if len(apdu) < 3 or apdu[1] != 1:
        return cosem.exception_response(2, 2)
    denied = AccessResult.READ_WRITE_DENIED
    if apdu[0] == cosem.SET_REQUEST:
        return bytes((cosem.SET_RESPONSE, 1, apdu[2], denied))
    return bytes((cosem.ACTION_RESPONSE, 1, apdu[2], denied, 0))
