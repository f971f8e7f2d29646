# SPDX-License-Identifier: GPL-2.0-only
"""The bytes that begin an association: AARQ and AARE (IEC 62056-5-3, ISO/IEC 8650-1).

In: the AARQ of a client. Out: what it asks for, as values; and the AARE of the answer.
Owns nothing. Never decides whether an association is granted: `server` does.
"""

from enum import IntEnum
from typing import NamedTuple

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError
from edge_agent.virtual.cosem import AARE, AARQ, MalformedApdu

CONTEXT_LN, CONTEXT_LN_CIPHERED = 1, 3
"""Application contexts: logical names, without and with ciphering."""
_CONTEXT = bytes.fromhex("608574050801")
_MECHANISM = bytes.fromhex("608574050802")


class Diagnostic(IntEnum):
    """Acse-service-user diagnostics of an association's answer."""

    NULL = 0
    NO_REASON = 1
    CONTEXT_NOT_SUPPORTED = 2
    MECHANISM_NOT_RECOGNISED = 11
    AUTHENTICATION_FAILURE = 13
    AUTHENTICATION_REQUIRED = 14


class Mechanism(IntEnum):
    """Authentication mechanisms, the last arc of their object identifier."""

    NONE = 0
    LOW = 1
    GMAC = 5


class Initiate(NamedTuple):
    """What an xDLMS InitiateRequest proposes."""

    version: int
    conformance: int
    max_pdu: int


class AssociationRequest(NamedTuple):
    """An AARQ."""

    context: int
    """`CONTEXT_LN`, `CONTEXT_LN_CIPHERED`, or another."""
    title: bytes
    """The client's system title; empty where it gives none."""
    mechanism: int
    secret: bytes
    """A password, or the challenge of high level security."""
    information: bytes
    """The InitiateRequest, plain or ciphered."""


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Cut BER elements with one-byte tags into (tag, content)."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        try:
            size, start = axdr.read_length(data, at + 1)
        except AxdrError as error:
            raise MalformedApdu("a BER length is broken") from error
        content = data[start : start + size]
        if len(content) != size:
            raise MalformedApdu("a BER element is cut off")
        found.append((data[at], content))
        at = start + size
    return found


def parse_association(apdu: bytes) -> AssociationRequest:
    """Read an AARQ.

    Raises:
        MalformedApdu: it is none.
    """
    whole = _elements(apdu)
    if len(whole) != 1 or whole[0][0] != AARQ:
        raise MalformedApdu("not one AARQ")
    context, mechanism = 0, int(Mechanism.NONE)
    title = secret = information = b""
    for tag, content in _elements(whole[0][1]):
        if tag == 0xA1:
            named = len(content) == 9 and content[:8] == b"\x06\x07" + _CONTEXT
            context = content[8] if named else 0
        elif tag == 0xA6:
            inner = _elements(content)
            if len(inner) == 1 and inner[0][0] == 0x04:
                title = inner[0][1]
        elif tag == 0x8B:
            known = len(content) == 7 and content[:6] == _MECHANISM
            mechanism = content[6] if known else 255
        elif tag == 0xAC:
            inner = _elements(content)
            if len(inner) == 1 and inner[0][0] == 0x80:
                secret = inner[0][1]
        elif tag == 0xBE:
            inner = _elements(content)
            if len(inner) != 1 or inner[0][0] != 0x04:
                raise MalformedApdu("the user information is no octet string")
            information = inner[0][1]
    return AssociationRequest(context, title, mechanism, secret, information)


def parse_initiate(data: bytes) -> Initiate | None:
    """Read an xDLMS InitiateRequest; None where the user information is another one.

    Raises:
        MalformedApdu: it is cut off.
    """
    if not data or data[0] != 0x01:
        return None
    at = 1
    try:
        for size in (None, 1, 1):  # dedicated key, response allowed, quality of service
            present, at = data[at], at + 1
            if present and size is None:
                count, at = axdr.read_length(data, at)
                at += count
            elif present and size is not None:
                at += size
        version = data[at]
        tail = data[at + 1 :]
    except (IndexError, AxdrError) as error:
        raise MalformedApdu("the InitiateRequest is cut off") from error
    # [APPLICATION 31] with its tag in two bytes (5F 1F) or, as some clients send it, one (5F).
    for head in (b"\x5f\x1f\x04\x00", b"\x5f\x04\x00"):
        if tail.startswith(head) and len(tail) == len(head) + 5:
            rest = tail[len(head) :]
            return Initiate(
                version, int.from_bytes(rest[:3], "big"), int.from_bytes(rest[3:], "big")
            )
    raise MalformedApdu("no conformance block")


def association_response(
    diagnostic: Diagnostic,
    user_information: bytes,
    *,
    context: int = CONTEXT_LN,
    title: bytes = b"",
    challenge: bytes = b"",
    more: bool = False,
) -> bytes:
    """Return an AARE: accepted where the diagnostic is null, else rejected for good.

    It names no mechanism: the Green Book's example has one form for no and for low security.

    Args:
        diagnostic: Why, or null.
        user_information: The InitiateResponse, plain or ciphered.
        context: The application context.
        title: The meter's system title, where it has one.
        challenge: StoC of mechanism 5: accepted, and the client has still to prove itself.
        more: Whether it carries implementation-information as well.
    """
    accepted = diagnostic is Diagnostic.NULL or bool(challenge)
    body = b"\xa1\x09\x06\x07" + _CONTEXT + bytes((context,))
    body += b"\xa2\x03\x02\x01" + (b"\x00" if accepted else b"\x01")
    body += b"\xa3\x05\xa1\x03\x02\x01" + bytes((diagnostic,))
    if title:
        body += bytes((0xA4, len(title) + 2, 0x04, len(title))) + title
    if challenge:
        body += b"\x88\x02\x07\x80\x89\x07" + _MECHANISM + bytes((Mechanism.GMAC,))
        body += bytes((0xAA, len(challenge) + 2, 0x80, len(challenge))) + challenge
    if more:
        body += b"\x9d\x04v1.0"
    if user_information:
        inner = b"\x04" + bytes((len(user_information),)) + user_information
        body += b"\xbe" + bytes((len(inner),)) + inner
    return bytes((AARE, len(body))) + body


def initiate_response(conformance: int, max_pdu: int) -> bytes:
    """Return the xDLMS InitiateResponse of a logical-name server."""
    negotiated = conformance.to_bytes(3, "big") + max_pdu.to_bytes(2, "big")
    return b"\x08\x00\x06\x5f\x1f\x04\x00" + negotiated + b"\x00\x07"


def initiate_error(reason: int) -> bytes:
    """Return the confirmedServiceError of a refused InitiateRequest.

    Args:
        reason: 1 version too low, 2 incompatible conformance, 3 PDU size too short.
    """
    return b"\x0e\x01\x06" + bytes((reason,))
