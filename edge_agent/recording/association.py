# SPDX-License-Identifier: GPL-2.0-only
"""What of an association may be kept: how it was asked for, and the answer without its security.

The AARE of a ciphered association becomes the one that the same meter would send in the clear: the
terms as they were deciphered, and neither its title nor a challenge.

Source: ISO/IEC 8650-1 (AARQ, AARE), IEC 62056-5-3.

In: the bytes of both. Out: values, and the bytes of an AARE.
Pure. Never: a password, a challenge; an exception, whatever the bytes are.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from edge_agent.dlms.axdr_types import length
from edge_agent.dlms.ciphering import with_length
from edge_agent.errors import ProtocolViolation

_AARE: Final = 0x61
_CONTEXT, _RESULT, _DIAGNOSTIC, _TITLE, _TERMS = 0xA1, 0xA2, 0xA3, 0xA4, 0xBE
_CALLING_TITLE, _MECHANISM = 0xA6, 0x8B
_PLAIN_CONTEXT: Final = bytes.fromhex("060760857405080101")
_CIPHERED: Final = 3
_OPEN: Final = frozenset((0x80, _CONTEXT, _RESULT, _DIAGNOSTIC, 0x88, 0x89, 0x9D, _TERMS))
"""Fields of an AARE that are kept: version, context, result, reason, mechanism, terms, and the
implementation-information that few meters add."""
_OF_SECURITY: Final = frozenset((0x88, 0x89))
_NO_REASON: Final = bytes.fromhex("a103020100")
_LOW: Final = 1


class Wanted(NamedTuple):
    """How an association was asked for."""

    mechanism: int
    ciphered: bool
    title: bytes
    """The client's system title, where it named one."""


def wanted(request: bytes) -> Wanted | None:
    """Return how an AARQ asks; None where that cannot be read."""
    fields = dict(_fields(request) or ())
    if not fields:
        return None
    return Wanted(
        mechanism=(fields.get(_MECHANISM) or b"\0")[-1],
        ciphered=fields.get(_CONTEXT, b"")[-1:] == bytes((_CIPHERED,)),
        title=fields.get(_CALLING_TITLE, b"")[2:],
    )


def title(answer: bytes) -> bytes:
    """Return the meter's system title in an AARE; nothing where it gives none."""
    return dict(_fields(answer) or ()).get(_TITLE, b"")[2:]


def without_security(
    answer: bytes, asked: Wanted, open_terms: Callable[[bytes], bytes | None]
) -> bytes | None:
    """Return what answered an AARQ as it may be kept; None for nothing.

    Args:
        answer: the AARE, or what came in its place.
        asked: how it was asked for.
        open_terms: deciphers terms; None where it cannot.
    """
    secured = asked.ciphered or asked.mechanism > _LOW
    if answer[:1] != bytes((_AARE,)):
        return None if secured else answer
    fields = _fields(answer)
    if fields is None:
        return None if secured else answer
    if secured and dict(fields).get(_RESULT, b"")[-1:] != b"\x00":
        return None
    kept: list[bytes] = []
    for tag, found in fields:
        content = found
        if tag not in _OPEN or (secured and tag in _OF_SECURITY):
            continue
        if secured and tag == _CONTEXT:
            content = _PLAIN_CONTEXT
        elif secured and tag == _DIAGNOSTIC:
            content = _NO_REASON
        elif asked.ciphered and tag == _TERMS:
            opened = open_terms(content[2:])
            if opened is None:
                return None
            content = b"\x04" + with_length(opened)
        kept.append(bytes((tag,)) + with_length(content))
    return bytes((_AARE,)) + with_length(b"".join(kept))


def _fields(data: bytes) -> list[tuple[int, bytes]] | None:
    """Take the fields of an AARQ or AARE apart; None where they do not fit."""
    found: list[tuple[int, bytes]] = []
    try:
        size, at = length(data, 1)
        if at + size != len(data):
            return None
        while at < len(data):
            tag = data[at]
            size, start = length(data, at + 1)
            at = start + size
            if at > len(data):
                return None
            found.append((tag, data[start:at]))
    except ProtocolViolation:
        return None
    return found
