# SPDX-License-Identifier: GPL-2.0-only
"""The bytes of a meter's clock: whether they are a time, and in which way the zone is written.

The Blue Book's deviation leads from local time to UTC (-330 in India). Meters are seen that send
it the other way round, or local time with a deviation of 0 or none. Which of these a meter does
is told by a gateway whose own clock is synchronised: the way that makes the clock right.

Source: IEC 62056-6-2 (date-time; clock, class 8, attribute 2).

In: the answer of a meter, the gateway's time. Out: 12 bytes, a sign, minutes, or nothing.
Pure. Never: a clock read; a time made of bytes that are none.
"""

from typing import Final

from edge_agent.dlms import axdr
from edge_agent.dlms.axdr import Zone
from edge_agent.dlms.hex_text import as_hex
from edge_agent.errors import ValueRefused

_SIGNS: Final = (1, -1, 0)
"""The standard's way first, and to ignore the deviation last: the first that fits is taken."""
_STATES_NO_ZONE: Final = axdr.NO_DEVIATIONS | {0}
_ZONE_STEP_S: Final = 1800
"""Zones differ by half hours, but for a few that have quarters."""
_WESTMOST_S: Final = -12 * 3600
EASTMOST_S: Final = 14 * 3600
"""How far the local time of a zone is ahead of UTC, at most."""
_NEAR_S: Final = 60
"""How far a clock may be from the local time of a zone that nobody named."""


def stamp_of(answer: bytes) -> bytes:
    """Return the 12 bytes of a date-time.

    Raises:
        ValueRefused: the answer is something else; it is named with its bytes.
    """
    found = axdr.value(answer)
    if not isinstance(found, bytes) or len(found) != 12:
        raise ValueRefused(f"it holds no date-time of 12 bytes: {as_hex(answer)}")
    return found


def fitting_sign(stamp: bytes, zone: Zone, read_ts: float, most_s: float) -> int | None:
    """Return the deviation_sign with which a clock is right, or None if it is wrong with each.

    Args:
        stamp: the 12 bytes of a date-time.
        zone: the zone of the model.
        read_ts: the gateway's time at which it was read.
        most_s: how far a right clock may be away.
    """
    for sign in _SIGNS:
        found = axdr.epoch_s(stamp, zone._replace(deviation_sign=sign))
        if found is not None and abs(found - read_ts) <= most_s:
            return sign
    return None


def zone_of(stamp: bytes, zone: Zone, read_ts: float) -> str | None:
    """Return the zone in whose local time a clock is right, though it does not state that zone.

    In a zone with summer time such a clock seems an hour off for half of the year, and is right.
    Some state the deviation of winter all the year, and in the clock status that it is summer.

    Args:
        stamp: the 12 bytes of a date-time.
        zone: the zone of the model.
        read_ts: the gateway's time at which it was read.

    Returns:
        It as ``UTC+02:00``; None for a clock whose deviation counts, or that is right in no other.
    """
    local = _local_s(stamp)
    counts = zone.deviation_sign != 0 and _deviation_min(stamp) not in _STATES_NO_ZONE
    if local is None or (counts and not axdr.is_summer(stamp)):
        return None
    ahead_s = local - read_ts
    zone_s = round(ahead_s / _ZONE_STEP_S) * _ZONE_STEP_S
    if abs(ahead_s - zone_s) > _NEAR_S or not _WESTMOST_S <= zone_s <= EASTMOST_S:
        return None
    if axdr.epoch_s(stamp, zone) == local - zone_s:  # it is read so, and a little off
        return None
    hours, minutes = divmod(abs(zone_s) // 60, 60)
    return f"UTC{'-' if zone_s < 0 else '+'}{hours:02}:{minutes:02}"


def offset_min(stamp: bytes, zone: Zone) -> int:
    """Return how many minutes the local time of a clock is ahead of UTC, by its own word.

    It is that of its zone where the clock says nothing that can be used.
    """
    local = _local_s(stamp)
    utc = axdr.epoch_s(stamp, zone)
    return zone.offset_min if local is None or utc is None else (local - utc) // 60


def deviations(stamp: bytes, zone: Zone) -> frozenset[int]:
    """Return the deviation of a clock in minutes: what it states with a time, else its zone's."""
    own = frozenset((-zone.deviation_sign * zone.offset_min,))
    if axdr.epoch_s(stamp, zone) is None:
        return own
    return axdr.deviations((stamp[axdr.DEVIATION],), zone) or own


def deviation_s(stamp: bytes, zone: Zone) -> int:
    """Return by how many seconds the deviation alone, as it is read, puts a clock wrong."""
    return (zone.offset_min + zone.deviation_sign * _deviation_min(stamp)) * 60


def _local_s(stamp: bytes) -> int | None:
    """Return the local time that a clock shows, counted like UTC; None for no time."""
    return axdr.epoch_s(stamp[:11] + b"\x00", Zone(0, 0))


def _deviation_min(stamp: bytes) -> int:
    return int.from_bytes(stamp[axdr.DEVIATION], "big", signed=True)
