# SPDX-License-Identifier: GPL-2.0-only
"""The COSEM server of one meter: associations, and which service a request reaches.

Clients: 16, public, no security, sees the clock and what the meter is; 32, meter reader, low
level security, ciphered or not, sees everything; 48, utility, where the meter has keys: high
level security with GMAC, ciphered, sees everything and sets the clock.
"""

import hmac
from dataclasses import replace
from datetime import datetime

from edge_agent.virtual import acse, axdr, cosem, security
from edge_agent.virtual.acse import AssociationRequest, Diagnostic, Mechanism
from edge_agent.virtual.cosem import (
    AccessError,
    AccessResult,
    Conformance,
    MalformedApdu,
)
from edge_agent.virtual.device import UTILITY_CLIENT, Association, Device
from edge_agent.virtual.get_service import GetService
from edge_agent.virtual.habits import Lists, OddAare
from edge_agent.virtual.security import CipherError, CounterTooLow, Vault
from shared_schema.catalogue import ASSOCIATION

CONFORMANCE = (
    Conformance.PRIORITY
    | Conformance.BLOCK_TRANSFER_GET
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.GET
    | Conformance.SELECTIVE_ACCESS
)
_CHANGES = Conformance.SET | Conformance.ACTION
_MIN_PDU = 64
_CIPHER_HEAD = 40
"""What ciphering may add to an APDU: tags, lengths, system title, control, counter, tag."""
_NO_LIMIT = 65535
_DECIPHERING_ERROR = 5


class Server:
    """An `Application` for a `Station`."""

    def __init__(self, device: Device) -> None:
        """Set up a server without an association."""
        self._device = device
        self._client = 0
        self._association: Association | None = None
        self._gets = GetService(device)

    def connect(self, client: int) -> None:
        """Begin with a client address and no association."""
        self._client = client
        self._association = None
        self._gets.forget()

    def disconnect(self) -> None:
        """End the association with the link."""
        self._association = None
        self._gets.forget()

    def request(self, apdu: bytes, now: datetime) -> bytes:
        """Return the answer to one APDU."""
        tag = apdu[0] if apdu else -1
        try:
            if tag == cosem.AARQ:
                return self._associate(apdu)
            if tag == cosem.RLRQ:
                return self._release()
            if tag in security.GLO_REQUESTS or tag == security.GENERAL_GLO:
                return self._ciphered(apdu, now)
            if self._association is not None and self._association.vault is not None:
                return cosem.exception_response(1, 1)  # nothing is said in the clear
            return self._service(apdu, self._association, now)
        except MalformedApdu:
            return cosem.exception_response(1, 3)

    def _ciphered(self, apdu: bytes, now: datetime) -> bytes:
        association = self._association
        if association is None or association.vault is None:
            return cosem.exception_response(1, 1)
        vault = association.vault
        try:
            plain = vault.open_request(apdu, association.title, association.client)
        except CipherError:
            return cosem.exception_response(1, _DECIPHERING_ERROR)
        except CounterTooLow as error:
            return cosem.counter_error(error.expected)
        try:
            answer = self._service(plain, association, now)
        except MalformedApdu:
            answer = cosem.exception_response(1, 3)
        return vault.close_response(answer)

    def _service(self, apdu: bytes, association: Association | None, now: datetime) -> bytes:
        tag = apdu[0] if apdu else -1
        if tag not in (cosem.GET_REQUEST, cosem.SET_REQUEST, cosem.ACTION_REQUEST):
            return cosem.exception_response(2, 2)
        if association is None:
            return cosem.exception_response(1, 1)
        if association.challenges is not None:
            return self._prove(apdu, association, association.challenges)
        if tag == cosem.GET_REQUEST:
            return self._get(apdu, association, now)
        if not association.conformance & _CHANGES or apdu[1:2] != b"\x01":
            return refuse_change(apdu)
        return self._change(apdu, now)

    def _get(self, apdu: bytes, association: Association, now: datetime) -> bytes:
        if apdu[1:2] == b"\x03" and self._device.habits.lists is Lists.REFUSED:
            return cosem.exception_response(2, 2)
        return self._gets.answer(cosem.parse_get(apdu), association, now)

    def _change(self, apdu: bytes, now: datetime) -> bytes:
        """Answer a SET or an ACTION of a client that may change something."""
        if apdu[0] == cosem.SET_REQUEST:
            invoke, attribute, value = cosem.parse_set(apdu)
            try:
                self._device.write(attribute, value, now)
            except AccessError as error:
                return cosem.set_response(invoke, error.result)
            return cosem.set_response(invoke, 0)
        invoke, method, parameter = cosem.parse_action(apdu)
        try:
            self._device.act(method, parameter, now)
        except AccessError as error:
            return cosem.action_error(invoke, error.result)
        return cosem.action_error(invoke, 0)

    def _associate(self, apdu: bytes) -> bytes:
        self.disconnect()
        asked = acse.parse_association(apdu)
        diagnostic = self._examine(asked)
        if diagnostic is not Diagnostic.NULL:
            return acse.association_response(diagnostic, b"", context=self._context(asked))
        ciphered = asked.context == acse.CONTEXT_LN_CIPHERED
        vault = self._device.vault if ciphered else None
        information = asked.information
        if vault is not None:
            try:
                information = self._deciphered(asked, vault)
            except CipherError:
                return cosem.exception_response(1, _DECIPHERING_ERROR)
            except CounterTooLow as error:
                if vault.explains:
                    return cosem.counter_error(error.expected)
                return acse.association_response(Diagnostic.NO_REASON, b"", context=asked.context)
        low = asked.mechanism == Mechanism.LOW
        if low and not hmac.compare_digest(asked.secret, self._device.password):
            failure = Diagnostic.AUTHENTICATION_FAILURE
            return acse.association_response(failure, b"", context=asked.context)
        return self._agree(asked, acse.parse_initiate(information), vault)

    def _deciphered(self, asked: AssociationRequest, vault: Vault) -> bytes:
        """Return the plain InitiateRequest of a ciphered association.

        Raises:
            CipherError, CounterTooLow: as `Vault.open`.
        """
        information = asked.information
        if information[:1] not in (bytes((security.GLO_INITIATE_REQUEST,)), b"\xdb"):
            raise CipherError("the InitiateRequest is not ciphered")
        return vault.open_request(information, asked.title, self._client)

    def _agree(
        self, asked: AssociationRequest, initiate: acse.Initiate | None, vault: Vault | None
    ) -> bytes:
        reason = 0
        if initiate is None or initiate.version < 6:
            reason = 1
        elif not initiate.conformance & Conformance.GET:
            reason = 2
        elif 0 < initiate.max_pdu < _MIN_PDU:
            reason = 3
        if initiate is None or reason:
            error = acse.initiate_error(reason)
            return acse.association_response(Diagnostic.NO_REASON, error, context=asked.context)
        changes = _CHANGES if self._client == UTILITY_CLIENT else Conformance(0)
        offered = CONFORMANCE | changes
        if self._device.habits.lists is Lists.NOT_OFFERED:
            offered &= ~Conformance.MULTIPLE_REFERENCES
        negotiated = int(offered) & initiate.conformance
        max_pdu = min(self._device.max_pdu, initiate.max_pdu or _NO_LIMIT)
        challenge = vault.challenge() if vault and asked.mechanism == Mechanism.GMAC else b""
        self._association = Association(
            client=self._client,
            conformance=negotiated,
            max_pdu=max_pdu if vault is None else max_pdu - _CIPHER_HEAD,
            vault=vault,
            title=asked.title,
            challenges=(challenge, asked.secret) if challenge else None,
        )
        odd = self._device.habits.aare
        stated = 0 if odd is OddAare.NO_LIMIT else self._device.max_pdu
        accepted = acse.initiate_response(negotiated, stated)
        terms = accepted if vault is None else vault.close_initiate(accepted)
        return acse.association_response(
            Diagnostic.AUTHENTICATION_REQUIRED if challenge else Diagnostic.NULL,
            b"" if odd is OddAare.NO_TERMS else terms,
            context=asked.context,
            title=b"" if vault is None else vault.title,
            challenge=challenge,
            more=odd is OddAare.MORE_FIELDS,
        )

    def _context(self, asked: AssociationRequest) -> int:
        """Return the context that a refusal names: the one that the client should use."""
        access = self._device.clients.get(self._client)
        if access is None or asked.context not in (acse.CONTEXT_LN, acse.CONTEXT_LN_CIPHERED):
            return acse.CONTEXT_LN
        return acse.CONTEXT_LN_CIPHERED if access.ciphered else acse.CONTEXT_LN

    def _examine(self, asked: AssociationRequest) -> Diagnostic:
        access = self._device.clients.get(self._client)
        if asked.context not in (acse.CONTEXT_LN, acse.CONTEXT_LN_CIPHERED):
            return Diagnostic.CONTEXT_NOT_SUPPORTED
        if access is None:
            return Diagnostic.NO_REASON
        if (asked.context == acse.CONTEXT_LN_CIPHERED) != access.ciphered:
            return Diagnostic.CONTEXT_NOT_SUPPORTED
        if asked.mechanism == Mechanism.NONE and access.mechanism != Mechanism.NONE:
            return Diagnostic.AUTHENTICATION_REQUIRED
        if asked.mechanism != access.mechanism:
            return Diagnostic.MECHANISM_NOT_RECOGNISED
        return Diagnostic.NULL

    def _prove(
        self, apdu: bytes, association: Association, challenges: tuple[bytes, bytes]
    ) -> bytes:
        """Answer reply_to_HLS_authentication; anything else before it is not allowed."""
        if apdu[0] != cosem.ACTION_REQUEST or association.vault is None:
            return cosem.exception_response(1, 1)
        invoke, method, parameters = cosem.parse_action(apdu)
        reply = (method.class_id, method.name, method.attribute) == (15, bytes(ASSOCIATION), 1)
        if not reply or parameters is None or not isinstance(parameters.value, bytes):
            return cosem.action_error(invoke, AccessResult.READ_WRITE_DENIED)
        stoc, ctos = challenges
        if not association.vault.is_answer(parameters.value, stoc, association.title):
            self.disconnect()
            return cosem.action_error(invoke, AccessResult.OTHER_REASON)
        self._association = replace(association, challenges=None)
        return cosem.action_response(invoke, axdr.octet_string(association.vault.answer(ctos)))

    def _release(self) -> bytes:
        if self._association is None:
            return cosem.exception_response(1, 1)
        self.disconnect()
        return bytes((cosem.RLRE, 3, 0x80, 1, 0))


def refuse_change(apdu: bytes) -> bytes:
    """Answer SET and ACTION of one attribute with read-write-denied, their lists as unknown."""
    if len(apdu) < 3 or apdu[1] != 1:
        return cosem.exception_response(2, 2)
    denied = AccessResult.READ_WRITE_DENIED
    if apdu[0] == cosem.SET_REQUEST:
        return bytes((cosem.SET_RESPONSE, 1, apdu[2], denied))
    return bytes((cosem.ACTION_RESPONSE, 1, apdu[2], denied, 0))
