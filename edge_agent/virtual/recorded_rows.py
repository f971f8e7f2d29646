# SPDX-License-Identifier: GPL-2.0-only
"""The rows of a recorded buffer whose times are null but for the first, cut to a range of time.

A meter that leaves times out gives the first row of each answer its own. So rows outside the range
are left out, and the first that stays gets the time that its capture period gives it. A buffer in
which each row has its time is none of these, and stays whole.

In: the octets of a buffer, its capture period, a range. Out: the octets of a buffer.
Pure. Never: a value made up; a buffer of another form touched.
"""

from typing import Final

from edge_agent.virtual import axdr
from edge_agent.virtual.axdr import AxdrError
from edge_agent.virtual.recorded_time import local_seconds, shifted, stamps

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
_NULL: Final = b"\x00"


def untimed_between(data: bytes, period_s: int, first: float, last: float) -> bytes:
    """Return a buffer of rows without times, cut to a range; another buffer as it is.

    Args:
        data: the buffer.
        period_s: its capture period.
        first: the beginning of the range, seconds by the fields of a date-time.
        last: its end; both belong to it.
    """
    rows = [_elements(row) for row in _rows(data)]
    if len(rows) < 2 or len(stamps(data)) != 1 or not stamps(b"".join(rows[0])):
        return data
    place = next(number for number, each in enumerate(rows[0]) if stamps(each))
    begins = local_seconds(stamps(rows[0][place])[0], upper=False)
    inside = [number for number in range(len(rows)) if first <= begins + number * period_s <= last]
    if not inside:
        return axdr.array(())
    kept = [rows[number] for number in inside]
    if inside[0]:
        if len(kept[0]) <= place or kept[0].count(_NULL) != 1 or kept[0][place] != _NULL:
            return data
        kept[0] = list(kept[0])
        kept[0][place] = shifted(rows[0][place], inside[0] * period_s)
    return axdr.array(axdr.structure(*each) for each in kept)


def _elements(row: bytes) -> list[bytes]:
    """Cut a row into its elements; none of one that is no structure."""
    if row[:1] != bytes((_STRUCTURE,)):
        return []
    count, at = axdr.read_length(row, 1)
    found: list[bytes] = []
    for _ in range(count):
        end = _end(row, at)
        found.append(row[at:end])
        at = end
    return found


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
