# SPDX-License-Identifier: GPL-2.0-only
"""A-XDR: single values and times, as bytes and back.

In: the bytes of an attribute, or a time to ask for. Out: Python values, or bytes.
Never: a guessed value, a clock, a driver. Bytes that are no A-XDR raise `ProtocolViolation`,
and nothing else.

Source: IEC 62056-6-2 (data types, date-time, selective access of a profile generic).
"""

import struct
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from edge_agent.errors import ProtocolViolation
from shared_schema.readings import EARLIEST_TS, LATEST_TS

Value = None | int | bytes | float | list["Value"]
"""What one A-XDR item becomes; a text, a bit-string or a date-time stays bytes."""
_MAX_DEPTH: Final = 12
_MAX_EXPANDED: Final = 1 << 20
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_STAMP: Final = struct.Struct(">IBBBBxhB")  # date, weekday, time, deviation, clock status
_NOT_SPECIFIED: Final = -0x8000
_CLOCK_INVALID: Final = 0x01
_CLOCK_STATUS_UNKNOWN: Final = 0xFF
RAW_LIMIT: Final = 2**63

INTEGERS: Final[dict[int, str]] = {
    5: "i",
    6: "I",
    13: "b",
    15: "b",
    16: "h",
    17: "B",
    18: "H",
    20: "q",
    21: "Q",
    22: "B",
}
"""Types that hold a whole number: tag -> struct format."""
FIXED_SIZE: Final[dict[int, str]] = {
    **INTEGERS,
    0: "",
    255: "",
    3: "B",
    23: "f",
    24: "d",
    25: "12s",
    26: "5s",
    27: "4s",
}
"""Types of a size that the tag tells; null and don't-care (255) have none."""
READERS: Final = {tag: struct.Struct(">" + code) for tag, code in FIXED_SIZE.items() if code}
NULL, ARRAY, STRUCTURE, _BITS, COMPACT_ARRAY, _DONT_CARE = 0, 1, 2, 4, 19, 255
STRINGS: Final = frozenset((9, 10, 12))
"""Types of octets with a length: octet-string, visible-string, utf8-string."""


class Zone(NamedTuple):
    """How a model writes its local time.

    Attributes:
        offset_min: minutes east of UTC, for a time whose deviation is not specified.
        deviation_sign: 1: UTC = local + deviation, as the Blue Book has it (-330 in India);
            -1: UTC = local - deviation (+330 is seen there); 0: the deviation says nothing.
    """

    offset_min: int = 330
    deviation_sign: int = 1


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


def parse(data: bytes, at: int = 0, depth: int = 0) -> tuple[Value, int]:
    """Read one value and return it with the place where it ends.

    Raises:
        ProtocolViolation: the bytes are no A-XDR, or a type that is not read here.
    """
    try:
        tag = data[at]
        reader = READERS.get(tag)
        if reader is not None:
            value: Value = reader.unpack_from(data, at + 1)[0]
            return value, at + 1 + reader.size
    except (IndexError, struct.error):
        raise ProtocolViolation("the attribute ends within a value") from None
    at += 1
    if tag in (NULL, _DONT_CARE):
        return None, at
    if tag == COMPACT_ARRAY:
        plain, at = expand(data, at - 1)
        return parse(plain, 0, depth)[0], at
    if tag in (ARRAY, STRUCTURE):
        count, at = length(data, at)
        if depth >= _MAX_DEPTH or count > len(data) - at:
            raise ProtocolViolation("an array is larger or deeper than its bytes")
        values: list[Value] = []
        for _ in range(count):
            value, at = parse(data, at, depth + 1)
            values.append(value)
        return values, at
    if tag == _BITS:
        bits, at = length(data, at)
        size = (bits + 7) // 8
    elif tag in STRINGS:
        size, at = length(data, at)
    else:
        raise ProtocolViolation(f"data type {tag} is not read here")
    if size > len(data) - at:
        raise ProtocolViolation("the attribute ends within a value")
    return data[at : at + size], at + size


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
    return bytes((ARRAY,)) + _written(count) + bytes(elements), end


def _template(data: bytes, at: int, depth: int) -> tuple[_Template, int]:
    if at >= len(data) or depth > _MAX_DEPTH:
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
        out += _written(len(items))
        for item in items:
            at = _fill(item, data, at, out)
        return at
    end = at
    if tag in READERS:
        end += READERS[tag].size
    elif tag == _BITS or tag in STRINGS:
        size, end = length(data, at)
        end += (size + 7) // 8 if tag == _BITS else size
    elif tag not in FIXED_SIZE:
        raise ProtocolViolation(f"data type {tag} is not read here")
    if end > len(data):
        raise ProtocolViolation("the attribute ends within a value")
    out += data[at:end]
    return end


def _written(size: int) -> bytes:
    """Write a length or a count."""
    return bytes((size,)) if size < 0x80 else b"\x84" + size.to_bytes(4, "big")


def value(data: bytes) -> Value:
    """Read the one value that an attribute holds.

    Raises:
        ProtocolViolation: no A-XDR, or more than one value.
    """
    found, end = parse(data)
    if end != len(data):
        raise ProtocolViolation("bytes are left after the value")
    return found


def integer(data: bytes) -> int | None:
    """Read a whole number that fits a raw value, or None for null.

    Raises:
        ProtocolViolation: the attribute is something else, such as a float.
    """
    found = value(data)
    if found is None:
        return None
    if not isinstance(found, int) or data[0] not in INTEGERS:
        raise ProtocolViolation("the register holds no whole number")
    return found if -RAW_LIMIT <= found < RAW_LIMIT else None


def text(data: bytes) -> str:
    """Read a name plate entry.

    Raises:
        ProtocolViolation: as `printable`.
    """
    return printable(value(data))


def printable(found: Value) -> str:
    """Return a name plate entry as text: a text, or a number in decimal; without padding.

    Raises:
        ProtocolViolation: it is neither, or holds what cannot be printed.
    """
    if isinstance(found, int):
        return str(found)
    if not isinstance(found, bytes):
        raise ProtocolViolation("the name plate entry is no text")
    try:
        name = found.decode("ascii").strip("\0 \t\r\n")
    except UnicodeDecodeError:
        raise ProtocolViolation("the name plate entry is not ASCII") from None
    if not name.isprintable():
        raise ProtocolViolation("the name plate entry holds control characters")
    return name


class Scale(NamedTuple):
    """What a register's count is worth: count * weight * 10^scaler units."""

    scaler: int
    unit: int
    """The COSEM unit."""
    weight: int = 1
    """More than 1 for pulses that are worth no power of ten."""


def scaler_unit(found: Value) -> Scale:
    """Read a scaler_unit: the power of ten and the COSEM unit.

    Raises:
        ProtocolViolation: it has another shape.
    """
    match found:
        case [int(scaler), int(unit)] if -128 <= scaler <= 127 and 0 <= unit <= 255:
            return Scale(scaler, unit)
    raise ProtocolViolation("no scaler and unit")


@lru_cache(maxsize=4096)
def _day_seconds(packed: int) -> int | None:
    """Return the seconds since 1970 at which a packed date (year, month, day) begins."""
    try:
        day = date(packed >> 16, packed >> 8 & 0xFF, packed & 0xFF)
    except ValueError:
        return None
    return (day.toordinal() - _EPOCH_DAY) * 86400


def epoch_s(stamp: bytes, zone: Zone) -> int | None:
    """Return a 12-byte date-time in seconds since 1970 UTC, or None for one that is no time.

    None as well for a time that the meter itself calls invalid, and for one outside the
    years 2000 to 2099. Seconds that are not specified count as 0; hundredths are dropped.
    """
    if len(stamp) != 12:
        return None
    packed, _weekday, hour, minute, second, deviation, status = _STAMP.unpack(stamp)
    day = _day_seconds(packed)
    if second == 0xFF:
        second = 0
    if day is None or hour > 23 or minute > 59 or second > 59:
        return None
    if status & _CLOCK_INVALID and status != _CLOCK_STATUS_UNKNOWN:
        return None
    if deviation == _NOT_SPECIFIED or zone.deviation_sign == 0:
        shift_min = -zone.offset_min
    elif -840 <= deviation <= 840:
        shift_min = zone.deviation_sign * deviation
    else:
        return None
    ts = day + hour * 3600 + (minute + shift_min) * 60 + second
    return ts if EARLIEST_TS <= ts < LATEST_TS else None


def date_time(ts: int, zone: Zone, *, with_deviation: bool) -> bytes:
    """Write a time as the 12 bytes of a date-time, for asking a range.

    Args:
        ts: seconds since 1970, UTC.
        zone: how the model writes its local time.
        with_deviation: False leaves the deviation and the clock status unspecified.
    """
    local = ts + zone.offset_min * 60
    day = date.fromordinal(local // 86400 + _EPOCH_DAY)
    second = local % 86400
    known = with_deviation and zone.deviation_sign != 0
    return struct.pack(
        ">HBBBBBBBhB",
        day.year,
        day.month,
        day.day,
        0xFF,
        second // 3600,
        second // 60 % 60,
        second % 60,
        0xFF,
        -zone.offset_min * zone.deviation_sign if known else _NOT_SPECIFIED,
        0 if known else 0xFF,
    )


def clock_time(ts: int, zone: Zone) -> bytes:
    """Write a time as an attribute that sets a clock: with its weekday and deviation.

    Args:
        ts: seconds since 1970, UTC.
        zone: how the model writes its local time.
    """
    stamp = bytearray(date_time(ts, zone, with_deviation=True))
    day = (ts + zone.offset_min * 60) // 86400 + _EPOCH_DAY
    stamp[4] = date.fromordinal(day).isoweekday()
    stamp[8] = 0  # hundredths
    return b"\x09\x0c" + bytes(stamp)


_RANGE_HEAD: Final = bytes.fromhex(
    "01"  # selector 1: by range
    "0204"  # restricting object, from, to, selected columns
    "0204 12 0008 0906 0000010000FF 0F 02 12 0000"  # the clock's time
)


def range_selector(start: bytes, end: bytes) -> bytes:
    """Write the selective access that asks for the rows from start to end, both included.

    Args:
        start: the 12 bytes of a date-time.
        end: the same.
    """
    return b"".join((_RANGE_HEAD, b"\x09\x0c", start, b"\x09\x0c", end, b"\x01\x00"))


def entry_selector(first: int, last: int) -> bytes:
    """Write the selective access that asks for rows by their place, from 1, both included."""
    ends = b"".join(b"\x06" + place.to_bytes(4, "big") for place in (first, last))
    return b"\x02\x02\x04" + ends + b"\x12\x00\x01\x12\x00\x00"  # all columns
