# SPDX-License-Identifier: GPL-2.0-only
"""What flows through a meter: use since the beginning of 2000, by quarter hours.

In: kinds, seeds and targets; for a bulk meter the loads behind it. Out: cumulative whole
numbers (Wh or litres) at the quarter-hour bounds of any local day. Owns caches of months and
days. Never starts at a meter's installation: a register is a difference of two such numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Protocol
from zoneinfo import ZoneInfo

from edge_agent.virtual.clock import midnight
from edge_agent.virtual.household import (
    SLOTS,
    Kind,
    day_weights,
    hourly,
    month_amount,
    month_weights,
)

QUARTER_S = 900
FIRST_DAY = date(2000, 1, 1)
_CACHED_DAYS = 64


class Load(Protocol):
    """A cumulative use."""

    @property
    def zone(self) -> ZoneInfo:
        """Whose days the use follows."""

    def day(self, day: date) -> Sequence[int]:
        """Return the use since 2000 at each quarter-hour bound of a local day.

        Args:
            day: A local day.

        Returns:
            Wh or litres: at 00:00, 00:15, ... and 00:00 of the next day, 97 numbers in a day
            of 24 hours.
        """


def quarters(day: date, zone: ZoneInfo) -> int:
    """Return how many quarter hours a local day has."""
    return (midnight(day + timedelta(days=1), zone) - midnight(day, zone)) // QUARTER_S


def used_until(load: Load, seconds: int) -> int:
    """Return the use from 2000 to any moment, Wh or litres; even within a quarter hour.

    Args:
        load: Whose use.
        seconds: Since 1970.
    """
    day = datetime.fromtimestamp(seconds, load.zone).date()
    index, rest = divmod(seconds - midnight(day, load.zone), QUARTER_S)
    bounds = load.day(day)
    if not rest:
        return bounds[index]
    return bounds[index] + (bounds[index + 1] - bounds[index]) * rest // QUARTER_S


def _shares(amount: int, weights: Sequence[int]) -> list[int]:
    """Return the running totals of an amount shared by weights: 0 first, the amount last."""
    running = list(accumulate(weights, initial=0))
    whole = running[-1]
    return [amount * part // whole for part in running]


class _DayCache:
    """The bounds of the days last asked for."""

    def __init__(self) -> None:
        self._days: dict[date, Sequence[int]] = {}

    def get(self, day: date) -> Sequence[int] | None:
        return self._days.get(day)

    def put(self, day: date, bounds: Sequence[int]) -> Sequence[int]:
        if len(self._days) >= _CACHED_DAYS:
            self._days.clear()
        self._days[day] = bounds
        return bounds


class HouseholdLoad:
    """One household, or one common service."""

    def __init__(
        self, kind: Kind, seed: str, zone: ZoneInfo, *, monthly: int | None = None
    ) -> None:
        """Set up a load.

        Args:
            kind: What draws.
            seed: Makes it differ from its neighbours.
            zone: Whose days it follows.
            monthly: Target of a calendar month, Wh or litres; None for the kind's default.
        """
        self.zone = zone
        self._kind = kind
        self._seed = seed
        self._monthly = monthly
        self._months: list[int] = [0]
        self._in_month: dict[int, list[int]] = {}
        self._days = _DayCache()

    def day(self, day: date) -> Sequence[int]:
        """Return the use since 2000 at each quarter-hour bound of a local day."""
        found = self._days.get(day)
        if found is not None:
            return found
        number = (day.year - FIRST_DAY.year) * 12 + day.month - 1
        before = self._before(number)
        days = self._in_month.get(number)
        if days is None:
            first = day.replace(day=1)
            amount = month_amount(self._kind, self._seed, first, self._monthly)
            days = _shares(amount, month_weights(self._kind, self._seed, first))
            self._in_month[number] = days
        start, end = days[day.day - 1], days[day.day]
        weights = day_weights(self._kind, self._seed, day)
        count = quarters(day, self.zone)
        if count != SLOTS:
            weights = [weights[slot * SLOTS // count] for slot in range(count)]
        running = list(accumulate(weights, initial=0))
        whole, amount, base = running[-1] or 1, end - start, before + start
        return self._days.put(day, [base + amount * part // whole for part in running])

    def _before(self, number: int) -> int:
        """Return the use of the months before a month, counted from January 2000.

        Raises:
            ValueError: the month is before 2000.
        """
        if number < 0:
            raise ValueError("no load before the year 2000")
        while len(self._months) <= number:
            done = len(self._months) - 1
            first = date(FIRST_DAY.year + done // 12, done % 12 + 1, 1)
            amount = month_amount(self._kind, self._seed, first, self._monthly)
            self._months.append(self._months[-1] + amount)
        return self._months[number]


_LEAK_PERCENT = hourly(
    "110 110 110 110 110 110 96 90 90 94 96 98",
    "96 96 98 98 98 94 92 90 98 98 108 110",
)
"""A leak follows the pressure: more at night. 24 hours, their mean is 100."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Water that never stops."""

    litres_per_hour: int
    since: datetime
    """Aware."""


class LeakingLoad:
    """A load with a leak on top of it."""

    def __init__(self, base: Load, leak: Leak) -> None:
        """Set up a load that leaks from a time on.

        Args:
            base: The healthy load.
            leak: How much, from when (down to the quarter hour).
        """
        self.zone = base.zone
        self._base = base
        self._litres = leak.litres_per_hour
        local = leak.since.astimezone(base.zone)
        self._shift = int((local.utcoffset() or timedelta()).total_seconds())
        # One litre an hour has no room to vary without an hour of nothing.
        table = _LEAK_PERCENT if self._litres > 1 else (100,) * 24
        self._running = list(accumulate((table[slot // 4] for slot in range(SLOTS)), initial=0))
        self._start = self._quarter(int(leak.since.timestamp()))
        self._days = _DayCache()

    def day(self, day: date) -> Sequence[int]:
        """Return the use since 2000 at each quarter-hour bound of a local day."""
        found = self._days.get(day)
        if found is not None:
            return found
        first = self._quarter(midnight(day, self.zone))
        bounds = [
            used + self._leaked(first + slot) for slot, used in enumerate(self._base.day(day))
        ]
        return self._days.put(day, bounds)

    def _quarter(self, seconds: int) -> int:
        return (seconds + self._shift) // QUARTER_S

    def _leaked(self, quarter: int) -> int:
        if quarter <= self._start:
            return 0
        return self._parts(quarter) - self._parts(self._start)

    def _parts(self, quarter: int) -> int:
        days, slot = divmod(quarter, SLOTS)
        return self._litres * (days * self._running[-1] + self._running[slot]) // 400


class SumLoad:
    """What a bulk meter sees: its members and the losses on the way to them."""

    def __init__(self, members: Sequence[Load], zone: ZoneInfo, *, loss_percent: int = 0) -> None:
        """Set up a sum.

        Args:
            members: The loads behind the bulk meter; all in its zone.
            zone: Whose days it follows.
            loss_percent: Losses, percent of the members' sum.

        Raises:
            ValueError: a member follows the days of another zone.
        """
        if any(member.zone != zone for member in members):
            raise ValueError("the members of a bulk meter are in its own zone")
        self.zone = zone
        self._members = tuple(members)
        self._percent = 100 + loss_percent
        self._days = _DayCache()

    def day(self, day: date) -> Sequence[int]:
        """Return the use since 2000 at each quarter-hour bound of a local day."""
        found = self._days.get(day)
        if found is not None:
            return found
        columns = zip(*(member.day(day) for member in self._members), strict=True)
        totals = [sum(column) * self._percent // 100 for column in columns]
        return self._days.put(day, totals or [0] * (quarters(day, self.zone) + 1))


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """Return a time zone, one object a name.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: there is none of this name.
    """
    return ZoneInfo(name)


def utc(seconds: int) -> datetime:
    """Return the aware time of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
