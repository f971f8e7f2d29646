# SPDX-License-Identifier: GPL-2.0-only
"""The terms of a session as the meter states them: in UA for frames, in the initiate response.

What the meter states is read leniently where it only bounds what the gateway sends: a parameter
that is unknown, cut off or empty is skipped, and the standard's default holds in its place.

1. The information of UA is a format (81), then groups of parameters (80 is that of the link), each
   with its length. A parameter is its number, its length and its value. ISO/IEC 13239 lets a
   station skip groups and parameters that it does not know.
2. The initiate response is `08`, an optional quality of service, version, conformance, the longest
   APDU and the name of the application (0007: logical names).
3. The longest APDU 0 is no limit.

Why by hand: gurux-dlms raises bare exceptions for an unknown parameter and a size of 0, and counts
the byte of a quality of service as a length.

Source: IEC 62056-46, 6.4.4.4.3 (negotiation of HDLC parameters); ISO/IEC 13239, 5.5.3.2 (how they
are written); IEC 62056-5-3 (xDLMS-Initiate.response).

In: the information of UA; the bytes of an initiate response. Out: sizes, `Terms`.
Never: a clock, a driver, a library.
Raises: `ProtocolViolation` and `AssociationRefused` for terms under which nothing can be read.
"""

from dataclasses import dataclass
from typing import Final

from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import AssociationRefused, Breach, ProtocolViolation, Refusal

DEFAULT_INFO: Final = 128
"""Information bytes in a frame where nothing else is agreed."""
LONGEST_APDU: Final = 0xFFFF
_FORMAT, _LINK = 0x81, 0x80
_INFO_TAKEN: Final = 6
"""The longest information that the side takes which states it."""
_SHORTEST_INFO: Final = 8
"""With less, no request makes way: the LLC header alone has three bytes."""
_SHORTEST_APDU: Final = 16
"""A GET of one attribute has 13 bytes."""
_INITIATE_RESPONSE, _SERVICE_ERROR, _VERSION = 0x08, 0x0E, 6
_LOGICAL_NAMES: Final = b"\x00\x07"
_SHORT_NAMES: Final = b"\xfa\x00"
_INITIATE_ERRORS: Final = {
    0: "other",
    1: "dlms-version-too-low",
    2: "incompatible-conformance",
    3: "pdu-size-too-short",
    4: "refused-by-the-VDE-handler",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What an association is agreed on."""

    conformance: int
    """The services that the meter offers, one bit each, bit 0 the highest of 24."""
    longest_apdu: int
    """Bytes of an APDU that the meter takes."""


def longest_information(information: bytes) -> int:
    """Return how many information bytes a frame to the meter may have, by the meter's UA."""
    sizes = [
        size
        for group, content in _fields(information[1:])
        if information[0] == _FORMAT and group == _LINK
        for name, value in _fields(content)
        if name == _INFO_TAKEN and (size := int.from_bytes(value, "big")) >= _SHORTEST_INFO
    ]
    return sizes[-1] if sizes else DEFAULT_INFO


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """Cut a number, a length and so many bytes each; the last may be shorter than it says.

    A group that is cut off still has its whole parameters; a parameter that is cut off has none.
    """
    found = []
    at = 0
    while at + 2 <= len(data):
        end = at + 2 + data[at + 1]
        is_group = data[at] == _LINK
        if end <= len(data) or is_group:
            found.append((data[at], data[at + 2 : end]))
        at = end
    return found


def initiate_terms(initiate: bytes, label: str) -> Terms:
    """Read an initiate response.

    Args:
        initiate: its bytes, in the clear.
        label: the meter, for an error.

    Raises:
        AssociationRefused: it is a service error.
        ProtocolViolation: it is cut off, or the meter does not speak DLMS by logical names.
    """
    if initiate[:1] == bytes((_SERVICE_ERROR,)):
        raise AssociationRefused(
            f"{label} refuses the terms: {initiate_error(initiate) or 'without a reason'}",
            of=Refusal.TERMS,
        )
    if initiate[:1] != bytes((_INITIATE_RESPONSE,)):
        raise _unread(initiate, label, "are no initiate response")
    at = 3 if initiate[1:2] not in (b"\x00", b"") else 2
    if initiate[at : at + 1] != bytes((_VERSION,)):
        raise _unread(initiate, label, f"are of another version of DLMS than {_VERSION}")
    rest = initiate[at + 1 :]
    start = next((len(head) for head in (b"\x5f\x1f", b"\x5f") if rest.startswith(head)), 0)
    size = rest[start] if start and start < len(rest) else 0
    end = start + 1 + size
    if size < 2 or len(rest) < end + 2:
        raise _unread(initiate, label, "are cut off")
    conformance = int.from_bytes(rest[start + 2 : end][:3].ljust(3, b"\x00"), "big")
    longest = int.from_bytes(rest[end : end + 2], "big") or LONGEST_APDU
    name = rest[end + 2 : end + 4]
    if name == _SHORT_NAMES:
        raise _unread(initiate, label, "are those of short names (SN); only logical names are read")
    if name not in (_LOGICAL_NAMES, b""):
        raise _unread(initiate, label, "name another application than DLMS by logical names")
    if longest < _SHORTEST_APDU:
        raise _unread(initiate, label, f"allow APDUs of {longest} bytes: no request is so short")
    return Terms(conformance, longest)


def initiate_error(data: bytes) -> str:
    """Return the standard's name of what a service error says of the initiate request."""
    if data[:1] != bytes((_SERVICE_ERROR,)) or data[2:3] != b"\x06" or len(data) < 4:
        return ""
    return _INITIATE_ERRORS.get(data[3], f"initiate error {data[3]}")


def _unread(initiate: bytes, label: str, why: str) -> ProtocolViolation:
    return ProtocolViolation(
        f"{label}: the terms of the association {why} ({as_hex(initiate)})", of=Breach.TERMS
    )
