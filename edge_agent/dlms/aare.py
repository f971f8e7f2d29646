# SPDX-License-Identifier: GPL-2.0-only
"""The answer to an association request: the AARE, or an APDU that refuses it.

Why by hand: gurux-dlms takes a rejected AARE without a diagnostic for an accepted one, and prints
tags that it does not know.

Source: ISO/IEC 8650-1 (AARE), IEC 62056-5-3 (contexts, mechanisms, exception-response).

In: the bytes of the answer. Out: result and diagnostic, an `Acceptance`, or the error that a
refusal is.
Never: a password in an error; a clock, a driver. Bytes of another shape raise
`ProtocolViolation`.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.dlms.axdr_types import length
from edge_agent.dlms.security import GMAC, TITLE_BYTES
from edge_agent.errors import (
    AssociationRefused,
    CounterRefused,
    PasswordRefused,
    ProtocolViolation,
    Refusal,
    Unexplained,
)

_CIPHERED_CONTEXT: Final = bytes.fromhex("060760857405080103")
_PLAIN_CONTEXT: Final = bytes.fromhex("060760857405080101")
_MECHANISMS: Final = bytes.fromhex("608574050802")
_EXCEPTION: Final = b"\xd8"
_DECIPHERING_ERROR, _COUNTER_ERROR = 5, 6


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What the AARE says beside its result."""

    title: bytes
    """The meter's system title; empty where it gives none in the clear."""
    challenge: bytes
    """StoC; empty where there is none of the mechanism that was asked for."""
    initiate: bytes
    """The InitiateResponse, ciphered in a ciphered association."""


def association_result(answer: bytes) -> tuple[int, int]:
    """Return result and diagnostic of an AARE.

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


def acceptance(
    answer: bytes, label: str, mechanism: int = GMAC, *, ciphered: bool = True
) -> Acceptance:
    """Read the AARE of an association that is ciphered or begins with challenges.

    Args:
        answer: the AARE.
        label: the meter, for an error.
        mechanism: the number of the mechanism whose challenge is looked for.
        ciphered: whether a ciphered association was asked for.

    Raises:
        ProtocolViolation: it is not ciphered as asked, or gives no system title.
    """
    fields = _fields(answer, 1, label)
    if fields.get(0xA1) != (_CIPHERED_CONTEXT if ciphered else _PLAIN_CONTEXT):
        other = "without" if ciphered else "with"
        raise ProtocolViolation(f"{label} accepts an association {other} ciphering")
    title = _fields(fields.get(0xA4, b""), 0, label).get(0x04, b"")
    if ciphered and len(title) != TITLE_BYTES:
        raise ProtocolViolation(f"{label} gives no system title of {TITLE_BYTES} bytes")
    initiate = _fields(fields.get(0xBE, b""), 0, label).get(0x04)
    if initiate is None:
        raise ProtocolViolation(f"{label} accepts an association without its terms")
    challenge = b""
    if fields.get(0x89) == _MECHANISMS + bytes((mechanism,)):
        challenge = _fields(fields.get(0xAA, b""), 0, label).get(0x80, b"")
    return Acceptance(title, challenge, initiate)


def plain_terms(answer: bytes, label: str) -> bytes | None:
    """Return the InitiateResponse in the AARE of a plain association; some meters give none.

    Raises:
        ProtocolViolation: it is cut off, or about another application context.
    """
    size, at = length(answer, 1)
    if size > len(answer) - at:
        raise ProtocolViolation(f"{label} sent half an AARE")
    fields = _fields(answer[: at + size], 1, label)  # what follows is no part of it
    if fields.get(0xA1, _PLAIN_CONTEXT) not in (_PLAIN_CONTEXT, _CIPHERED_CONTEXT):
        raise ProtocolViolation(f"{label} accepts an association of another context")
    if 0xBE not in fields:
        return None
    initiate = _fields(fields[0xBE], 0, label).get(0x04)
    if initiate is None:
        raise ProtocolViolation(f"{label} accepts an association without its terms")
    return initiate


def _fields(data: bytes, at: int, label: str) -> dict[int, bytes]:
    """Cut BER elements into tag and content; from 1 on, those within the first one."""
    if at:
        _, at = length(data, at)
    fields: dict[int, bytes] = {}
    while at < len(data):
        size, start = length(data, at + 1)
        if start + size > len(data):
            raise ProtocolViolation(f"{label} sent half an AARE")
        fields[data[at]] = data[start : start + size]
        at = start + size
    return fields


def refusal(answer: bytes, label: str, client: int) -> AssociationRefused:
    """Return what an exception or a service error means that answers a ciphered AARQ.

    Returns:
        `PasswordRefused`: the meter cannot decipher: the keys differ. `CounterRefused`: it
        tells the counter that it expects. `Unexplained`: an exception that says no more than
        no. `AssociationRefused`: a service error; it is about the terms, not about secrets.
    """
    if answer[:1] != _EXCEPTION:
        return AssociationRefused(f"{label} answers the association with a service error")
    reason = answer[2] if len(answer) > 2 else 0
    if reason == _DECIPHERING_ERROR:
        return PasswordRefused(
            f"{label} cannot decipher: the keys of client {client} are not the meter's: see "
            "encryption_key_file and authentication_key_file",
            of=Refusal.KEYS,
        )
    if reason == _COUNTER_ERROR and len(answer) == 7:
        return CounterRefused(
            f"{label} refuses the invocation counter of client {client}",
            expected=int.from_bytes(answer[3:], "big"),
        )
    return Unexplained(
        f"{label} refuses client {client} without a reason: see its password and its keys"
    )
