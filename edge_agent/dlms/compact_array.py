# SPDX-License-Identifier: GPL-2.0-only
"""The compact array: many elements of one type, described once and packed without tags.

This module rewrites it as a plain array, so that every reader of arrays reads it as well.

Source: IEC 62056-6-2 (compact-array, TypeDescription).

In: the bytes of a compact array. Out: the same as an array.
Never: an array larger than a meter's memory; a value.
"""

from typing import Final

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

_MAX_EXPANDED: Final = 1 << 20
_Template = tuple[int, tuple["_Template", ...]]
"""A type description: the tag and, of an array or a structure, what is in it."""


def expand(data: bytes, at: int = 0) -> tuple[bytes, int]:
    """Rewrite a compact array as an array, and return it with the place where the former ends.

    Raises:
        ProtocolViolation: it is cut off, or its contents do not fit its description.
    """
    template, at = _template(data, at + 1, 0)
    size, at = length(data, at)
    end = at + size
    if end > len(data):
        raise ProtocolViolation("the attribute ends within a value")
    content = data[at:end]
    elements = bytearray()
    count = place = 0
    while place < len(content):
        after = _fill(template, content, place, elements)
        if after == place:
            raise ProtocolViolation("a compact array holds nothing and says more")
        count, place = count + 1, after
    return bytes((ARRAY,)) + _length_bytes(count) + bytes(elements), end


def _template(data: bytes, at: int, depth: int) -> tuple[_Template, int]:
    if at >= len(data) or depth > MAX_DEPTH:
        raise ProtocolViolation("a type description is cut off or too deep")
    tag, at = data[at], at + 1
    if tag == ARRAY:
        count = int.from_bytes(data[at : at + 2], "big")
        item, at = _template(data, at + 2, depth + 1)
        return (tag, (item,) * count), at
    items: list[_Template] = []
    if tag == STRUCTURE:
        count, at = length(data, at)
        if count > len(data) - at:
            raise ProtocolViolation("a type description is cut off or too deep")
        for _ in range(count):
            item, at = _template(data, at, depth + 1)
            items.append(item)
    return (tag, tuple(items)), at


def _fill(template: _Template, data: bytes, at: int, out: bytearray) -> int:
    """Write one element with its tags and return where it ends in the packed contents."""
    tag, items = template
    out.append(tag)
    if len(out) > _MAX_EXPANDED:
        raise ProtocolViolation("a compact array is larger than a meter's memory")
    if tag in (ARRAY, STRUCTURE):
        out += _length_bytes(len(items))
        for item in items:
            at = _fill(item, data, at, out)
        return at
    end = at
    if tag in READERS:
        end += READERS[tag].size
    elif tag == BITS or tag in STRINGS:
        size, end = length(data, at)
        end += (size + 7) // 8 if tag == BITS else size
    elif tag not in FIXED_SIZE:
        raise ProtocolViolation(f"data type {tag} is not read here")
    if end > len(data):
        raise ProtocolViolation("the attribute ends within a value")
    out += data[at:end]
    return end


def _length_bytes(size: int) -> bytes:
    """Write a length or a count."""
    return bytes((size,)) if size < 0x80 else b"\x84" + size.to_bytes(4, "big")
