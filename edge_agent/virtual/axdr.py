# SPDX-License-Identifier: GPL-2.0-only
"""A-XDR: the encoding of COSEM data (IEC 61334-6, the Data choice of IEC 62056-5-3).

In: Python values. Out: bytes; and back, for what a client sends as parameters.
Owns nothing. Never encodes a float, never guesses a type: the caller names it.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple, TypeAlias

MAX_DEPTH = 16
"""Deepest nesting that is read: no request of COSEM goes beyond five."""


class AxdrError(ValueError):
    """The bytes are no A-XDR data, or not of a type that meters take."""


class Tag(IntEnum):
    """The choices of Data."""

    NULL = 0
    ARRAY = 1
    STRUCTURE = 2
    BOOLEAN = 3
    BIT_STRING = 4
    DOUBLE_LONG = 5
    DOUBLE_LONG_UNSIGNED = 6
    OCTET_STRING = 9
    VISIBLE_STRING = 10
    INTEGER = 15
    LONG = 16
    UNSIGNED = 17
    LONG_UNSIGNED = 18
    LONG64 = 20
    LONG64_UNSIGNED = 21
    ENUM = 22
    DATE_TIME = 25


_NUMBERS: dict[Tag, tuple[int, bool]] = {
    Tag.INTEGER: (1, True),
    Tag.LONG: (2, True),
    Tag.DOUBLE_LONG: (4, True),
    Tag.LONG64: (8, True),
    Tag.UNSIGNED: (1, False),
    Tag.LONG_UNSIGNED: (2, False),
    Tag.DOUBLE_LONG_UNSIGNED: (4, False),
    Tag.LONG64_UNSIGNED: (8, False),
    Tag.ENUM: (1, False),
}
"""Size in bytes and sign of each whole number."""

Value: TypeAlias = "bool | int | bytes | str | tuple[Data, ...] | tuple[bool, ...] | None"


class Data(NamedTuple):
    """One decoded element: its type and its value.

    The value is None, a bool, an int, bytes (octet string, date-time), str (visible string),
    a tuple of bools (bit string) or a tuple of elements (array, structure).
    """

    tag: Tag
    value: Value


def length(count: int) -> bytes:
    """Return a length or count: one byte below 128, else its size and the number."""
    if count < 0x80:
        return bytes((count,))
    size = (count.bit_length() + 7) // 8
    return bytes((0x80 | size,)) + count.to_bytes(size, "big")


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """Read a length at an offset; return it and the offset behind it.

    Raises:
        AxdrError: it is cut off or longer than four bytes.
    """
    first = _take(data, at, 1)[0]
    if first < 0x80:
        return first, at + 1
    size = first & 0x7F
    if not 1 <= size <= 4:
        raise AxdrError(f"a length of {size} bytes")
    return int.from_bytes(_take(data, at + 1, size), "big"), at + 1 + size


def number(tag: Tag, value: int) -> bytes:
    """Encode a whole number of the named type.

    Raises:
        AxdrError: the value does not fit, or the type is no number.
    """
    try:
        size, signed = _NUMBERS[tag]
        return bytes((tag,)) + value.to_bytes(size, "big", signed=signed)
    except (KeyError, OverflowError) as error:
        raise AxdrError(f"{value} is no {tag.name}") from error


def null() -> bytes:
    """Encode the absent value."""
    return b"\x00"


def boolean(value: bool) -> bytes:  # noqa: FBT001  # the value itself
    """Encode a truth value."""
    return b"\x03\xff" if value else b"\x03\x00"


def integer(value: int) -> bytes:
    """Encode int8."""
    return number(Tag.INTEGER, value)


def long(value: int) -> bytes:
    """Encode int16."""
    return number(Tag.LONG, value)


def unsigned(value: int) -> bytes:
    """Encode uint8."""
    return number(Tag.UNSIGNED, value)


def long_unsigned(value: int) -> bytes:
    """Encode uint16."""
    return number(Tag.LONG_UNSIGNED, value)


def double_long_unsigned(value: int) -> bytes:
    """Encode uint32."""
    return number(Tag.DOUBLE_LONG_UNSIGNED, value)


def enum(value: int) -> bytes:
    """Encode an enumeration."""
    return number(Tag.ENUM, value)


def octet_string(value: bytes) -> bytes:
    """Encode bytes; also a date-time and a logical name, which are octet strings."""
    return b"\x09" + length(len(value)) + value


def visible_string(value: str) -> bytes:
    """Encode ASCII text.

    Raises:
        AxdrError: the text is not ASCII.
    """
    try:
        return b"\x0a" + length(len(value)) + value.encode("ascii")
    except UnicodeEncodeError as error:
        raise AxdrError("a visible string is ASCII") from error


def bit_string(bits: Iterable[bool]) -> bytes:
    """Encode bits, the first one as the most significant bit of the first byte."""
    text = "".join("1" if bit else "0" for bit in bits)
    padded = text + "0" * (-len(text) % 8)
    packed = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
    return b"\x04" + length(len(text)) + packed


def array(items: Iterable[bytes]) -> bytes:
    """Encode a list of encoded elements of one type."""
    found = list(items)
    return b"\x01" + length(len(found)) + b"".join(found)


def structure(*items: bytes) -> bytes:
    """Encode a list of encoded elements of any types."""
    return b"\x02" + length(len(items)) + b"".join(items)


def encode(data: Data) -> bytes:  # noqa: PLR0911  # one return for each kind of type
    """Encode what `decode` gave.

    Raises:
        AxdrError: the value is not of the type that its tag says.
    """
    tag, value = data
    if tag is Tag.NULL and value is None:
        return null()
    if tag is Tag.BOOLEAN and isinstance(value, bool):
        return boolean(value)
    if tag is Tag.OCTET_STRING and isinstance(value, bytes):
        return octet_string(value)
    if tag is Tag.DATE_TIME and isinstance(value, bytes) and len(value) == 12:
        return bytes((tag,)) + value
    if tag is Tag.VISIBLE_STRING and isinstance(value, str):
        return visible_string(value)
    if tag in _NUMBERS and isinstance(value, int):
        return number(tag, value)
    if isinstance(value, tuple):
        if tag is Tag.BIT_STRING:
            return bit_string(bool(bit) for bit in value)
        if tag in (Tag.ARRAY, Tag.STRUCTURE):
            items = [encode(item) for item in value if isinstance(item, Data)]
            return bytes((tag,)) + length(len(items)) + b"".join(items)
    raise AxdrError(f"{tag.name} does not hold {type(value).__name__}")


def decode(data: bytes, at: int = 0, depth: int = 0) -> tuple[Data, int]:
    """Read one element at an offset; return it and the offset behind it.

    Raises:
        AxdrError: the bytes end early, nest too deeply or hold a type that is not read.
    """
    code = _take(data, at, 1)[0]
    try:
        tag = Tag(code)
    except ValueError as error:
        raise AxdrError(f"data type {code} is not read here") from error
    at += 1
    if tag in _NUMBERS:
        size, signed = _NUMBERS[tag]
        return Data(tag, int.from_bytes(_take(data, at, size), "big", signed=signed)), at + size
    if tag in (Tag.ARRAY, Tag.STRUCTURE):
        return _decode_list(data, at, tag, depth)
    return _decode_plain(data, at, tag)


def _decode_list(data: bytes, at: int, tag: Tag, depth: int) -> tuple[Data, int]:
    if depth >= MAX_DEPTH:
        raise AxdrError("nested too deeply")
    count, at = read_length(data, at)
    if count > len(data) - at:
        raise AxdrError("more elements than bytes")
    items: list[Data] = []
    for _ in range(count):
        item, at = decode(data, at, depth + 1)
        items.append(item)
    return Data(tag, tuple(items)), at


def _decode_plain(data: bytes, at: int, tag: Tag) -> tuple[Data, int]:
    if tag is Tag.NULL:
        return Data(tag, None), at
    if tag is Tag.BOOLEAN:
        return Data(tag, _take(data, at, 1) != b"\x00"), at + 1
    if tag is Tag.DATE_TIME:
        return Data(tag, _take(data, at, 12)), at + 12
    count, at = read_length(data, at)
    size = (count + 7) // 8 if tag is Tag.BIT_STRING else count
    body = _take(data, at, size)
    if tag is Tag.BIT_STRING:
        bits = tuple(bool(body[bit // 8] >> (7 - bit % 8) & 1) for bit in range(count))
        return Data(tag, bits), at + size
    if tag is Tag.OCTET_STRING:
        return Data(tag, body), at + size
    try:
        return Data(tag, body.decode("ascii")), at + size
    except UnicodeDecodeError as error:
        raise AxdrError("a visible string is ASCII") from error


def _take(data: bytes, at: int, size: int) -> bytes:
    found = data[at : at + size]
    if len(found) != size:
        raise AxdrError(f"{size} bytes wanted at {at}, {len(found)} there")
    return found
