# SPDX-License-Identifier: GPL-2.0-only
"""What one APDU means, in words, and which of its bytes may be shown.

This module lists what may be shown and hides the rest: it hides an APDU of an unknown kind whole.
Source: IEC 62056-5-3.

In: the bytes of a whole APDU, of either side. Out: an `Explanation`.
Never: a password, a challenge, a key or written data among the shown bytes; a deciphered
APDU; an exception, whatever the bytes are.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.dlms import aare, apdu, axdr
from edge_agent.dlms.axdr_types import ARRAY, length
from edge_agent.errors import ProtocolViolation
from shared_schema.catalogue import quantity
from shared_schema.errors import ObisError
from shared_schema.obis import Obis

HIDDEN: Final = "[hidden]"
_AARQ, _AARE, _GET, _GOT, _EXCEPTION, _SERVICE_ERROR = 0x60, 0x61, 0xC0, 0xC4, 0xD8, 0x0E
_PLAIN: Final = {0x62: "RLRQ: asks to end the association", 0x63: "RLRE: the association ends"}
_WRITES: Final = {0xC1: "SET", 0xC3: "ACTION"}
_ANSWERS: Final = {0xC5: "SET response", 0xC7: "ACTION response"}
_CIPHERED: Final = {
    0x21: "glo-initiate-request",
    0x28: "glo-initiate-response",
    0xC8: "glo-get-request",
    0xC9: "glo-set-request",
    0xCB: "glo-action-request",
    0xCC: "glo-get-response",
    0xCD: "glo-set-response",
    0xCF: "glo-action-response",
    0xD0: "ded-get-request",
    0xD1: "ded-set-request",
    0xD3: "ded-action-request",
    0xD4: "ded-get-response",
    0xD5: "ded-set-response",
    0xD7: "ded-action-response",
    0xDB: "general-glo-ciphering",
    0xDC: "general-ded-ciphering",
    0xDF: "general-signing",
}
_CONTEXTS: Final = {
    1: "logical names",
    2: "short names",
    3: "logical names, ciphered",
    4: "short names, ciphered",
}
_MECHANISMS: Final = {
    0: "no password",
    1: "LLS password (hidden)",
    2: "HLS (challenge hidden)",
    3: "HLS MD5 (challenge hidden)",
    4: "HLS SHA-1 (challenge hidden)",
    5: "HLS GMAC (challenge hidden)",
    6: "HLS SHA-256 (challenge hidden)",
    7: "HLS ECDSA (challenge hidden)",
}
_DIAGNOSTICS: Final = {
    0: "no reason",
    1: "no reason given",
    2: "this application context is not supported",
    11: "this authentication is not known",
    12: "an authentication is required",
    13: "the password is wrong",
    14: "a password is required",
}
_ATTRIBUTES: Final = {
    (3, 3): "scaler and unit",
    (4, 3): "scaler and unit",
    (5, 4): "scaler and unit",
    (7, 2): "rows",
    (7, 3): "captured objects",
    (7, 4): "capture period",
    (8, 2): "time",
    (8, 3): "time zone",
    (15, 2): "object list",
}
_SECRET_ATTRIBUTES: Final = frozenset(((15, 5), (15, 7), (12, 2)))
"""Associations: the context with its dedicated key, and the secret."""
_SECURITY_SETUP: Final = 64
_LONGEST_TEXT: Final = 60


@dataclass(frozen=True, slots=True)
class Explanation:
    """An APDU in words."""

    meaning: str
    shown: str
    """Its bytes as hexadecimal digits, with what is secret left out."""
    secret_answer: bool | None = None
    """For a GET: whether what answers it must be hidden. None: it is no GET."""


def explain(data: bytes, *, secret_answer: bool = False) -> Explanation:  # noqa: PLR0911
    """Explain one APDU.

    Args:
        data: the whole of it.
        secret_answer: what `Explanation.secret_answer` said of the request that this may answer.
    """
    tag = data[0] if data else -1
    try:
        if tag == _AARQ:
            return _association_request(data)
        if tag == _AARE:
            return _association_response(data)
        if tag == _GET:
            return _get(data)
        if tag == _GOT:
            return Explanation(
                _got(data, hide=secret_answer), _hex(data, 4 if secret_answer else -1)
            )
        if tag in _WRITES:
            attribute = f"{_attribute(data, 3, 'method' if tag == 0xC3 else 'attribute')}"
            return Explanation(f"{_WRITES[tag]} {attribute}, data hidden", _hex(data, 12))
        if tag in _ANSWERS:
            return Explanation(f"{_ANSWERS[tag]}: {_result(data[3])}", _hex(data, 4))
    except (IndexError, ProtocolViolation, ObisError):
        return Explanation(f"APDU {tag:02X} that cannot be read", HIDDEN)
    if tag in _CIPHERED:
        return Explanation(f"{_CIPHERED[tag]}, ciphered, {len(data)} bytes", _hex(data, 1))
    if tag in _PLAIN:
        return Explanation(_PLAIN[tag], _hex(data, 2))
    if tag in {_EXCEPTION, _SERVICE_ERROR}:
        name = "exception" if tag == _EXCEPTION else "service error"
        return Explanation(f"{name}: the meter does not carry this out", _hex(data, -1))
    return Explanation("no APDU" if tag < 0 else f"APDU of kind {tag:02X}", HIDDEN if data else "")


def kind(data: bytes) -> str:
    """Name the kind of an APDU of which the beginning is known."""
    tag = data[0] if data else -1
    named = {_AARQ: "AARQ", _AARE: "AARE", _GET: "GET", _GOT: "GET response"}
    return {**named, **_WRITES, **_ANSWERS, **_CIPHERED}.get(tag, f"APDU {max(tag, 0):02X}")


def _hex(data: bytes, shown: int) -> str:
    """Write the first bytes; -1 writes all."""
    if shown < 0 or len(data) <= shown:
        return data.hex(" ").upper()
    return f"{data[:shown].hex(' ').upper()} {HIDDEN}"


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """Take the BER fields of an AARQ or AARE apart.

    Raises:
        ProtocolViolation: a length does not fit.
    """
    size, at = length(data, 1)
    if at + size != len(data):
        raise ProtocolViolation("an association of another length than it says")
    found: list[tuple[int, bytes]] = []
    while at < len(data):
        tag = data[at]
        size, start = length(data, at + 1)
        at = start + size
        if at > len(data):
            raise ProtocolViolation("a field is cut off")
        found.append((tag, data[start:at]))
    return found


_OPEN_FIELDS: Final = frozenset((0xA1, 0xA2, 0xA3, 0x80, 0x88, 0x8A, 0x8B, 0x89, 0xA4, 0xA6))
"""Versions, names, mechanisms, results and system titles: nothing that opens a door."""


def _shown_fields(data: bytes, fields: list[tuple[int, bytes]]) -> str:
    words = [data[: length(data, 1)[1]].hex(" ").upper()]
    for tag, content in fields:
        open_ = tag in _OPEN_FIELDS or (tag == 0xBE and _is_plain_initiate(content))
        inside = content.hex(" ").upper() if open_ else HIDDEN
        size = f" {len(content):02X}" if open_ else ""
        words.append(f"{tag:02X}{size} {inside}")
    return " ".join(words)


def _is_plain_initiate(content: bytes) -> bool:
    """Tell whether user information is an initiate without a dedicated key."""
    return content[:1] == b"\x04" and content[2:4] in {b"\x01\x00", b"\x08\x00"}


def _association_request(data: bytes) -> Explanation:
    fields = _fields(data)
    found = dict(fields)
    context = found.get(0xA1, b"\0")[-1]
    mechanism = found.get(0x8B, b"\0")[-1]
    words = [
        _CONTEXTS.get(context, f"context {context}"),
        _MECHANISMS.get(mechanism, f"mechanism {mechanism} (hidden)"),
    ]
    if 0xA6 in found:
        words.append(f"system title {found[0xA6][2:].hex().upper()}")
    if 0xBE in found and not _is_plain_initiate(found[0xBE]):
        words.append("initiate hidden")
    return Explanation(
        f"AARQ: asks for an association: {', '.join(words)}", _shown_fields(data, fields)
    )


def _association_response(data: bytes) -> Explanation:
    verdict = aare.association_result(data, "the meter")
    diagnostic = verdict.diagnostic
    if verdict.result == 0:
        said = "accepted" if diagnostic != 14 else "accepted; the high-level password follows"
    else:
        said = f"refused: {_DIAGNOSTICS.get(diagnostic, f'diagnostic {diagnostic}')}"
    return Explanation(f"AARE: {said}", _shown_fields(data, _fields(data)))


def _attribute(data: bytes, at: int, what: str = "attribute") -> str:
    class_id = int.from_bytes(data[at : at + 2], "big")
    obis = Obis.from_bytes(data[at + 2 : at + 8])
    number = data[at + 8]
    known = quantity(obis)
    named = f" {known.name}" if known else ""
    part = _ATTRIBUTES.get((class_id, number)) if what == "attribute" else None
    return f"{obis}{named}, class {class_id} {what} {number}" + (f" ({part})" if part else "")


def is_secret(class_id: int, attribute: int) -> bool:
    """Tell whether an attribute may hold a password or a key."""
    return (class_id, attribute) in _SECRET_ATTRIBUTES or class_id == _SECURITY_SETUP


def _is_secret(data: bytes, at: int) -> bool:
    return is_secret(int.from_bytes(data[at : at + 2], "big"), data[at + 8])


def _get(data: bytes) -> Explanation:
    if data[1] == 1:
        ranged = {1: ", by range", 2: ", by entry"}.get(data[13], "") if data[12] else ""
        return Explanation(
            f"GET {_attribute(data, 3)}{ranged}", _hex(data, -1), _is_secret(data, 3)
        )
    if data[1] == 2:
        number = int.from_bytes(data[3:7], "big")
        return Explanation(f"GET next after block {number}", _hex(data, -1))
    if data[1] == 3:
        places = [4 + 10 * number for number in range(data[3])]
        wanted = "; ".join(_attribute(data, place) for place in places)
        secret = any(_is_secret(data, place) for place in places)
        return Explanation(f"GET list of {len(places)}: {wanted}", _hex(data, -1), secret)
    return Explanation(f"GET of kind {data[1]}", HIDDEN, secret_answer=True)


def _result(code: int) -> str:
    return "success" if code == 0 else apdu.result_name(code)


def _got(data: bytes, *, hide: bool) -> str:
    if data[1] == 1:
        if data[3] != 0:
            return f"GET response: {_result(data[4])}"
        return f"GET response: success, {'data hidden' if hide else data_in_words(data[4:])}"
    if data[1] == 2:
        last, number, block = apdu.block(data, "the meter")
        what = f"{len(block)} bytes" if block is not None else _result(data[9])
        return f"GET response: block {number}{', the last' if last else ''}, {what}"
    if data[1] == 3:
        return f"GET response: list of {data[3]}"
    return f"GET response of kind {data[1]}"


def data_in_words(data: bytes) -> str:
    """Say what a value is.

    Raises:
        ProtocolViolation: it is none.
    """
    found, _ = axdr.parse(data)
    if isinstance(found, list):
        return f"{'array' if data[0] == ARRAY else 'structure'} of {len(found)}"
    if isinstance(found, bytes):
        return _octets(found)
    return "null" if found is None else f"number {found}"


def _octets(found: bytes) -> str:
    if len(found) == 12 and found[2] <= 12 and found[3] <= 31 and found[5] <= 23:
        return (
            f"time {int.from_bytes(found[:2], 'big'):04}-{found[2]:02}-{found[3]:02} "
            f"{found[5]:02}:{found[6]:02}:{found[7]:02}"
        )
    text = found.decode("ascii", "replace").rstrip("\0 ")
    if text and text.isascii() and text.isprintable():
        return f"text {text[:_LONGEST_TEXT]!r}"
    return f"{len(found)} octets"
