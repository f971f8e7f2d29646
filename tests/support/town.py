# SPDX-License-Identifier: MIT
"""A society whose truth is known: what every meter counted, what it said of it, and when that came.

Most units have a day's register at each 00:00, some one every quarter of an hour. Every third has
a story: a false row, a restart, a replacement at an odd minute, a handover, a month without a
gateway. The same seed makes the same town.

In: how many units, how many months, a seed. Out: the list of units at a time, the rows that arrive
in a stretch of time, and the truth. Never: a word of the program under test: plain loops alone.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Kolkata")
BEGINS = datetime(2026, 1, 1, tzinfo=ZONE)
DAY, HOUR, QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
DAY_S = 86_400
TURN_OVER = 100_000_000
"""Wh that a dial of eight digits shows before it begins anew."""
STORIES = (
    "dip", "spike", "scaler", "negative", "reset", "rollover", "replaced", "handover", "moved",
    "outage", "away", "rivals", "self-read", "inlets",
)  # fmt: skip
ANOTHER_LIE = 0.3
"""How often a unit with a story has false rows as well."""
LIES = ("dip", "spike", "scaler", "negative")

Row = tuple[datetime, int]


def border(month: int) -> datetime:
    """Return the 00:00 with which a month begins, 0 being the first of the town."""
    return BEGINS.replace(year=BEGINS.year + month // 12, month=month % 12 + 1)


@dataclass(frozen=True)
class Course:
    """What a unit really uses: so many Wh on each day, evenly within the day."""

    daily: tuple[int, ...]
    until: tuple[int, ...]
    """What was used before each day."""

    @classmethod
    def of(cls, dice: random.Random, days: int) -> "Course":
        """Throw a unit's use: a habit, with good and bad days."""
        habit = dice.randrange(3_000, 12_000)
        daily = [habit + dice.randrange(-2_000, 2_500) for _ in range(days)]
        return cls(tuple(daily), tuple(accumulate(daily, initial=0)))

    def used(self, at: datetime) -> int:
        """Return the Wh that were used until then."""
        day, second = divmod(int((at - BEGINS).total_seconds()), DAY_S)
        return self.until[day] + self.daily[day] * second // DAY_S


@dataclass
class Meter:
    """A meter, and what it says of the truth."""

    serial: str
    course: Course
    base: int
    """What it would show at the beginning of the town."""
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


@dataclass
class Hung:
    """Which meter served whom, from when to when."""

    label: str
    tower: str
    source: str
    meter: Meter
    since: datetime
    until: datetime | None = None


@dataclass
class Town:
    """A society, its stories and its truth."""

    units: int
    dense: int
    months: int
    seed: int
    plain_between: int = 2
    """So many units without a story stand between two with one."""
    hung: list[Hung] = field(default_factory=list)
    stories: dict[str, str] = field(default_factory=dict)
    """By label."""
    dials: list[tuple[str, datetime, Meter]] = field(default_factory=list)
    """Whose dial a person reads, and when."""

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._days = (border(self.months) - BEGINS).days + 10
        for number in range(self.units):
            turn, place = divmod(number, self.plain_between + 1)
            is_plain = place < self.plain_between
            self._settle(number, "plain" if is_plain else STORIES[turn % len(STORIES)])

    @property
    def ends(self) -> datetime:
        """When its last month ends."""
        return border(self.months)

    def meters(self) -> list[Meter]:
        """Return all meters that say something by themselves."""
        found = {each.meter.serial: each.meter for each in self.hung if not self._is_read(each)}
        return list(found.values())

    def lines(self, now: datetime) -> list[str]:
        """Return the list of units as it is known at a moment."""
        return [self._line(each, now) for each in self.hung if each.since <= now]

    def truth(self, label: str, start: datetime, end: datetime) -> int | None:
        """Return the Wh that a unit used in a stretch of time; None: it had no meter then."""
        found = None
        for each in self.hung:
            begin = max(start, each.since)
            until = end if each.until is None else min(end, each.until)
            if each.label == label and begin < until:
                used = each.meter.course.used
                found = (found or 0) + used(until) - used(begin)
        return found

    def _line(self, each: Hung, now: datetime) -> str:
        until = None if each.until is None or each.until > now else each.until
        meter = ("", "", "yes") if self._is_read(each) else ("LNT", each.meter.serial, "no")
        times = ("" if at is None else f"{at:%Y-%m-%dT%H:%M}" for at in (each.since, until))
        return ",".join(
            (each.tower, "unit", each.label, "electricity", each.source, *meter, *times)
        )

    def _is_read(self, each: Hung) -> bool:
        return self.stories[each.label] == "self-read"

    # How the stories are made.

    def _settle(self, number: int, story: str) -> None:
        label, tower = f"U-{number:04}", f"T{1 + number % 4}"
        self.stories[label] = story
        meter = self._meter(f"{number:05}", is_dense=number < self.dense)
        self.hung.append(Hung(label, tower, "grid", meter, BEGINS))
        if story == "plain":
            return
        own = self.hung[-1]
        getattr(self, "_" + story.replace("-", "_"))(own)
        if story not in {"self-read", "rivals"} and self._dice.random() < ANOTHER_LIE:
            self._lie(own.meter, self._dice.choice(LIES))

    def _meter(self, serial: str, *, is_dense: bool, since: datetime = BEGINS) -> Meter:
        course = Course.of(self._dice, self._days)
        base = self._dice.randrange(1_000_000, 60_000_000)
        return Meter(serial, course, base, is_dense, since)

    def _moment(self) -> datetime:
        """Return a moment that lies days within the town's time, at an odd minute."""
        last = int((self.ends - BEGINS - 6 * DAY).total_seconds()) // 60
        return BEGINS + timedelta(minutes=self._dice.randrange(4 * 1440, last))

    def _border(self) -> datetime:
        """Return a border between two months of the town, or its last one."""
        return border(self._dice.randrange(1, self.months + (self.months == 1)))

    def _lie(self, meter: Meter, kinds: str) -> None:
        """Let one row be false: at a border, or anywhere."""
        for at in {self._border(), meter.first_time(self._moment())}:
            true = meter.shows(at)
            meter.lies[at] = {
                "dip": 0,
                "spike": true + 100_000_000,
                "scaler": true * 100,
                "negative": -5,
            }[kinds]

    def _dip(self, own: Hung) -> None:
        self._lie(own.meter, "dip")

    def _spike(self, own: Hung) -> None:
        self._lie(own.meter, "spike")

    def _scaler(self, own: Hung) -> None:
        self._lie(own.meter, "scaler")

    def _negative(self, own: Hung) -> None:
        self._lie(own.meter, "negative")

    def _reset(self, own: Hung) -> None:
        at = self._moment()
        own.meter.turns.append((at, own.meter.shows(at)))

    def _rollover(self, own: Hung) -> None:
        at = self._moment()
        own.meter.base = TURN_OVER - own.meter.course.used(at)
        own.meter.turns.append((at, TURN_OVER))

    def _replaced(self, own: Hung) -> None:
        at, old = self._moment(), own.meter
        own.until = old.until = at
        new = self._meter(old.serial + "N", is_dense=old.is_dense, since=at)
        new.base = 3 - new.course.used(at)
        self.hung.append(Hung(own.label, own.tower, own.source, new, at))
        if self._dice.random() < 0.5:
            self.dials.append((own.label, at, old))

    def _handover(self, own: Hung) -> None:
        at = own.until = self._moment()
        label = own.label + "-B"
        self.stories[label] = "handover"
        self.hung.append(Hung(label, own.tower, own.source, own.meter, at))

    def _moved(self, own: Hung) -> None:
        at = self._moment()
        if self._dice.random() < 0.5:
            at = at.replace(hour=0, minute=0)
        own.until = at
        self.hung.append(Hung(own.label, "T9", own.source, own.meter, at))

    def _outage(self, own: Hung) -> None:
        """Cut hours or days around a border out."""
        meter, middle = own.meter, self._border()
        long = self._dice.choice((3, 40) if meter.is_dense else (48, 72)) * HOUR
        start, end = middle - long * self._dice.random(), middle + long * self._dice.random()
        back = None
        if self._dice.random() < 0.7:
            back = end + self._dice.randrange(1, 40) * DAY
        meter.outages.append((start, end, back))

    def _away(self, own: Hung) -> None:
        """Take the gateway away for a month and more."""
        start = self._border() - self._dice.randrange(2, 20) * DAY - 7 * HOUR
        end = min(start + self._dice.randrange(35, 60) * DAY, self.ends - 3 * DAY)
        back = end + self._dice.randrange(1, 20) * DAY if self._dice.random() < 0.5 else None
        own.meter.outages.append((start, end, back))

    def _rivals(self, own: Hung) -> None:
        """Let a second row claim another register: at a border and somewhere, early and late."""
        meter = own.meter
        for at in {self._border(), meter.first_time(self._moment())}:
            far = self._dice.choice((-900_000, 40_000_000))
            meter.rivals.append((at, meter.shows(at) + far, at + self._dice.randrange(0, 45) * DAY))

    def _self_read(self, own: Hung) -> None:
        own.meter.is_dense = False
        for month in range(self.months + 1):
            at = border(month) + timedelta(minutes=self._dice.randrange(1, 40 * 60))
            self.dials.append((own.label, at, own.meter))

    def _inlets(self, own: Hung) -> None:
        second = self._meter(own.meter.serial + "G", is_dense=own.meter.is_dense)
        self.hung.append(Hung(own.label, own.tower, "generator", second, BEGINS))
        self._lie(second, "dip")


def kwh(wh: int) -> Decimal:
    """Return Wh as kWh."""
    return Decimal(wh).scaleb(-3)


def month_name(month: int) -> str:
    """Return ``YYYY-MM``."""
    return f"{border(month):%Y-%m}"


def month_number(name: str) -> int:
    """Return which month of the town has a name."""
    return bisect_right([month_name(month) for month in range(60)], name) - 1


def utc(at: datetime) -> datetime:
    """Return the same moment as the program says it."""
    return at.astimezone(UTC)
