# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a recorded buffer, as octets: which of them a meter has by now.

A row is cut out and never read, so that what is odd in it stays. A row whose time is null goes with
the row before it.

In: the octets of a buffer, a time by its own fields. Out: the octets of a shorter buffer.
Pure. Never: a row changed; a buffer of another form touched.
"""

from typing import Final

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError
from edge_agent.virtual.recorded_time import is_stamp, local_seconds

_SIZES: Final = {
    0: 0,
    3: 1,
    13: 1,
    15: 1,
    17: 1,
    22: 1,
    16: 2,
    18: 2,
    5: 4,
    6: 4,
    23: 4,
    20: 8,
    21: 8,
    24: 8,
    25: 12,
    26: 5,
    27: 4,
    28: 1,
    29: 2,
    30: 4,
    31: 1,
    32: 2,
    33: 4,
}
"""Octets of each type that has always as many."""
_ARRAY, _STRUCTURE, _BITS = 1, 2, 4
_STRINGS: Final = (9, 10, 12)


def newest_s(data: bytes) -> float:
    """Return the time of the newest row, by its own fields; before all times if none has one."""
    return max((at for row in _rows(data) if (at := _time(row)) is not None), default=-float("inf"))


def rows_until(data: bytes, last_s: float) -> bytes:
    """Return a buffer without its rows after a time."""
    rows, kept = _rows(data), []
    is_past = True
    for row in rows:
        at = _time(row)
        is_past = is_past if at is None else at <= last_s
        if is_past:
            kept.append(row)
    return data if len(kept) == len(rows) else axdr.array(kept)


def _rows(data: bytes) -> list[bytes]:
    """Cut a buffer into its rows; none of a buffer that is no array of structures."""
    found: list[bytes] = []
    try:
        if data[:1] != bytes((_ARRAY,)):
            return []
        count, at = axdr.read_length(data, 1)
        for _ in range(count):
            end = _end(data, at)
            found.append(data[at:end])
            at = end
    except AxdrError:
        return []
    return found if at == len(data) else []


def _end(data: bytes, at: int) -> int:
    """Return the offset behind the element at an offset."""
    waiting = 1
    while waiting:
        waiting -= 1
        if at >= len(data):
            raise AxdrError("the bytes end early")
        tag, at = data[at], at + 1
        if tag in _SIZES:
            at += _SIZES[tag]
        elif tag in (_ARRAY, _STRUCTURE):
            count, at = axdr.read_length(data, at)
            waiting += count
        elif tag in _STRINGS or tag == _BITS:
            count, at = axdr.read_length(data, at)
            at += (count + 7) // 8 if tag == _BITS else count
        else:
            raise AxdrError(f"data type {tag} is not cut here")
    if at > len(data):
        raise AxdrError("the bytes end early")
    return at


def _time(row: bytes) -> float | None:
    """Return the time that a row begins with, by its own fields."""
    if row[:1] != bytes((_STRUCTURE,)):
        return None
    stamp = row[4:16] if row[2:4] == b"\x09\x0c" else row[3:15] if row[2:3] == b"\x19" else b""
    return local_seconds(stamp, upper=False) if len(stamp) == 12 and is_stamp(stamp) else None
