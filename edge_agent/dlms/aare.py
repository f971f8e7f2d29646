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
from edge_agent.dlms.hex_text import as_hex
from edge_agent.dlms.security import GMAC, TITLE_BYTES
from edge_agent.dlms.terms import initiate_error
from edge_agent.errors import (
    AssociationRefused,
    Breach,
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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the meter associates."""

    result: int
    """0 accepted, 1 rejected for good, 2 for now."""
    diagnostic: int
    """Why: of the service user, or of its provider with 256 added."""
    initiate_error: str = ""
    """What a service error in the user information says of the terms, by the standard's name."""


def association_result(answer: bytes, label: str) -> Verdict:
    """Return result and diagnostic of an AARE.

    Raises:
        ProtocolViolation: it names no result, or is cut off before.
    """
    fields = _fields(answer, 1, label, whole=False)
    result = _integer(fields.get(0xA2, b""))
    if result is None:
        raise ProtocolViolation(
            f"{label} answers the association with an AARE without a result ({as_hex(answer)})",
            of=Breach.TERMS,
        )
    source = fields.get(0xA3, b"")
    diagnostic = _integer(source[2:]) or 0
    of_provider = source[:1] == b"\xa2"
    information = _fields(fields.get(0xBE, b""), 0, label, whole=False).get(0x04, b"")
    return Verdict(
        result, diagnostic + 0x100 if of_provider else diagnostic, initiate_error(information)
    )


def _integer(element: bytes) -> int | None:
    """Read a BER integer; None where there is none."""
    if element[:1] != b"\x02" or len(element) < 3 or element[1] != len(element) - 2:
        return None
    return int.from_bytes(element[2:], "big")


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
        raise ProtocolViolation(
            f"{label} accepts an association {other} ciphering", of=Breach.PROTECTION
        )
    title = _fields(fields.get(0xA4, b""), 0, label).get(0x04, b"")
    if ciphered and len(title) != TITLE_BYTES:
        raise ProtocolViolation(
            f"{label} gives no system title of {TITLE_BYTES} bytes", of=Breach.PROTECTION
        )
    initiate = _fields(fields.get(0xBE, b""), 0, label).get(0x04)
    if initiate is None:
        raise ProtocolViolation(
            f"{label} accepts an association without its terms", of=Breach.TERMS
        )
    challenge = b""
    if fields.get(0x89) == _MECHANISMS + bytes((mechanism,)):
        challenge = _fields(fields.get(0xAA, b""), 0, label).get(0x80, b"")
    return Acceptance(title, challenge, initiate)


def plain_terms(answer: bytes, label: str) -> bytes | None:
    """Return the InitiateResponse in the AARE of a plain association; some meters give none.

    Raises:
        ProtocolViolation: it is cut off, or about another application context.
    """
    fields = _inside(answer, label)
    if fields.get(0xA1, _PLAIN_CONTEXT) not in (_PLAIN_CONTEXT, _CIPHERED_CONTEXT):
        raise ProtocolViolation(
            f"{label} accepts an association of another context", of=Breach.TERMS
        )
    if 0xBE not in fields:
        return None
    initiate = _fields(fields[0xBE], 0, label).get(0x04)
    if initiate is None:
        raise ProtocolViolation(
            f"{label} accepts an association without its terms", of=Breach.TERMS
        )
    return initiate


def _inside(answer: bytes, label: str) -> dict[int, bytes]:
    """Return the elements of an AARE; what follows it is no part of it."""
    size, at = _length(answer, 1)
    if at + size > len(answer):
        raise _half(answer, label)
    return _fields(answer[: at + size], 1, label)


def _fields(data: bytes, at: int, label: str, *, whole: bool = True) -> dict[int, bytes]:
    """Cut BER elements into tag and content; from 1 on, those within the first one.

    Args:
        data: the bytes.
        at: where the elements begin.
        label: the meter, for an error.
        whole: whether an element that is cut off is an error; else it ends them.
    """
    fields: dict[int, bytes] = {}
    if at:
        _, at = _length(data, at)
    while at < len(data):
        size, start = _length(data, at + 1)
        if start + size > len(data):
            if whole:
                raise _half(data, label)
            break
        fields[data[at]] = data[start : start + size]
        at = start + size
    return fields


def _length(data: bytes, at: int) -> tuple[int, int]:
    """Read a length; one that cannot be read is longer than the data."""
    try:
        return length(data, at)
    except ProtocolViolation:
        return len(data) + 1, at


def _half(data: bytes, label: str) -> ProtocolViolation:
    return ProtocolViolation(f"{label} sent half an AARE ({as_hex(data)})", of=Breach.TERMS)


def refusal(answer: bytes, label: str, client: int) -> AssociationRefused:
    """Return what an exception or a service error means that answers a ciphered AARQ.

    Returns:
        `PasswordRefused`: the meter cannot decipher: the keys differ. `CounterRefused`: it
        tells the counter that it expects. `Unexplained`: an exception that says no more than
        no. `AssociationRefused`: a service error; it is about the terms, not about secrets.
    """
    if answer[:1] != _EXCEPTION:
        why = initiate_error(answer)
        return AssociationRefused(
            f"{label} answers the association with a service error" + (f": {why}" if why else "")
        )
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
