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

    def __init__(self, result: int) -> None:
        super().__init__(result.name if isinstance(result, AccessResult) else str(result))
        self.result = result


class Conformance(IntFlag):
    """The xDLMS services of the conformance block, as the 24 bits are sent."""

    PRIORITY = 1 << 14
    BLOCK_TRANSFER_GET = 1 << 12
    MULTIPLE_REFERENCES = 1 << 9
    GET = 1 << 4
    SET = 1 << 3
    SELECTIVE_ACCESS = 1 << 2
    ACTION = 1 << 0


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


def get_error(invoke: int, result: int) -> bytes:
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


def parse_set(apdu: bytes) -> tuple[int, Attribute, Data]:
    """Read a SET request of one attribute.

    Returns:
        The invoke byte, the attribute, and its new value.

    Raises:
        MalformedApdu: it is none.
    """
    if len(apdu) < 3 or apdu[:2] != bytes((SET_REQUEST, 1)):
        raise MalformedApdu("not a SET request of one attribute")
    try:
        attribute, at = _parse_attribute(apdu, 3)
        value, end = axdr.decode(apdu, at)
    except AxdrError as error:
        raise MalformedApdu(str(error)) from error
    if end != len(apdu):
        raise MalformedApdu("bytes beyond the value")
    return apdu[2], attribute, value


def set_response(invoke: int, result: int) -> bytes:
    """Return the SET response of one attribute; 0 for done."""
    return bytes((SET_RESPONSE, 1, invoke, result))


def parse_action(apdu: bytes) -> tuple[int, Attribute, Data | None]:
    """Read an ACTION request of one method.

    Returns:
        The invoke byte, the method (as the number of an attribute), and its parameters.

    Raises:
        MalformedApdu: it is none.
    """
    fixed = apdu[3:13]
    if len(fixed) != 10 or apdu[:2] != bytes((ACTION_REQUEST, 1)):
        raise MalformedApdu("not an ACTION request of one method")
    method = Attribute(int.from_bytes(fixed[:2], "big"), fixed[2:8], fixed[8], None)
    if not fixed[9]:
        return apdu[2], method, None
    try:
        parameters, end = axdr.decode(apdu, 13)
    except AxdrError as error:
        raise MalformedApdu(str(error)) from error
    if end != len(apdu):
        raise MalformedApdu("bytes beyond the parameters")
    return apdu[2], method, parameters


def action_response(invoke: int, data: bytes) -> bytes:
    """Return the ACTION response of a method that was done, with what it returns."""
    return bytes((ACTION_RESPONSE, 1, invoke, 0, 1, 0)) + data


def action_error(invoke: int, result: int) -> bytes:
    """Return the ACTION response of a method that returns nothing; 0 for done."""
    return bytes((ACTION_RESPONSE, 1, invoke, result, 0))


def counter_error(expected: int) -> bytes:
    """Return the exception-response that tells the expected invocation counter."""
    return bytes((EXCEPTION_RESPONSE, 1, 6)) + expected.to_bytes(4, "big")


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
