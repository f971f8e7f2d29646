# SPDX-License-Identifier: GPL-2.0-only
"""The compact array: many elements of one type, described once and packed without tags.

This module rewrites it as a plain array, so that every reader of arrays reads it as well. It makes
a list of steps of the description first, one for each value of an element. A few bytes can describe
an element of thousands of values; so an array of more values than its bytes allow is refused.

Source: IEC 62056-6-2 (compact-array, TypeDescription).

In: the bytes of a compact array. Out: the same as an array.
Never: more work than the bytes that came are worth; a value.
"""

from typing import Final, NamedTuple

from edge_agent.dlms.axdr_types import (
    ARRAY,
    BITS,
    FIXED_SIZE,
    MAX_DEPTH,
    READERS,
    STRINGS,
    STRUCTURE,
    length,
)
from edge_agent.errors import ProtocolViolation

VALUES_PER_BYTE: Final = 2
"""Values for each byte that came, at most: nearly all values have bytes, but null has none."""
MAX_VALUES: Final = 50_000
"""Values in all: a meter sends a day of rows at once."""
_OCTETS, _BITS = -1, -2
"""Sizes that the packed contents tell."""


class _Type(NamedTuple):
    """A type description."""

    tag: int
    size: int = 0
    """Of an array or a structure: how many values are in it."""
    items: tuple["_Type", ...] = ()
    """The type of an array's items, or that of each value of a structure."""


class _Step(NamedTuple):
    """One value of an element."""

    head: bytes
    """What an array has before the value's bytes: its tag, and those of what it is in."""
    size: int
    """How many bytes the value has, or `_OCTETS`, or `_BITS`."""


def expand(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """Rewrite a compact array as an array, and return it with the place where the former ends.

    Raises:
        ProtocolViolation: it is cut off, its contents do not fit its description, or it has more
            values than its bytes allow.
    """
    begun = at
    described, at = _type(data, at + 1, 0)
    size, at = length(data, at)
    end = at + size
    if end > len(data):
        raise ProtocolViolation("the attribute ends within a value")
    most = min(VALUES_PER_BYTE * (end - begun), MAX_VALUES)
    steps: list[_Step] = []
    _add_steps(described, steps, most)
    elements = bytearray()
    count = 0
    while at < end:
        after = _fill(steps, data, at, end, elements)
        if after == at:
            raise ProtocolViolation("a compact array holds nothing and says more")
        count, at = count + 1, after
        if count * len(steps) > most:
            raise _too_many()
    return bytes((ARRAY,)) + _length_bytes(count) + bytes(elements), end


def _type(data: bytes, at: int, depth: int) -> tuple[_Type, int]:
    """Read a type description and return it with the place where it ends.

    Raises:
        ProtocolViolation: it is cut off, too deep, or of a type that is not read.
    """
    if at >= len(data) or depth > MAX_DEPTH:
        raise ProtocolViolation("a type description is cut off or too deep")
    tag, at = data[at], at + 1
    if tag == ARRAY:
        count = int.from_bytes(data[at : at + 2], "big")
        item, at = _type(data, at + 2, depth + 1)
        return _Type(tag, count, (item,)), at
    if tag == STRUCTURE:
        count, at = length(data, at)
        if count > len(data) - at:
            raise ProtocolViolation("a type description is cut off or too deep")
        items: list[_Type] = []
        for _ in range(count):
            item, at = _type(data, at, depth + 1)
            items.append(item)
        return _Type(tag, count, tuple(items)), at
    if tag not in FIXED_SIZE and tag not in STRINGS and tag != BITS:
        raise ProtocolViolation(f"data type {tag} is not read here")
    return _Type(tag), at


def _add_steps(described: _Type, steps: list[_Step], most: int) -> None:
    """Add the steps of one value of a type.

    Raises:
        ProtocolViolation: they are more than the bytes allow.
    """
    if len(steps) >= most:
        raise _too_many()
    tag, count, items = described
    if tag in (ARRAY, STRUCTURE):
        steps.append(_Step(bytes((tag,)) + _length_bytes(count), 0))
        for item in items:
            for _ in range(count if tag == ARRAY else 1):
                _add_steps(item, steps, most)
        return
    if tag in STRINGS:
        size = _OCTETS
    elif tag == BITS:
        size = _BITS
    else:
        size = READERS[tag].size if tag in READERS else 0
    steps.append(_Step(bytes((tag,)), size))


def _too_many() -> ProtocolViolation:
    return ProtocolViolation("a compact array has more values than its bytes allow")


def _fill(steps: list[_Step], data: bytes, at: int, end: int, out: bytearray) -> int:
    """Write one element with its tags and return where it ends in the packed contents."""
    for head, size in steps:
        out += head
        after = at + size
        if size < 0:
            count, begin = length(data, at)
            after = begin + (count if size == _OCTETS else (count + 7) // 8)
        if after > end:
            raise ProtocolViolation("the attribute ends within a value")
        out += data[at:after]
        at = after
    return at


def _length_bytes(size: int) -> bytes:
    """Write a length or a count."""
    return bytes((size,)) if size < 0x80 else b"\x84" + size.to_bytes(4, "big")
