# SPDX-License-Identifier: GPL-2.0-only
"""A-XDR: single values and times, as bytes and back.

Why by hand: gurux-dlms reads a time without a deviation in the zone of the host, scales by
floats, and raises bare exceptions for bytes that are no A-XDR.

Source: IEC 62056-6-2 (data types, date-time, selective access of a profile generic).

In: the bytes of an attribute, or a time to ask for. Out: Python values, or bytes.
Never: a guessed value, a clock, a driver. Bytes that are no A-XDR raise `ProtocolViolation`, and
nothing else; an attribute that is refused says in hex what came.
"""

import struct
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from edge_agent.dlms.axdr_numbers import APART, Delta, Unreadable, apart
from edge_agent.dlms.axdr_types import (
    ARRAY,
    BITS,
    COMPACT_ARRAY,
    DONT_CARE,
    INTEGERS,
    MAX_DEPTH,
    NULL,
    READERS,
    STRINGS,
    STRUCTURE,
    length,
)
from edge_agent.dlms.compact_array import expand
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import FloatRefused, ProtocolViolation, ValueRefused
from shared_schema.readings import EARLIEST_TS, LATEST_TS

Value = None | int | bytes | Decimal | Delta | Unreadable | list["Value"]
"""What one A-XDR item becomes; a text, a bit-string or a date-time stays bytes."""
MAX_VALUE_BYTES: Final = 8 * 1024
"""More than any attribute has that is no buffer of a profile."""
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_STAMP: Final = struct.Struct(">IBBBBxhB")  # date, weekday, time, deviation, clock status
_NOT_SPECIFIED: Final = -0x8000
NO_DEVIATIONS: Final = frozenset((_NOT_SPECIFIED, -1))
"""What says no deviation: 8000 by the standard; FFFF is sent too, and no zone is a minute off."""
DEVIATION: Final = slice(9, 11)
"""Where the deviation is in a date-time."""
_CLOCK_INVALID: Final = 0x01
_END_OF_DAY: Final = (24, 0, 0)
_DAYLIGHT_SAVING: Final = 0x80
_CLOCK_STATUS_UNKNOWN: Final = 0xFF
RAW_LIMIT: Final = 2**63


class Zone(NamedTuple):
    """How a model writes its local time.

    Attributes:
        offset_min: minutes east of UTC, for a time whose deviation is not specified.
        deviation_sign: 1: UTC = local + deviation, as the Blue Book has it (-330 in India);
            -1: UTC = local - deviation (+330 is seen there); 0: the deviation says nothing.
    """

    offset_min: int = 330
    deviation_sign: int = 1


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
            end = at + 1 + reader.size
            if tag in APART:
                value = apart(tag, value, data[at:end])  # type: ignore[arg-type]
            return value, end
    except (IndexError, struct.error):
        raise ProtocolViolation("the attribute ends within a value") from None
    at += 1
    if tag in (NULL, DONT_CARE):
        return None, at
    if tag == COMPACT_ARRAY:
        plain, at = expand(data, at - 1)
        return parse(plain, 0, depth)[0], at
    if tag in (ARRAY, STRUCTURE):
        count, at = length(data, at)
        if depth >= MAX_DEPTH or count > len(data) - at:
            raise ProtocolViolation("an array is larger or deeper than its bytes")
        values: list[Value] = []
        for _ in range(count):
            value, at = parse(data, at, depth + 1)
            values.append(value)
        return values, at
    if tag == BITS:
        bits, at = length(data, at)
        size = (bits + 7) // 8
    elif tag in STRINGS:
        size, at = length(data, at)
    else:
        raise ProtocolViolation(f"data type {tag} is not read here")
    if size > len(data) - at:
        raise ProtocolViolation("the attribute ends within a value")
    return data[at : at + size], at + size


def value(data: bytes) -> Value:
    """Read the one value that an attribute holds.

    Raises:
        ValueRefused: no A-XDR, more than one value, or more than an attribute can hold.
    """
    if len(data) > MAX_VALUE_BYTES:
        raise _refused(f"the attribute has more than {MAX_VALUE_BYTES} bytes", data)
    try:
        found, end = parse(data)
    except ProtocolViolation as error:
        raise _refused(str(error), data) from None
    if end != len(data):
        raise _refused("bytes are left after the value", data)
    if isinstance(found, Unreadable):
        raise _refused("the bytes are no number of their type", data)
    if isinstance(found, Delta):
        raise _refused("the value is a difference, and no value is before it", data)
    return found


def _refused(why: str, data: bytes) -> ValueRefused:
    return ValueRefused(f"{why}: {as_hex(data)}")


def number(data: bytes) -> int | Decimal | None:
    """Read a number: a whole one that fits a raw value, a float as a Decimal, None for null.

    Raises:
        ValueRefused: the attribute is something else.
    """
    found = value(data)
    if found is None or isinstance(found, Decimal):
        return found
    if not isinstance(found, int) or data[0] not in INTEGERS:
        raise _refused("the register holds no number", data)
    if not -RAW_LIMIT <= found < RAW_LIMIT:
        raise _refused("the number has more than 63 bits", data)
    return found


def integer(data: bytes) -> int | None:
    """Read a whole number that fits a raw value, or None for null.

    Raises:
        FloatRefused: the attribute is a floating-point number.
        ValueRefused: it is something else.
    """
    found = number(data)
    if isinstance(found, Decimal):
        raise FloatRefused(f"the register holds the float {found}, no whole number")
    return found


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


def is_summer(stamp: bytes) -> bool:
    """Tell whether the clock status of a 12-byte date-time says that summer time is kept."""
    status = stamp[11]
    return bool(status & _DAYLIGHT_SAVING) and status != _CLOCK_STATUS_UNKNOWN


def epoch_s(stamp: bytes, zone: Zone) -> int | None:
    """Return a 12-byte date-time in seconds since 1970 UTC, or None for one that is no time.

    None as well for a time that the meter itself calls invalid, and for one outside the
    years 2000 to 2099. Seconds that are not specified count as 0; hundredths are dropped.
    24:00:00, as some meters close a day, is 00:00:00 of the next one.
    Without a deviation, the status tells that local time is an hour ahead in summer.
    """
    if len(stamp) != 12:
        return None
    packed, _weekday, hour, minute, second, deviation, status = _STAMP.unpack(stamp)
    day = _day_seconds(packed)
    if second == 0xFF:
        second = 0
    if day is None or minute > 59 or second > 59:
        return None
    if hour > 23 and (hour, minute, second) != _END_OF_DAY:
        return None
    if status & _CLOCK_INVALID and status != _CLOCK_STATUS_UNKNOWN:
        return None
    if deviation in NO_DEVIATIONS or zone.deviation_sign == 0:
        shift_min = -zone.offset_min - (60 if is_summer(stamp) else 0)
    elif -840 <= deviation <= 840:
        shift_min = zone.deviation_sign * deviation
    else:
        return None
    ts = day + hour * 3600 + (minute + shift_min) * 60 + second
    return ts if EARLIEST_TS <= ts < LATEST_TS else None


def deviations(stated: Iterable[bytes], zone: Zone) -> frozenset[int]:
    """Return the deviations that date-times state, in minutes.

    It is empty where they state none, and for a model whose deviation says nothing.
    """
    if zone.deviation_sign == 0:
        return frozenset()
    return frozenset(int.from_bytes(each, "big", signed=True) for each in stated) - NO_DEVIATIONS


def date_time(ts: int, zone: Zone, *, with_deviation: bool) -> bytes:
    """Write a time as the 12 bytes of a date-time, for asking a range.

    Args:
        ts: seconds since 1970, UTC.
        zone: how the model writes its local time.
        with_deviation: False leaves the deviation and the clock status unspecified. A model whose
            deviation says nothing writes 0.
    """
    local = ts + zone.offset_min * 60
    day = date.fromordinal(local // 86400 + _EPOCH_DAY)
    second = local % 86400
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
        -zone.offset_min * zone.deviation_sign if with_deviation else _NOT_SPECIFIED,
        0 if with_deviation else 0xFF,
    )


def clock_time(ts: int, zone: Zone) -> bytes:
    """Write a time as an attribute that sets a clock: with its weekday and deviation.

    Args:
        ts: seconds since 1970, UTC.
        zone: how the model writes its local time.
    """
    stamp = bytearray(date_time(ts, zone, with_deviation=zone.deviation_sign != 0))
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
