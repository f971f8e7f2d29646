# SPDX-License-Identifier: GPL-2.0-only
"""APDUs: what a meter's answers say, taken apart.

In: the bytes of one whole APDU, or of its body. Out: results, blocks, items.
Never: what the values mean, a clock, a driver. Bytes of another shape raise
`ProtocolViolation`.

Source: IEC 62056-5-3 (GET response, data-access-result), ISO/IEC 8650-1 (AARE).
"""

from typing import Final

from edge_agent.dlms.axdr import length, parse
from edge_agent.errors import AccessDenied, ProtocolViolation
from shared_schema.obis import Obis

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
    250: "other-reason",
}


def association_result(answer: bytes) -> tuple[int, int]:
    """Return result and diagnostic of an AARE: the library overlooks some refusals.

    Returns:
        The result (0 accepted, 1 rejected for good, 2 for now) and the diagnostic, of the
        service user, or of its provider with 256 added.

    Raises:
        ProtocolViolation: it names no result.
    """
    at = 2 + (answer[1] & 0x7F if len(answer) > 1 and answer[1] & 0x80 else 0)
    result: int | None = None
    diagnostic = 0
    while at + 2 <= len(answer):
        tag, size = answer[at], answer[at + 1]
        content = answer[at + 2 : at + 2 + size]
        if tag == 0xA2 and content[:2] == b"\x02\x01" and len(content) == 3:
            result = content[2]
        elif tag == 0xA3 and len(content) == 5 and content[2:4] == b"\x02\x01":
            diagnostic = content[4] if content[0] == 0xA1 else 0x100 + content[4]
        at += 2 + size
    if result is None:
        raise ProtocolViolation("the AARE holds no result")
    return result, diagnostic


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


def denied(result: int, obis: Obis, attribute: int, label: str) -> AccessDenied:
    """Return the error that a data-access-result is."""
    return AccessDenied(
        f"{label}: {obis} attribute {attribute}: {result_name(result)}", result=result
    )


def list_items(
    body: bytes, wanted: list[tuple[Obis, int, int]], label: str
) -> list[bytes | AccessDenied]:
    """Take the items of a list response apart, in the order of what was wanted.

    The last one is handed on as it stands: it may be a long buffer, which `decode` reads.

    Raises:
        ProtocolViolation: it holds another number of them, or half of one.
    """
    if body[:1] != bytes((len(wanted),)):
        raise ProtocolViolation(f"{label} answers a list with another number of values")
    at = 1
    items: list[bytes | AccessDenied] = []
    for place, (obis, _, attribute) in enumerate(wanted, 1):
        if at + 1 >= len(body):
            raise ProtocolViolation(f"{label} answers with half a list")
        if body[at] != 0:
            items.append(denied(body[at + 1], obis, attribute, label))
            at += 2
        else:
            end = len(body) if place == len(wanted) else parse(body, at + 1)[1]
            items.append(body[at + 1 : end])
            at = end
    return items
