# SPDX-License-Identifier: GPL-2.0-only
"""Buffers of profiles as meters send them, written by hand from the Blue Book."""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from edge_agent.decode.layout import CaptureObject, Layout, layout_of
from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from shared_schema.catalogue import BLOCK_LOAD_PROFILE, CLOCK, PROFILE_STATUS
from shared_schema.obis import Obis

BLUE_BOOK = Zone(330, 1)
ENERGY = Obis.parse("1.0.1.29.0.255")
VOLTAGE = Obis.parse("1.0.12.27.0.255")
PERIOD_S = 900
T0 = int(datetime(2026, 3, 10, 6, 30, tzinfo=UTC).timestamp())


def stamp(
    ts: int, deviation: int | None = None, *, status: int = 0, offset_min: int = 330
) -> bytes:
    local = datetime.fromtimestamp(ts, timezone(timedelta(minutes=offset_min)))
    sent = 0x8000 if deviation is None else deviation & 0xFFFF
    return bytes(
        [
            *local.year.to_bytes(2, "big"),
            local.month,
            local.day,
            local.isoweekday(),
            local.hour,
            local.minute,
            local.second,
            0,
            *sent.to_bytes(2, "big"),
            status,
        ]
    )


def octets(data: bytes) -> bytes:
    return b"\x09" + length(len(data)) + data


def length(count: int) -> bytes:
    if count < 0x80:
        return bytes([count])
    size = (count.bit_length() + 7) // 8
    return bytes([0x80 | size]) + count.to_bytes(size, "big")


def array(items: Sequence[bytes]) -> bytes:
    return b"\x01" + length(len(items)) + b"".join(items)


def structure(*items: bytes) -> bytes:
    return b"\x02" + length(len(items)) + b"".join(items)


def u32(value: int) -> bytes:
    return b"\x06" + value.to_bytes(4, "big")


def u16(value: int) -> bytes:
    return b"\x12" + value.to_bytes(2, "big")


NULL = b"\x00"
INTEGERS: dict[int, tuple[str, int, int]] = {
    5: (">i", -(2**31), 2**31 - 1),
    6: (">I", 0, 2**32 - 1),
    15: (">b", -128, 127),
    16: (">h", -(2**15), 2**15 - 1),
    17: (">B", 0, 255),
    18: (">H", 0, 2**16 - 1),
    20: (">q", -(2**63), 2**63 - 1),
    21: (">Q", 0, 2**64 - 1),
    22: (">B", 0, 255),
}


@st.composite
def numbers(draw: st.DrawFn) -> tuple[bytes, int | None]:
    """A whole number, or null, or what is no raw value: as sent, and what it must become."""
    tag = draw(st.sampled_from([*INTEGERS, 0, 10, 23]))
    if tag == 0:
        return NULL, None
    if tag == 10:
        return b"\x0a\x03abc", None
    if tag == 23:
        return b"\x17" + struct.pack(">f", draw(st.floats(width=32))), None
    code, low, high = INTEGERS[tag]
    value = draw(st.integers(low, high))
    return bytes([tag]) + struct.pack(code, value), value if value < 2**63 else None


def capture(*values: Obis, status: bool = False) -> tuple[CaptureObject, ...]:
    objects = [CaptureObject(8, CLOCK, 2, 0), *(CaptureObject(3, obis, 2, 0) for obis in values)]
    if status:
        objects.append(CaptureObject(1, PROFILE_STATUS, 2, 0))
    return tuple(objects)


def plan(*values: Obis, status: bool = False, period_s: int = PERIOD_S) -> Layout:
    scalers = dict.fromkeys(values, axdr.Scale(0, 30))
    return layout_of(BLOCK_LOAD_PROFILE, period_s, capture(*values, status=status), scalers)
