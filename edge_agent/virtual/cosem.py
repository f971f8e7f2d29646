# SPDX-License-Identifier: GPL-2.0-only
"""The bytes of the COSEM application layer that a meter reads and writes (IEC 62056-5-3).

In: APDUs of a client. Out: what they ask for, as values; and the APDUs of the answers.
Owns nothing. Never decides whether a request is granted: `server` does.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError, Data, Tag
from shared_schema.obis import Obis

AARQ, AARE, RLRQ, RLRE = 0x60, 0x61, 0x62, 0x63
GET_REQUEST, SET_REQUEST, ACTION_REQUEST = 0xC0, 0xC1, 0xC3
GET_RESPONSE, SET_RESPONSE, ACTION_RESPONSE, EXCEPTION_RESPONSE = 0xC4, 0xC5, 0xC7, 0xD8

_CONTEXT_LN = bytes.fromhex("60857405080101")
_MECHANISM = bytes.fromhex("608574050802")


class MalformedApdu(ValueError):
    """The bytes are no APDU of the kind that their first byte says."""


class AccessResult(IntEnum):
    """Data-access-result: why one attribute was not given."""

    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_GET_ABORTED = 15
    NO_LONG_GET_IN_PROGRESS = 16
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


class AccessError(Exception):
    """One attribute cannot be given; the association goes on."""

    def __init__(self, result: AccessResult) -> None:
        super().__init__(result.name)
        self.result = result


class Conformance(IntFlag):
    """The xDLMS services of the conformance block, as the 24 bits are sent."""

    PRIORITY = 1 << 14
    BLOCK_TRANSFER_GET = 1 << 12
    MULTIPLE_REFERENCES = 1 << 9
    GET = 1 << 4
    SELECTIVE_ACCESS = 1 << 2


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


class Initiate(NamedTuple):
    """What an xDLMS InitiateRequest proposes."""

    version: int
    conformance: int
    max_pdu: int


class AssociationRequest(NamedTuple):
    """An AARQ."""

    logical_name: bool
    """The context is logical-name referencing without ciphering."""
    mechanism: int
    secret: bytes
    initiate: Initiate | None


class Selection(NamedTuple):
    """The access selection of a GET: which part of a buffer is wanted."""

    selector: int
    parameters: Data


class Attribute(NamedTuple):
    """One attribute that a request names."""

    class_id: int
    name: bytes
    attribute: int
    selection: Selection | None


class GetRequest(NamedTuple):
    """A GET: attributes, or the number of the block last received."""

    invoke: int
    kind: int
    """1 normal, 2 next, 3 with list."""
    attributes: tuple[Attribute, ...]
    block: int


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
    logical_name, mechanism, secret = False, int(Mechanism.NONE), b""
    initiate: Initiate | None = None
    for tag, content in _elements(whole[0][1]):
        if tag == 0xA1:
            logical_name = content == b"\x06\x07" + _CONTEXT_LN
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
            initiate = _parse_initiate(inner[0][1])
    return AssociationRequest(logical_name, mechanism, secret, initiate)


def _parse_initiate(data: bytes) -> Initiate | None:
    """Read an xDLMS InitiateRequest; None where the user information is another one."""
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


def association_response(diagnostic: Diagnostic, user_information: bytes) -> bytes:
    """Return an AARE: accepted where the diagnostic is null, else rejected for good.

    It names no mechanism: the Green Book's example has one form for no and for low security.
    """
    accepted = diagnostic is Diagnostic.NULL
    body = b"\xa1\x09\x06\x07" + _CONTEXT_LN
    body += b"\xa2\x03\x02\x01" + (b"\x00" if accepted else b"\x01")
    body += b"\xa3\x05\xa1\x03\x02\x01" + bytes((diagnostic,))
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


def exception_response(state: int, service: int) -> bytes:
    """Return an exception-response.

    Args:
        state: 1 service not allowed, 2 service unknown.
        service: 1 operation not possible, 2 service not supported, 3 other reason.
    """
    return bytes((EXCEPTION_RESPONSE, state, service))


def parse_get(apdu: bytes) -> GetRequest:
    """Read a GET request of any of its three kinds.

    Raises:
        MalformedApdu: it is none.
    """
    if len(apdu) < 3 or apdu[0] != GET_REQUEST:
        raise MalformedApdu("not a GET request")
    kind, invoke = apdu[1], apdu[2]
    if kind == 2:
        if len(apdu) != 7:
            raise MalformedApdu("a GET next has seven bytes")
        return GetRequest(invoke, kind, (), int.from_bytes(apdu[3:], "big"))
    try:
        if kind == 1:
            count, at = 1, 3
        elif kind == 3:
            count, at = axdr.read_length(apdu, 3)
        else:
            raise MalformedApdu(f"GET request kind {kind}")
        if count > len(apdu):
            raise MalformedApdu("more attributes than bytes")
        attributes: list[Attribute] = []
        for _ in range(count):
            attribute, at = _parse_attribute(apdu, at)
            attributes.append(attribute)
    except AxdrError as error:
        raise MalformedApdu(str(error)) from error
    if at != len(apdu) or not attributes:
        raise MalformedApdu("bytes beyond the last attribute, or no attribute")
    return GetRequest(invoke, kind, tuple(attributes), 0)


def _parse_attribute(apdu: bytes, at: int) -> tuple[Attribute, int]:
    fixed = apdu[at : at + 10]
    if len(fixed) != 10:
        raise MalformedApdu("an attribute descriptor is cut off")
    at += 10
    selection: Selection | None = None
    if fixed[9]:
        if at >= len(apdu):
            raise MalformedApdu("an access selector is missing")
        parameters, end = axdr.decode(apdu, at + 1)
        selection, at = Selection(apdu[at], parameters), end
    attribute = int.from_bytes(fixed[8:9], "big", signed=True)
    return Attribute(int.from_bytes(fixed[:2], "big"), fixed[2:8], attribute, selection), at


def get_response(invoke: int, data: bytes) -> bytes:
    """Return a GET response with the data of one attribute."""
    return bytes((GET_RESPONSE, 1, invoke, 0)) + data


def get_error(invoke: int, result: AccessResult) -> bytes:
    """Return a GET response that gives no data."""
    return bytes((GET_RESPONSE, 1, invoke, 1, result))


def get_list_response(invoke: int, results: bytes) -> bytes:
    """Return a GET response with the counted results of a list."""
    return bytes((GET_RESPONSE, 3, invoke)) + results


def get_block(invoke: int, number: int, part: bytes, *, last: bool) -> bytes:
    """Return one block of a long answer; blocks count from 1."""
    head = bytes((GET_RESPONSE, 2, invoke, last)) + number.to_bytes(4, "big")
    return head + b"\x00" + axdr.length(len(part)) + part


def get_block_error(invoke: int, number: int, result: AccessResult) -> bytes:
    """Return the block that ends a long answer without its data."""
    head = bytes((GET_RESPONSE, 2, invoke, 1)) + number.to_bytes(4, "big")
    return head + bytes((1, result))


def capture_definition(class_id: int, name: Obis, attribute: int, index: int = 0) -> bytes:
    """Encode a capture_object_definition."""
    return axdr.structure(
        axdr.long_unsigned(class_id),
        axdr.octet_string(bytes(name)),
        axdr.integer(attribute),
        axdr.long_unsigned(index),
    )


def parse_definition(data: Data) -> tuple[int, bytes, int, int]:
    """Read a capture_object_definition: class, logical name, attribute, data index.

    Raises:
        AccessError: it is none.
    """
    if data.tag is Tag.STRUCTURE and isinstance(data.value, tuple) and len(data.value) == 4:
        parts = [item.value for item in data.value if isinstance(item, Data)]
        if len(parts) == 4:
            class_id, name, attribute, index = parts
            if (
                isinstance(class_id, int)
                and isinstance(name, bytes)
                and isinstance(attribute, int)
                and isinstance(index, int)
            ):
                return class_id, name, attribute, index
    raise AccessError(AccessResult.TYPE_UNMATCHED)
