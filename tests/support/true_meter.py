# SPDX-License-Identifier: MIT
"""A meter whose truth is known: what its unit used on each day, and what the meter says of it.

It falls where it is told to, lies in single rows, claims a second register for a moment, and is
silent for a time. What is silent may come later.

In: what is used, and what goes wrong. Out: the rows that arrive in a time, and the truth.
Never: a word of the program under test: plain loops alone.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Literal
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Kolkata")
BEGINS = datetime(2026, 1, 1, tzinfo=ZONE)
DAY, HOUR, QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
DAY_S = 86_400

Row = tuple[datetime, int]
Kind = Literal["electricity", "water"]
DIGITS: dict[Kind, int] = {"electricity": 3, "water": 2}
"""Behind the point of kWh, which are counted in Wh, and of kL, which are counted in tens of L."""


@dataclass(frozen=True)
class Course:
    """What a unit really uses: so many steps on each day, evenly within the day."""

    daily: tuple[int, ...]
    until: tuple[int, ...]
    """What was used before each day."""

    @classmethod
    def of(cls, dice: random.Random, days: int, kind: Kind) -> "Course":
        """Throw a unit's use: a habit, with good and bad days."""
        if kind == "water":
            habit = dice.randrange(20, 90)
            return cls.by_day(habit + dice.randrange(-15, 20) for _ in range(days))
        habit = dice.randrange(3_000, 12_000)
        return cls.by_day(habit + dice.randrange(-2_000, 2_500) for _ in range(days))

    @classmethod
    def by_day(cls, daily: Iterable[int]) -> "Course":
        """Use so much on each day."""
        days = tuple(daily)
        return cls(days, tuple(accumulate(days, initial=0)))

    def times(self, factor: int, first: int, last: int) -> "Course":
        """Use a multiple of it from one day to before another."""
        return self.by_day(
            use * factor if first <= day < last else use for day, use in enumerate(self.daily)
        )

    def used(self, at: datetime) -> int:
        """Return the steps that were used until then."""
        day, second = divmod(int((at - BEGINS).total_seconds()), DAY_S)
        return self.until[day] + self.daily[day] * second // DAY_S


@dataclass
class Meter:
    """A meter, and what it says of the truth."""

    serial: str
    course: Course
    base: int
    """What it would show at the beginning of the town."""
    kind: Kind
    is_dense: bool
    since: datetime
    until: datetime | None = None
    turns: list[tuple[datetime, int]] = field(default_factory=list)
    """When its register fell for good, and by how much."""
    lies: dict[datetime, int] = field(default_factory=dict)
    """What it says instead of the truth."""
    rivals: list[tuple[datetime, int, datetime]] = field(default_factory=list)
    """What it says as well, and when that arrives."""
    outages: list[tuple[datetime, datetime, datetime | None]] = field(default_factory=list)
    """What is not sent of the time between two moments, until when; None: never."""

    @property
    def period(self) -> timedelta:
        """How often it says something."""
        return QUARTER if self.is_dense else DAY

    def billed(self, steps: int) -> Decimal:
        """Return steps of its register as kWh or kL."""
        return Decimal(steps).scaleb(-DIGITS[self.kind])

    def shows(self, at: datetime) -> int:
        """Return what its dial shows."""
        fallen = sum(drop for since, drop in self.turns if since <= at)
        return self.base + self.course.used(at) - fallen

    def times(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield when it says something, after a moment and up to another, while it hangs."""
        first = max(after, self.since - self.period)
        last = until if self.until is None else min(until, self.until)
        at = BEGINS + ((first - BEGINS) // self.period + 1) * self.period
        while at <= last:
            if at >= self.since:
                yield at
            at += self.period

    def arrives(self, after: datetime, until: datetime) -> Iterator[Row]:
        """Yield the rows that arrive after a moment and up to another."""
        for at in self.times(after, until):
            if not any(start < at < end for start, end, _ in self.outages):
                yield at, self.says(at)
        for start, end, back in self.outages:
            if back is not None and after < back <= until:
                for at in self.times(start, end - timedelta(seconds=1)):
                    yield at, self.says(at)
        for at, raw, sent in self.rivals:
            if after < sent <= until:
                yield at, raw

    def says(self, at: datetime) -> int:
        """Return what its row of a moment has."""
        return self.lies.get(at, self.shows(at))

    def first_time(self, at: datetime) -> datetime:
        """Return when it first says something at or after a moment, or the moment."""
        return next(self.times(at - timedelta(seconds=1), at + 2 * DAY), at)
