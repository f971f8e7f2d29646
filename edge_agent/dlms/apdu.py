# SPDX-License-Identifier: GPL-2.0-only
"""APDUs: what a meter's answers to a service say, taken apart.

Source: IEC 62056-5-3 (GET, SET and ACTION responses, data-access-result).

In: the bytes of one whole APDU, or of its body. Out: results, blocks, items.
Never: what the values mean, a clock, a driver. Bytes of another shape raise
`ProtocolViolation`.
"""

from typing import Final

from edge_agent.dlms.axdr import MAX_VALUE_BYTES, parse
from edge_agent.dlms.axdr_types import length
from edge_agent.errors import AccessDenied, AssociationRefused, ProtocolViolation, SessionLost
from shared_schema.obis import Obis

_EXCEPTION, _SERVICE_ERROR = b"\xd8", b"\x0e"
_RESULTS: Final = {
    1: "hardware-fault",
    2: "temporary-failure",
    3: "read-write-denied",
    4: "object-undefined",
    9: "object-class-inconsistent",
    11: "object-unavailable",
    12: "type-unmatched",
    13: "scope-of-access-violated",
    14: "data-block-unavailable",
    15: "long-get-aborted",
    16: "no-long-get-in-progress",
    17: "long-set-aborted",
    18: "no-long-set-in-progress",
    19: "data-block-number-invalid",
    250: "other-reason",
}
PASSING: Final = frozenset((2, 14, 15, 16))
"""Results that may be another one when asked once more: for now, or an answer broken off."""
_STATE_ERRORS: Final = {1: "service-not-allowed", 2: "service-unknown"}
_BUFFER: Final = (7, 2)
"""Class and attribute of a profile's rows."""
_MOST_ROW_BYTES: Final = 4 * MAX_VALUE_BYTES
"""Of the rows of a profile in a list: some hundreds of rows."""
_SERVICE_ERRORS: Final = {
    1: "operation-not-possible",
    2: "service-not-supported",
    3: "other-reason",
    4: "pdu-too-long",
    5: "deciphering-error",
    6: "invocation-counter-error",
}


def block(answer: bytes, label: str) -> tuple[bool, int, bytes | None]:
    """Take a GET response's data block apart.

    Returns:
        Whether it is the last, its number, and its bytes; None for a result code instead.

    Raises:
        ProtocolViolation: it is shorter or longer than it says.
    """
    if len(answer) < 10:
        raise ProtocolViolation(f"{label} sent half a block")
    last, number, choice = answer[3] != 0, int.from_bytes(answer[4:8], "big"), answer[8]
    if choice != 0:
        return last, number, None
    size, at = length(answer, 9)
    if len(answer) - at != size:
        raise ProtocolViolation(f"{label} sent a block of another length than it says")
    return last, number, answer[at:]


def write_result(answer: bytes, tag: int, invoke_id: int, label: str) -> int:
    """Return the result of a SET of one attribute or an ACTION of one method: 0 for done.

    Args:
        answer: the APDU.
        tag: what it must begin with, 0xC5 or 0xC7.
        invoke_id: of the request.
        label: the meter, for an error.

    Raises:
        ProtocolViolation: it is no such response, or one to another request.
    """
    if len(answer) < 4 or answer[:2] != bytes((tag, 1)):
        raise ProtocolViolation(f"{label} answers a change with something else")
    if answer[2] & 0x0F != invoke_id & 0x0F:
        raise ProtocolViolation(f"{label} answers another request")
    return answer[3]


def result_name(result: int) -> str:
    """Return the standard's name of a data-access-result."""
    return _RESULTS.get(result, f"data-access-result {result}")


def access_denied(result: int, obis: Obis, attribute: int, label: str) -> AccessDenied:
    """Return the error that a data-access-result is."""
    return AccessDenied(
        f"{label}: {obis} attribute {attribute}: {result_name(result)}", result=result
    )


def list_items(
    body: bytes, wanted: list[tuple[Obis, int, int]], label: str
) -> list[bytes | AccessDenied]:
    """Take the items of a list response apart, in the order of what was wanted.

    Octets that a meter leaves behind one value would shift those behind it, so that a register got
    the count of another. Then the values do not end where the response does. Many rows at the end
    are left to `decode.buffer`, which refuses octets behind them as well.

    Raises:
        ProtocolViolation: it holds another number of them, half of one, one that is larger than
            a value may be, or more than them.
    """
    if body[:1] != bytes((len(wanted),)):
        raise ProtocolViolation(f"{label} answers a list with another number of values")
    at = 1
    items: list[bytes | AccessDenied] = []
    for obis, class_id, attribute in wanted:
        if at + 1 >= len(body):
            raise ProtocolViolation(f"{label} answers with half a list")
        if body[at] != 0:
            items.append(access_denied(body[at + 1], obis, attribute, label))
            at += 2
        else:
            is_rows, is_last = (class_id, attribute) == _BUFFER, len(items) == len(wanted) - 1
            end = _end_of_value(body, at + 1, is_rows=is_rows, is_last=is_last)
            items.append(body[at + 1 : end])
            at = end
    if at != len(body):
        raise ProtocolViolation(f"{label} leaves octets behind the values of a list")
    return items


def _end_of_value(body: bytes, at: int, *, is_rows: bool, is_last: bool) -> int:
    most = _MOST_ROW_BYTES if is_rows else MAX_VALUE_BYTES
    if is_rows and is_last and len(body) - at > most:
        return len(body)
    return at + parse(body[at : at + most])[1]


def method_result(answer: bytes, label: str) -> tuple[int, bytes]:
    """Take the plain response to reply_to_HLS_authentication apart.

    Returns:
        The action result (0 success), and the octet string that came with it.

    Raises:
        ProtocolViolation: it is no such response.
    """
    if len(answer) < 5 or answer[:2] != b"\xc7\x01":
        raise ProtocolViolation(f"{label} answers its proof with something else")
    if answer[3] != 0:
        return answer[3], b""
    if answer[4:7] != b"\x01\x00\x09":
        return 0, b""
    size, at = length(answer, 7)
    if len(answer) - at != size:
        raise ProtocolViolation(f"{label} sent half a proof")
    return 0, answer[at:]


def unexpected_answer(
    answer: bytes, asked: str, label: str
) -> SessionLost | AssociationRefused | ProtocolViolation:
    """Return the error that an APDU is which is not the expected response."""
    if answer[:1] == _EXCEPTION:
        return SessionLost(f"{label} answers {asked} with an exception{_reasons(answer)}")
    if answer[:1] == _SERVICE_ERROR:
        return AssociationRefused(f"{label} answers {asked} with a service error")
    tag = f"tag {answer[:1].hex()}" if answer else "nothing"  # the rest may be an echo of a secret
    return ProtocolViolation(f"{label} answers {asked} with something else ({tag})")


def _reasons(exception: bytes) -> str:
    """Return the standard's names of the two reasons in an exception-response."""
    named = (
        _STATE_ERRORS.get(exception[1]) if len(exception) > 1 else None,
        _SERVICE_ERRORS.get(exception[2]) if len(exception) > 2 else None,
    )
    said = ", ".join(name for name in named if name)
    return f" ({said})" if said else ""
