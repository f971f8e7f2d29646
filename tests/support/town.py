# SPDX-License-Identifier: MIT
"""A society whose truth is known: what every meter counted, what it said of it, and when that came.

Most units have a day's register at each 00:00, some one every quarter of an hour. Each tower has a
bulk meter, which counts what its units and its lift use and some loss. Every third unit has
a story: a false row, a restart, a replacement at an odd minute, a handover, a month without a
gateway. Every fifth unit is metered for its water, all others for electricity. The same seed makes
the same town.

In: how many units, how many months, a seed. Out: the list of units at a time, the rows that arrive
in a stretch of time, and the truth. Never: a word of the program under test: plain loops alone.
"""

import random
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

from tests.support.true_meter import BEGINS, DAY, HOUR, Course, Kind, Meter

ELSEWHERE = "T9"
"""The tower to which units move; nobody has put a bulk meter up there."""
LOST = 0.03
"""Of what passes a bulk meter."""
TURN_OVER = 100_000_000
"""Steps that a dial of eight digits shows before it begins anew."""
WATER_EVERY = 5
MAINS: dict[Kind, str] = {"electricity": "grid", "water": "main"}
BASES: dict[Kind, tuple[int, int]] = {
    "electricity": (1_000_000, 60_000_000),
    "water": (10_000, 600_000),
}
"""Between what registers stand at the beginning."""
RIVALS: dict[Kind, tuple[int, int]] = {
    "electricity": (-900_000, 40_000_000),
    "water": (-9_000, 400_000),
}
"""How far a second claim is from the truth."""
STORIES = (
    "dip", "spike", "scaler", "negative", "reset", "rollover", "replaced", "handover", "moved",
    "outage", "away", "rivals", "self-read", "inlets", "burst", "empty", "mistyped", "misplaced",
)  # fmt: skip
ANOTHER_LIE = 0.3
"""How often a unit with a story has false rows as well."""
BY_HAND = ("self-read", "mistyped")
"""Stories of a meter that a person reads."""
LIES = ("dip", "spike", "scaler", "negative")


def border(month: int) -> datetime:
    """Return the 00:00 with which a month begins, 0 being the first of the town."""
    return BEGINS.replace(year=BEGINS.year + month // 12, month=month % 12 + 1)


@dataclass
class Hung:
    """Which meter served whom, from when to when."""

    label: str
    tower: str
    source: str
    meter: Meter
    since: datetime
    until: datetime | None = None
    what: Literal["unit", "common", "bulk"] = "unit"
    called: str | None = None
    """What the list of units calls its subject by mistake, until ``put_right``."""
    put_right: datetime = BEGINS


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
    mistyped: dict[tuple[str, datetime], tuple[int, datetime]] = field(default_factory=dict)
    """By how many steps a dial is first entered wrong, and when it is entered right."""

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._days = (border(self.months) - BEGINS).days + 10
        for number in range(self.units):
            turn, place = divmod(number, self.plain_between + 1)
            is_plain = place < self.plain_between
            self._settle(number, "plain" if is_plain else STORIES[turn % len(STORIES)])
        for tower, kind in sorted({(each.tower, each.meter.kind) for each in self.hung}):
            if tower != ELSEWHERE:
                self._equip(tower, kind)

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
        """Return the steps that a unit used in a stretch of time; None: it had no meter then."""
        found = None
        for each in self.hung:
            begin = max(start, each.since)
            until = end if each.until is None else min(end, each.until)
            if each.label == label and begin < until:
                used = each.meter.course.used
                found = (found or 0) + used(until) - used(begin)
        return found

    def billed(self, label: str, steps: int) -> Decimal:
        """Return steps of a unit's meters as kWh or kL."""
        return self.hung_of(label)[0].meter.billed(steps)

    def misplaced(self, label: str, at: datetime) -> int:
        """Return by how much a value between the days around a moment may be wrong."""
        return self.truth(label, at - DAY, at + DAY) or 0

    def hung_of(self, label: str) -> list[Hung]:
        """Return the meters of a unit."""
        return [each for each in self.hung if each.label == label]

    def _line(self, each: Hung, now: datetime) -> str:
        until = None if each.until is None or each.until > now else each.until
        label = each.label if each.called is None or now >= each.put_right else each.called
        meter = ("", "", "yes") if self._is_read(each) else ("LNT", each.meter.serial, "no")
        times = ("" if at is None else f"{at:%Y-%m-%dT%H:%M}" for at in (each.since, until))
        return ",".join(
            (each.tower, each.what, label, each.meter.kind, each.source, *meter, *times)
        )

    def _is_read(self, each: Hung) -> bool:
        return self.stories[each.label] in BY_HAND

    # How the stories are made.

    def _settle(self, number: int, story: str) -> None:
        kind: Kind = "water" if number % WATER_EVERY == WATER_EVERY - 1 else "electricity"
        label, tower = f"{kind[0].upper()}-{number:04}", f"T{1 + number % 4}"
        self.stories[label] = story
        meter = self._meter(f"{number:05}", kind, is_dense=number < self.dense)
        source = MAINS[kind]
        self.hung.append(Hung(label, tower, source, meter, BEGINS))
        if story == "plain":
            return
        own = self.hung[-1]
        getattr(self, "_" + story.replace("-", "_"))(own)
        if story not in {*BY_HAND, "rivals"} and self._dice.random() < ANOTHER_LIE:
            self._lie(own.meter, self._dice.choice(LIES))

    def _equip(self, tower: str, kind: Kind) -> None:
        """Put up what a tower has in common, and its bulk meter, which counts all of it."""
        source = MAINS[kind]
        common = Hung(
            f"{tower} lift {kind}",
            tower,
            source,
            self._meter(f"{tower}{kind}C", kind, is_dense=False),
            BEGINS,
            what="common",
        )
        self.hung.append(common)
        fed = [h for h in self.hung if (h.tower, h.meter.kind) == (tower, kind)]
        days = (BEGINS + DAY * day for day in range(self._days - 1))
        taken = (sum(_taken(each, day) for each in fed if each.source == source) for day in days)
        course = Course.by_day(round(steps * (1 + LOST)) for steps in taken)
        meter = Meter(f"{tower}{kind}B", course, 5, kind, is_dense=False, since=BEGINS)
        bulk = Hung(f"{tower} bulk {kind}", tower, source, meter, BEGINS, what="bulk")
        self.hung.append(bulk)
        self.stories |= {common.label: "common", bulk.label: "bulk"}

    def _meter(self, serial: str, kind: Kind, *, is_dense: bool, since: datetime = BEGINS) -> Meter:
        course = Course.of(self._dice, self._days, kind)
        base = self._dice.randrange(*BASES[kind])
        return Meter(serial, course, base, kind, is_dense, since)

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
        new = self._meter(old.serial + "N", old.kind, is_dense=old.is_dense, since=at)
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
        self.hung.append(Hung(own.label, ELSEWHERE, own.source, own.meter, at))

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
            far = self._dice.choice(RIVALS[meter.kind])
            meter.rivals.append((at, meter.shows(at) + far, at + self._dice.randrange(0, 45) * DAY))

    def _self_read(self, own: Hung) -> None:
        own.meter.is_dense = False
        for month in range(self.months + 1):
            at = border(month) + timedelta(minutes=self._dice.randrange(1, 40 * 60))
            self.dials.append((own.label, at, own.meter))

    def _mistyped(self, own: Hung) -> None:
        """Let a person enter a dial too low, and put it right when its month is closed."""
        self._self_read(own)
        label, at, _ = self.dials[-2 - self._dice.randrange(self.months)]
        self.mistyped[label, at] = -200, at + 12 * DAY

    def _misplaced(self, own: Hung) -> None:
        """Let the list of units give the meter to a flat that has none."""
        own.called = f"{own.label}-X"
        self.stories[own.called] = "misplaced"
        own.put_right = self._border() + 7 * DAY

    def _burst(self, own: Hung) -> None:
        """Let a month's use be many times the habit."""
        self._use(own.meter, 7)

    def _empty(self, own: Hung) -> None:
        """Let nothing be used for a month."""
        self._use(own.meter, 0)

    def _use(self, meter: Meter, factor: int) -> None:
        month = self._dice.randrange(self.months)
        first, last = ((border(each) - BEGINS).days for each in (month, month + 1))
        meter.course = meter.course.times(factor, first, last)

    def _inlets(self, own: Hung) -> None:
        first, source = own.meter, "generator" if own.meter.kind == "electricity" else "tanker"
        second = self._meter(first.serial + "G", first.kind, is_dense=first.is_dense)
        self.hung.append(Hung(own.label, own.tower, source, second, BEGINS))
        self._lie(second, "dip")


def _taken(each: Hung, day: datetime) -> int:
    """Return the steps that a meter took on a day for whom it hung."""
    begin = max(day, each.since)
    end = day + DAY if each.until is None else min(day + DAY, each.until)
    return each.meter.course.used(end) - each.meter.course.used(begin) if begin < end else 0


def month_name(month: int) -> str:
    """Return ``YYYY-MM``."""
    return f"{border(month):%Y-%m}"


def month_number(name: str) -> int:
    """Return which month of the town has a name."""
    return bisect_right([month_name(month) for month in range(60)], name) - 1


def utc(at: datetime) -> datetime:
    """Return the same moment as the program says it."""
    return at.astimezone(UTC)
