# SPDX-License-Identifier: GPL-2.0-only
"""The date-times in recorded answers, moved to the day on which they are given again.

An answer may be malformed, so it is not taken apart: twelve octets that are a date-time, behind
the octet that says so (the length of an octet-string, or the tag of a date-time), are replaced.

In: octets, seconds. Out: octets of the same length.
Pure. Never: a deviation or a status changed; a time of day changed by whole days.
"""

import re
from collections.abc import Iterator
from datetime import MAXYEAR, MINYEAR, date, datetime, timedelta
from typing import Final

_CANDIDATE: Final = re.compile(rb"[\x0c\x19](?=([\x07\x08].{11}))", re.DOTALL)
"""What says that a date-time follows, and twelve octets that begin with a year of this century."""
_UNSPECIFIED: Final = 0xFF
_DAY_S: Final = 86400
_YEARS: Final = range(2000, 2100)
_NO_DEVIATION: Final = -0x8000
_FURTHEST_MIN: Final = 840


def shifted(data: bytes, seconds: float) -> bytes:
    """Return octets with each date-time in them moved."""
    found = bytearray(data)
    for at, stamp in _places(data):
        found[at : at + len(stamp)] = _moved(stamp, seconds)
    return bytes(found)


def stamps(data: bytes) -> list[bytes]:
    """Return the date-times in octets, 12 octets each, in their order."""
    return [stamp for _, stamp in _places(data)]


def _places(data: bytes) -> Iterator[tuple[int, bytes]]:
    free = 0
    for match in _CANDIDATE.finditer(data):
        at, stamp = match.start(1), match[1]
        if at > free and is_stamp(stamp):
            free = at + len(stamp)
            yield at, stamp


def is_stamp(octets: bytes) -> bool:
    """Tell whether twelve octets are a date-time of this century."""
    year, deviation = int.from_bytes(octets[:2], "big"), octets[9:11]
    minutes = int.from_bytes(deviation, "big", signed=True)
    hour, minute, second, hundredths = octets[5:9]
    return (
        year in _YEARS
        and _is_day(year, octets[2], octets[3])
        and (1 <= octets[4] <= 7 or octets[4] == _UNSPECIFIED)
        and hour <= 24
        and minute < 60
        and (second < 60 or second == _UNSPECIFIED)
        and (hundredths < 100 or hundredths == _UNSPECIFIED)
        and (abs(minutes) <= _FURTHEST_MIN or minutes == _NO_DEVIATION)
    )


def local_seconds(octets: bytes, *, upper: bool) -> float:
    """Return a date-time as seconds by its own fields; an open one is before or behind all."""
    if not is_stamp(octets):
        return float("inf") if upper else float("-inf")
    day = date(int.from_bytes(octets[:2], "big"), octets[2], octets[3]).toordinal()
    second = 0 if octets[7] == _UNSPECIFIED else octets[7]
    return float(day * _DAY_S + octets[5] * 3600 + octets[6] * 60 + second)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _moved(stamp: bytes, seconds: float) -> bytes:
    """Return one date-time moved; as it is where it would leave the calendar."""
    day = date(int.from_bytes(stamp[:2], "big"), stamp[2], stamp[3])
    time = stamp[5:8]
    try:
        if seconds % _DAY_S == 0:
            day += timedelta(days=seconds // _DAY_S)
        else:
            second = 0 if stamp[7] == _UNSPECIFIED else stamp[7]
            at = datetime(day.year, day.month, day.day) + timedelta(  # noqa: DTZ001 - local fields
                hours=stamp[5], minutes=stamp[6], seconds=second + seconds
            )
            day = at.date()
            shown = stamp[7] if stamp[7] == _UNSPECIFIED else at.second
            time = bytes((at.hour, at.minute, shown))
    except OverflowError:
        return stamp
    if day.year not in range(MINYEAR, MAXYEAR):
        return stamp
    weekday = stamp[4] if stamp[4] == _UNSPECIFIED else day.isoweekday()
    return day.year.to_bytes(2, "big") + bytes((day.month, day.day, weekday)) + time + stamp[8:]
