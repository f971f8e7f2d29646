# SPDX-License-Identifier: GPL-2.0-only
"""The data types of A-XDR: their tags, how long each is, and how a length is written.

Source: IEC 62056-6-2 (data types), IEC 61334-6 (lengths).

In: bytes at a place. Out: constants, and lengths.
Never: a value.
"""

import struct
from typing import Final

from edge_agent.errors import ProtocolViolation

INTEGERS: Final[dict[int, str]] = {
    5: "i",
    6: "I",
    13: "B",
    15: "b",
    16: "h",
    17: "B",
    18: "H",
    20: "q",
    21: "Q",
    22: "B",
}
"""Types that hold a whole number: tag -> struct format."""
BCD: Final = 13
"""One byte of two decimal digits: ``0D 42`` is 42."""
DELTAS: Final[dict[int, str]] = {28: "b", 29: "h", 30: "i", 31: "B", 32: "H", 33: "I"}
"""Types that hold the difference to the value before, delta-integer to
delta-double-long-unsigned."""
FLOATS: Final[dict[int, str]] = {7: "f", 23: "f", 24: "d"}
"""Types that hold a floating-point number; 7 is its older tag, of four bytes."""
FIXED_SIZE: Final[dict[int, str]] = {
    **INTEGERS,
    **DELTAS,
    **FLOATS,
    0: "",
    255: "",
    3: "B",
    25: "12s",
    26: "5s",
    27: "4s",
}
"""Types of a size that the tag tells; null and don't-care (255) have none."""
READERS: Final = {tag: struct.Struct(">" + code) for tag, code in FIXED_SIZE.items() if code}
NULL, ARRAY, STRUCTURE, BITS, COMPACT_ARRAY, DONT_CARE = 0, 1, 2, 4, 19, 255
MAX_DEPTH: Final = 12
"""How deep arrays and structures may lie in one another."""
STRINGS: Final = frozenset((9, 10, 12))
"""Types of octets with a length: octet-string, visible-string, utf8-string."""
DATE_TIMES: Final = frozenset((9, 25))
"""Types in which a date-time comes: twelve octets as a string, or the type of its own."""


def length(data: bytes, at: int) -> tuple[int, int]:
    """Read a length (1 byte, or 8n and n bytes) and return it with where it ends.

    Raises:
        ProtocolViolation: it is cut off, or longer than four bytes.
    """
    try:
        first = data[at]
    except IndexError:
        raise ProtocolViolation("the attribute ends within a value") from None
    if first < 0x80:
        return first, at + 1
    end = at + 1 + (first & 0x7F)
    if first & 0x7F > 4 or end > len(data):
        raise ProtocolViolation("a length is not readable")
    return int.from_bytes(data[at + 1 : end], "big"), end
