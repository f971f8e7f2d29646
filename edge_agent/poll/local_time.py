# SPDX-License-Identifier: GPL-2.0-only
"""The local time of a meter's clock over the year, in which its rows are asked for.

A range is asked for in local time, and most meters take its ends without a deviation. So each end
is written with the offset of its own time of the year: a row of January is asked for in winter
time, also in July. Whether a clock follows the society's zone is told by its offset now; in winter
a clock that keeps winter time looks the same. So the beginning is written with the smallest offset
that the clock may have then, and the end with the largest: at most an hour more is asked for, and
nothing is lost. The same holds within the hour that comes twice, which a meter may take for either.

In: what the clock shows now, the society's zone. Out: the 12 bytes of both ends of a range.
Pure. Never: a row's own time: that is read by the zone of its model.
Raises: `ProtocolViolation` for rows that state another zone than the clock.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from edge_agent.dlms import axdr
from edge_agent.errors import Breach, ProtocolViolation
from edge_agent.meters.model import Model

_MINUTE = timedelta(minutes=1)
_LONGEST_CHANGE_S = 3600
"""How far clocks are put forward or back."""


@dataclass(frozen=True, slots=True)
class LocalTime:
    """How far the local time of a clock is ahead of UTC, over the year."""

    offset_min: int
    """Now."""
    zone: ZoneInfo | None = None
    """The zone that the clock may follow; None: its offset is always the same."""

    @classmethod
    def of_clock(cls, offset_min: int, zone: ZoneInfo | None, now_s: float) -> "LocalTime":
        """Return the local time of a clock that is so far ahead of UTC now.

        Args:
            offset_min: minutes.
            zone: the society's zone, where it is known.
            now_s: seconds since 1970.
        """
        follows = zone is not None and _offset_min(zone, int(now_s)) == offset_min
        return cls(offset_min, zone if follows else None)

    def span(self, model: Model, start: int, end: int) -> tuple[bytes, bytes]:
        """Return a range of times (seconds since 1970) as the model's meters want it.

        It begins a second earlier: to some meters its beginning is no part of a range, and a window
        begins with a row.
        """
        early, late = self._at_ends(start, end)
        return _written(model, start - 1, min(early)), _written(model, end, max(late))

    def asked(self, start: int, end: int) -> tuple[int, int]:
        """Return the first and the last time of what a range may be answered with."""
        early, late = self._at_ends(start, end)
        return start - 60 * (max(early) - min(early)), end + 60 * (max(late) - min(late))

    def _at_ends(self, start: int, end: int) -> tuple[set[int], set[int]]:
        """Return the offsets that the clock may have where a range begins, and where it ends."""
        return (
            self._offsets(start, start + _LONGEST_CHANGE_S),
            self._offsets(end, end - _LONGEST_CHANGE_S),
        )

    def _offsets(self, *times: int) -> set[int]:
        """Return the offsets that the clock may have at any of these times."""
        if self.zone is None:
            return {self.offset_min}
        return {self.offset_min, *(_offset_min(self.zone, ts) for ts in times)}


def see_zone(own: Collection[int], stated: Collection[int]) -> None:
    """See that rows state the zone that the clock of their meter states, or its summer time.

    Args:
        own: the deviations in minutes that are known to be true.
        stated: those of the rows.

    Raises:
        ProtocolViolation: they state another one: which of the two is true cannot be told.
    """
    most_min = _LONGEST_CHANGE_S // 60
    strange = [each for each in stated if all(abs(each - it) > most_min for it in own)]
    if strange and own:
        raise ProtocolViolation(
            f"its rows state the deviation {strange[0]} min, and its clock {min(own)} min: "
            "no row is kept",
            of=Breach.ZONE,
        )


def winter_offset_min(zone: ZoneInfo, year: int) -> int:
    """Return how far a zone's time is ahead of UTC while no clock is put forward, in minutes."""
    middles = (datetime(year, month, 1, tzinfo=UTC) for month in (1, 7))
    return min(_offset_min(zone, int(each.timestamp())) for each in middles)


def _written(model: Model, ts: int, offset_min: int) -> bytes:
    zone = model.zone._replace(offset_min=offset_min)
    return axdr.date_time(ts, zone, with_deviation=model.range_deviation)


def _offset_min(zone: ZoneInfo, ts: int) -> int:
    offset = datetime.fromtimestamp(ts, UTC).astimezone(zone).utcoffset()
    return (offset or timedelta()) // _MINUTE
