# SPDX-License-Identifier: GPL-2.0-only
"""The 12 octets of a COSEM date-time, and the meter's own idea of the time.

In: aware datetimes, or the octets that a client sends. Out: octets, or seconds since 1970.
Owns nothing. Never reads the host's clock or zone.

Octets: year (2), month, day, weekday (1 Monday), hour, minute, second, hundredths,
deviation (2, signed, minutes), clock status. The Blue Book's deviation leads from local time
to UTC: -330 for India. Meters are seen that send +330, and some that send 0x8000, "not
specified".
"""

import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

_OCTETS = struct.Struct(">HBBBBBBBhB")
UNSPECIFIED = -0x8000
_DST = 0x80
_FFFF = -1
FIRST, LAST = -(1 << 62), 1 << 62
"""Seconds before and behind every row, for an open end of a range."""


class Deviation(StrEnum):
    """How a meter writes the deviation."""

    STANDARD = "standard"
    REVERSED = "reversed"
    UNSPECIFIED = "unspecified"
    ZERO = "zero"
    """Local time, and a deviation of 0."""
    FFFF = "ffff"
    """Local time, and a deviation of 0xFFFF."""
    UTC = "utc"
    """UTC, and a deviation of 0 that says so."""


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A while, in true time, in which a meter's clock shows another day."""

    since: datetime
    until: datetime
    days: int
    """How far the clock is ahead."""

    def __post_init__(self) -> None:
        if self.since.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("the times of a clock jump are aware")
        if self.since >= self.until:
            raise ValueError("a clock jump begins before it ends")


@dataclass(frozen=True, slots=True)
class Dial:
    """How a meter writes local time: its zone and its convention."""

    zone: ZoneInfo
    deviation: Deviation = Deviation.STANDARD

    def minutes(self, moment: datetime) -> int:
        """Return the deviation that the meter writes at an aware time."""
        if self.deviation is Deviation.UNSPECIFIED:
            return UNSPECIFIED
        if self.deviation in (Deviation.ZERO, Deviation.UTC):
            return 0
        if self.deviation is Deviation.FFFF:
            return _FFFF
        offset = moment.astimezone(self.zone).utcoffset() or timedelta()
        east = int(offset.total_seconds()) // 60
        return east if self.deviation is Deviation.REVERSED else -east

    def octets(self, moment: datetime) -> bytes:
        """Return the 12 octets of an aware time."""
        local = moment.astimezone(UTC if self.deviation is Deviation.UTC else self.zone)
        return _OCTETS.pack(
            local.year,
            local.month,
            local.day,
            local.isoweekday(),
            local.hour,
            local.minute,
            local.second,
            0,
            self.minutes(local),
            _DST if local.dst() else 0,
        )

    def seconds(self, octets: bytes, *, upper: bool) -> int:
        """Read the octets of a client as seconds since 1970 on the meter's clock.

        A field that is not specified stands for its lowest value, in an upper bound for its
        highest. A deviation is taken in the meter's own convention, as meters do.

        Raises:
            ValueError: the octets are no date-time.
        """
        if len(octets) != 12:
            raise ValueError("a date-time has 12 octets")
        fields: tuple[int, ...] = _OCTETS.unpack(octets)
        year, month, day, _, hour, minute, second, _, sent, _ = fields
        if year == 0xFFFF:
            return LAST if upper else FIRST
        month = (12 if upper else 1) if month == 0xFF else month
        if day == 0xFF:
            following = date(year + month // 12, month % 12 + 1, 1)
            day = (following - timedelta(days=1)).day if upper else 1
        hour = (23 if upper else 0) if hour == 0xFF else hour
        minute = (59 if upper else 0) if minute == 0xFF else minute
        second = (59 if upper else 0) if second == 0xFF else second
        try:
            own: tzinfo = UTC if self.deviation is Deviation.UTC else self.zone
            local = datetime(year, month, day, hour, minute, second, tzinfo=own)
            ignored = self.deviation in (Deviation.ZERO, Deviation.FFFF)
            if ignored or UNSPECIFIED in (sent, self.minutes(local)):
                return int(local.timestamp())
            west = -sent if self.deviation is Deviation.REVERSED else sent
            return int(local.replace(tzinfo=UTC).timestamp()) + west * 60
        except OverflowError as error:
            raise ValueError("a date-time beyond the calendar") from error


def midnight(day: date, zone: ZoneInfo) -> int:
    """Return the seconds since 1970 of a day's first moment in a zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp())


@lru_cache(maxsize=512)
def day_stamps(day: date, dial: Dial, period_s: int) -> tuple[bytes, ...]:
    """Return the encoded timestamps of one local day's rows, oldest first.

    Each is an octet string with its tag and length, 14 bytes. The first row ends the first
    period of the day, the last one is stamped 00:00 of the next day.
    """
    start, end = midnight(day, dial.zone), midnight(day + timedelta(days=1), dial.zone)
    return tuple(
        b"\x09\x0c" + dial.octets(datetime.fromtimestamp(at, UTC))
        for at in range(start + period_s, end + 1, period_s)
    )
