# SPDX-License-Identifier: MIT
"""The clock of a file of registers: naive local times, and what they are in seconds since 1970.

A file says nothing of its zone. Without one its times are taken as they stand, and a change of
summer time is a missing hour in spring and a repeated one in autumn. With one they are right; an
hour that the clock shows twice is the first one until the times go back.

In: seconds of the file's clock, as if it were UTC. Out: seconds since 1970, and back. Pure.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

AS_IT_STANDS = ZoneInfo("UTC")
PIECE_S = 900
"""No zone changes its offset within a quarter of an hour of its clock."""
MOST_BACK_S = 2 * 3600
"""A clock that is set back is set back by less; more is a file in another order."""


def in_order(times_s: Iterable[int]) -> bool:
    """Say whether times only rise, but for a clock that was set back."""
    newest = 0
    for time_s in times_s:
        if time_s < newest - MOST_BACK_S:
            return False
        newest = max(newest, time_s)
    return True


def since_1970(clock_s: Iterable[int], zone: ZoneInfo) -> Iterator[int]:
    """Yield what each time of the clock is in seconds since 1970."""
    before = 0
    for time_s in clock_s:
        first, second = _offsets(time_s // PIECE_S, zone)
        moment = time_s - first
        if moment <= before < time_s - second:
            moment = time_s - second
        before = moment
        yield moment


@cache
def _offsets(piece: int, zone: ZoneInfo) -> tuple[int, int]:
    """Return the zone's offsets at a time of its clock: that of the first pass, of the second."""
    naive = datetime.fromtimestamp(piece * PIECE_S, UTC).replace(tzinfo=zone)
    first, second = (naive.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return int(first.total_seconds()), int(second.total_seconds())


def shown(moment_s: int, zone: ZoneInfo) -> str:
    """Write a moment as the file's clock shows it."""
    return datetime.fromtimestamp(moment_s, zone).replace(tzinfo=None).isoformat(sep=" ")
