# SPDX-License-Identifier: GPL-2.0-only
"""Runs of rows: a profile's buffer, cut into rows that have the same types one after the other.

A profile repeats one shape for thousands of rows. So this module reads the type tags of a row value
by value. Once a shape came back, a pattern of its tags finds all rows of a run at C speed. A shape
that comes twice at most costs no pattern: meters that leave out what has not changed have many.

Source: IEC 62056-6-2 (profile generic).

In: the bytes of an array of rows. Out: for each run the type tags of a row, and the rows' values.
Never: more rows, or more rows of a shape of their own, than a meter sends in one answer.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from edge_agent.dlms.axdr import MAX_VALUE_BYTES, Value, parse
from edge_agent.dlms.axdr_numbers import APART, apart
from edge_agent.dlms.axdr_types import (
    ARRAY,
    BITS,
    COMPACT_ARRAY,
    FIXED_SIZE,
    FLOATS,
    READERS,
    STRINGS,
    STRUCTURE,
    length,
)
from edge_agent.dlms.compact_array import expand
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import Breach, ProtocolViolation

MAX_BYTES: Final = 1 << 20
MAX_ROWS: Final = 12_000
MAX_WORK: Final = 75_000
"""What reading one buffer may cost (`_Shape.cost`): twice what a month of common rows does."""
_BYTE_COST: Final = 7
"""What each byte costs of a row that has no shape: it holds an array, or is of another width."""
_SHAPE_COST: Final = 80
"""What a shape costs that did not come before."""
_KNOWN_AFTER: Final = 2
"""How often a shape comes before it gets a pattern."""
_MAX_PATTERNS: Final = 32
"""Patterns that are made for one buffer."""


class Run(NamedTuple):
    """Rows of one shape, one after the other."""

    tags: tuple[int, ...]
    """The type of each value of a row."""
    rows: Iterator[tuple[Value, ...]]
    """A null is the value None."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The types of one row, ready to read every row that has the same ones."""

    row: struct.Struct
    tags: tuple[int, ...]
    items: tuple[int | None, ...]
    """For each value, which item of the unpacked row it is; None: it is null."""
    apart: tuple[int, ...]
    """Which of the values are no plain integers."""

    def cost(self, rows: int, *, is_new: bool) -> int:
        """Return what a run of rows costs; one unit is about a microsecond of a small machine."""
        width = len(self.tags)
        nulls = width // 4 if None in self.items else 0
        floats = sum(self.tags[place] in FLOATS for place in self.apart)
        each = 3 + width // 16 + nulls + 3 * len(self.apart) + 6 * floats
        return (_SHAPE_COST if is_new else 0) + width + rows * each


@lru_cache(maxsize=256)
def _shape(heads: tuple[bytes, ...]) -> _Shape:
    """Build a shape from the bytes before each value's content (tag, or tag and length)."""
    code = [">2x"]
    items: list[int | None] = []
    count = 0
    for head in heads:
        content = _content(head)
        code.append(f"{len(head)}x{content}")
        items.append(count if content else None)
        count += bool(content)
    tags = tuple(head[0] for head in heads)
    apart = tuple(place for place, tag in enumerate(tags) if tag in APART)
    return _Shape(struct.Struct("".join(code)), tags, tuple(items), apart)


@lru_cache(maxsize=256)
def _pattern(heads: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Build the pattern of a run of rows of one shape."""
    parts = [re.escape(bytes((STRUCTURE, len(heads))))]
    parts += [re.escape(head) + b".{%d}" % struct.calcsize(">" + _content(head)) for head in heads]
    # Not possessive: Python before 3.11.5 may end such a run within a row.
    return re.compile(b"(?:" + b"".join(parts) + b")+", re.DOTALL)


def _content(head: bytes) -> str:
    return FIXED_SIZE[head[0]] if len(head) == 1 else f"{_octets(head)}s"


def _octets(head: bytes) -> int:
    """Return how many bytes a text or a bit-string has, by its tag and length."""
    return (head[1] + 7) // 8 if head[0] == BITS else head[1]


def _heads(data: bytes, at: int, count: int) -> tuple[bytes, ...] | None:
    """Return the bytes before each value of a row, or None where a size is not fixed."""
    heads: list[bytes] = []
    for _ in range(count):
        tag = data[at] if at < len(data) else -1
        if tag in FIXED_SIZE:
            heads.append(data[at : at + 1])
            at += 1 + (READERS[tag].size if tag in READERS else 0)
        elif (tag in STRINGS or tag == BITS) and at + 1 < len(data) and data[at + 1] < 0x80:
            heads.append(data[at : at + 2])
            at += 2 + _octets(heads[-1])
        else:
            return None
    return tuple(heads)


def runs(data: bytes, width: int) -> Iterator[Run | None]:
    """Yield the rows of a buffer in runs of one shape; None stands for a row of another width.

    Raises:
        ProtocolViolation: the bytes are no array of rows, or more than a meter sends at once.
    """
    data, rows, at = _array(data)
    seen: dict[tuple[bytes, ...], int] = {}
    work = patterns = 0
    while rows:
        if len(data) - at < 2:
            raise ProtocolViolation("the profile ends within a row")
        heads = None
        if data[at] == STRUCTURE and data[at + 1] == width < 0x80:
            heads = _heads(data, at + 2, width)
        begun = at
        if heads is None:
            row, size = parse(data[at : at + MAX_VALUE_BYTES])
            at += size
            rows, is_row = rows - 1, data[begun] == STRUCTURE
            if is_row and isinstance(row, list) and len(row) == width:
                yield Run(tuple(_tags(data, begun, width)), iter((tuple(row),)))
            else:
                yield None
            work += _BYTE_COST * size
        else:
            count = seen[heads] = seen.get(heads, 0) + 1
            patterns += count == _KNOWN_AFTER + 1
            many = count > _KNOWN_AFTER and patterns <= _MAX_PATTERNS
            shape = _shape(heads)
            at = _end_of_run(data, at, heads, rows if many else 1)
            length_of_run = (at - begun) // shape.row.size
            rows -= length_of_run
            work += shape.cost(length_of_run, is_new=count == 1)
            if work <= MAX_WORK:
                yield Run(shape.tags, _unpack(shape, data[begun:at]))
        if work > MAX_WORK:
            raise _too_long("it holds more rows, or more kinds of rows,")
    if at != len(data):
        raise ProtocolViolation(f"bytes are left after the last row: {as_hex(data[at:])}")


def _end_of_run(data: bytes, at: int, heads: tuple[bytes, ...], rows: int) -> int:
    """Return where a run of at most so many rows ends.

    Raises:
        ProtocolViolation: it ends within its first row.
    """
    step = _shape(heads).row.size
    end = at + step
    if rows > 1 and end <= len(data):
        found = _pattern(heads).match(data, at, min(len(data), at + rows * step))
        end = end if found is None else found.end()
    if end > len(data):
        raise ProtocolViolation("the profile ends within a row")
    return end


def _unpack(shape: _Shape, data: bytes) -> Iterator[tuple[Value, ...]]:
    rows = shape.row.iter_unpack(data)
    if None in shape.items:
        with_null = itemgetter(*(-1 if item is None else item for item in shape.items), -1)
        rows = (with_null((*row, None))[:-1] for row in rows)
    return (_numbers(shape, row) for row in rows) if shape.apart else rows


def _numbers(shape: _Shape, row: tuple[Any, ...]) -> tuple[Value, ...]:
    """Return a row with the numbers that are no plain integers."""
    found = list(row)
    for place in shape.apart:
        tag = shape.tags[place]
        found[place] = apart(tag, row[place], bytes((tag,)) + READERS[tag].pack(row[place]))
    return tuple(found)


def _tags(data: bytes, at: int, width: int) -> Iterator[int]:
    """Yield the type tag of each value of the structure that begins here."""
    _, at = length(data, at + 1)
    for _ in range(width):
        yield data[at]
        _, at = parse(data, at)


def _too_long(why: str) -> ProtocolViolation:
    return ProtocolViolation(
        f"the profile's buffer is too long: {why} more than is read at once", of=Breach.SIZE
    )


def _array(data: bytes) -> tuple[bytes, int, int]:
    """Return a buffer as a plain array, how many rows it says, and where they begin.

    Raises:
        ProtocolViolation: it is none, or more than a meter sends at once.
    """
    if len(data) > MAX_BYTES:
        raise _too_long(f"it has {len(data)} bytes,")
    if data[:1] == bytes((COMPACT_ARRAY,)):
        plain, end = expand(data)
        if end != len(data):
            raise ProtocolViolation(f"bytes are left after the last row: {as_hex(data[end:])}")
        data = plain
    if data[:1] != bytes((ARRAY,)):
        raise ProtocolViolation(f"the profile's buffer is no array: {as_hex(data)}")
    count, at = length(data, 1)
    if count > len(data) - at:
        raise ProtocolViolation("the profile says more rows than it has bytes")
    if count > MAX_ROWS:
        raise _too_long(f"it has {count} rows,")
    return data, count, at
