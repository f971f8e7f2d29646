# SPDX-License-Identifier: MIT
"""The society's calendar: its months and days, as stretches of UTC time.

A month or a day of a society runs from one local 00:00 to the next. A reading at 00:00 closes
the day before, so that the bucket of a day begins a microsecond after its midnight. A day of a
zone may have 23 or 25 hours; every border is therefore computed from its date.

In: dates, times and the zone of the society. Out: borders in UTC, or the day of a time.
Never: a clock. Pure.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.errors import CloseRefused

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
"""The finest step of a time in the store."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the society: its borders are local 00:00 of two firsts."""

    first: date
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


def month_of(year: int, month: int, zone: ZoneInfo) -> Month:
    """Return a calendar month in a zone."""
    first = date(year, month, 1)
    return Month(first, midnight(first, zone), midnight(next_month(first), zone))


def parse_month(text: str, zone: ZoneInfo) -> Month:
    """Return the month of ``YYYY-MM``.

    Raises:
        CloseRefused: it is none.
    """
    match = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", text)
    if match is None:
        raise CloseRefused(f"{text[:20]!r} is not a month: write it as 2026-07")
    return month_of(int(match[1]), int(match[2]), zone)


def begun_month(text: str, zone: ZoneInfo, now: datetime) -> Month:
    """Return the month of ``YYYY-MM``, of which there is something to show.

    Raises:
        CloseRefused: it is none, or it has not begun.
    """
    month = parse_month(text, zone)
    if month.start >= now:
        newest = f"{now.astimezone(zone):%Y-%m}"
        raise CloseRefused(f"{month} has not begun: name a month up to {newest}")
    return month


def months_between(first: str, until: str) -> list[str]:
    """Return the months from one up to another, which is left out, as ``YYYY-MM``."""
    found: list[str] = []
    day = date.fromisoformat(f"{first}-01")
    while f"{day:%Y-%m}" < until:
        found.append(f"{day:%Y-%m}")
        day = next_month(day)
    return found


def previous_month(day: date) -> date:
    """Return the 1st of the month before."""
    return (day.replace(day=1) - DAY).replace(day=1)


def month_before(month: Month, zone: ZoneInfo) -> Month:
    """Return the month before one."""
    first = previous_month(month.first)
    return month_of(first.year, first.month, zone)


def running_month(now: datetime, zone: ZoneInfo) -> Month:
    """Return the month in which a time lies."""
    local = now.astimezone(zone)
    return month_of(local.year, local.month, zone)


def ended_month(now: datetime, zone: ZoneInfo) -> Month:
    """Return the newest month that has ended."""
    return month_before(running_month(now, zone), zone)


def months_back(month: Month, zone: ZoneInfo, most: int) -> Iterator[Month]:
    """Yield so many months before one, the nearest first."""
    for _ in range(most):
        month = month_before(month, zone)
        yield month


def next_month(day: date) -> date:
    """Return the 1st of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the 00:00 with which a local day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def is_one_moment(local: datetime, zone: ZoneInfo) -> bool:
    """Say whether a local time is one moment: none while clocks go forward, two while they go back.

    A 00:00 is always one: a day begins there, or where the clocks go on to.
    """
    here = local.replace(tzinfo=zone)
    return here.time() == time() or here.utcoffset() == here.replace(fold=1).utcoffset()


def bucket_start(day: date, zone: ZoneInfo) -> datetime:
    """Return where the bucket of a local day begins: a microsecond after its 00:00."""
    return midnight(day, zone) + MICROSECOND


def local_days(month: Month, zone: ZoneInfo) -> list[tuple[date, datetime, datetime]]:
    """Return the days of a month with their starts and ends, which are local midnights."""
    found: list[tuple[date, datetime, datetime]] = []
    day, start = month.first, month.start
    while start < month.end:
        following = day + DAY
        end = midnight(following, zone)
        found.append((day, start, end))
        day, start = following, end
    return found


def day_of(ts: datetime, zone: ZoneInfo) -> date:
    """Return the local day that a reading belongs to: 00:00 closes the day before."""
    # In UTC: where the clocks go forward at midnight, there is no local 00:00 to go back from.
    return (ts.astimezone(UTC) - MICROSECOND).astimezone(zone).date()


def runs(days: Iterable[date], gap: timedelta = DAY) -> list[tuple[date, date]]:
    """Join days into runs whose gaps are at most ``gap``."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found and day - found[-1][1] <= gap:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
