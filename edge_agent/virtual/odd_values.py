# SPDX-License-Identifier: GPL-2.0-only
"""The values of a meter as its habits write them.

Rows of a profile become BCD, null-data or a compact array; a register becomes a float. A
compact array (tag 19) has the types of its columns once, then the values without tags.

In: encoded data as the book has it, and the habits. Out: encoded data.
Owns nothing. Never changes what a value means.
"""

import struct
from collections.abc import Sequence

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import Data, Tag
from edge_agent.virtual.cosem import Attribute
from edge_agent.virtual.habits import Floats, Habits

_BCD, _COMPACT, _FLOAT32, _FLOAT64 = 13, 19, 23, 24
_SMALL = (Tag.UNSIGNED, Tag.LONG_UNSIGNED, Tag.DOUBLE_LONG_UNSIGNED)


def as_sent(habits: Habits, attribute: Attribute, data: bytes) -> bytes:
    """Return the data of one attribute as the habits write it."""
    match (attribute.class_id, attribute.attribute):
        case (7, 2):
            return rows_as_sent(habits, data)
        case (7, 7) if habits.short_buffer:
            return axdr.double_long_unsigned(2 * int.from_bytes(data[1:], "big"))
        case (8, 2) if habits.trailing:
            return data + b"\x00\x00"
        case (3 | 4, 2) if habits.floats is not Floats.NONE:
            return _float(habits.floats, data)
    return data


def rows_as_sent(habits: Habits, data: bytes) -> bytes:
    """Return the buffer of a profile as the habits write it."""
    if not (habits.null_rows or habits.bcd or habits.compact_rows or habits.short_rows):
        return data
    rows = _rows(data)
    if habits.compact_rows:
        return _compact(rows) or data
    written: list[bytes] = []
    before: Sequence[bytes] = ()
    for row in rows:
        own = [_bcd(each) if habits.bcd else each for each in map(axdr.encode, row)]
        sent = own
        if habits.null_rows and len(before) == len(own):
            sent = [b"\x00" if a == b else a for a, b in zip(own, before, strict=True)]
        written.append(axdr.structure(*sent))
        before = own
    count = len(written) + habits.short_rows
    return b"\x01" + axdr.length(count) + b"".join(written)


def _rows(data: bytes) -> list[tuple[Data, ...]]:
    whole, _ = axdr.decode(data)
    return [tuple(_items(row)) for row in _items(whole)]


def _items(data: Data) -> list[Data]:
    elements = data.value if isinstance(data.value, tuple) else ()
    return [each for each in elements if isinstance(each, Data)]


def _bcd(data: bytes) -> bytes:
    if data[0] in _SMALL and (value := int.from_bytes(data[1:], "big")) < 100:
        return bytes((_BCD, value // 10 << 4 | value % 10))
    return data


def _compact(rows: Sequence[tuple[Data, ...]]) -> bytes:
    """Return rows as a compact array; empty where a column has more than one type."""
    if not rows:
        return b""
    types = [_described(each) for each in rows[0]]
    if any([_described(each) for each in row] != types for row in rows):
        return b""
    contents = b"".join(_untagged(each) for row in rows for each in row)
    described = bytes((Tag.STRUCTURE, len(types))) + b"".join(types)
    return bytes((_COMPACT,)) + described + axdr.length(len(contents)) + contents


def _described(data: Data) -> bytes:
    if data.tag is Tag.STRUCTURE:
        inside = _items(data)
        return bytes((data.tag, len(inside))) + b"".join(map(_described, inside))
    return bytes((data.tag,))


def _untagged(data: Data) -> bytes:
    if data.tag is Tag.STRUCTURE:
        return b"".join(map(_untagged, _items(data)))
    return axdr.encode(data)[1:]


def _float(form: Floats, data: bytes) -> bytes:
    value, _ = axdr.decode(data)
    if not isinstance(value.value, int):
        return data
    if form is Floats.FLOAT32:
        return bytes((_FLOAT32,)) + struct.pack(">f", value.value)
    return bytes((_FLOAT64,)) + struct.pack(">d", value.value)
