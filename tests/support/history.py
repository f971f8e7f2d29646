# SPDX-License-Identifier: MIT
"""A random history of meters, as it happened and as it arrived.

One seed gives one history: registers that roll over, are reset, or end with their meter; rows
at 00:00 and a second after; rows of a meter before it served and since; lies at borders; gaps; and
the way in which all this reached the store: late, repeated, out of order, with rival claims of
every origin. Times are seconds since 1970.
"""

import random
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.store.readings_write import NewReading
from shared_schema.quality import Origin

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400
MOST_A_SECOND = 20
"""Wh: 72 kW."""
LIES_AT_BORDERS = 0.06
JUMP = 1_000_000_000
"""Wh: more than a meter can count in a year."""


@dataclass(slots=True)
class Life:
    """One meter where it hung, what its register said, and by how much that counts on."""

    channel: int
    """Also the number of its meter."""
    subject: str
    period_s: int
    installed: int
    removed: int | None
    times: "array[int]" = field(default_factory=lambda: array("q"))
    raws: "array[int]" = field(default_factory=lambda: array("q"))
    epochs: list[tuple[int, int]] = field(default_factory=list)
    """(starts at, offset), ascending."""
    lies: dict[int, int] = field(default_factory=dict)
    """What it told instead, by the time of the row."""

    def true_at(self, at: int) -> int:
        """Return what the register truly showed at a time, as its rows tell."""
        return self.raws[bisect_right(self.times, at) - 1]

    def told(self, index: int) -> int:
        """Return what the meter said in one of its rows."""
        return self.lies.get(self.times[index], self.raws[index])


@dataclass(frozen=True, slots=True)
class Turn:
    """One commit, when it was made, and whether the scheduler has its turn after it."""

    number: int
    rows: list[NewReading]
    now: datetime
    refreshes: bool


@dataclass(frozen=True, slots=True, order=True)
class _Arrival:
    """Rows ``low`` to ``high`` of a life, or one claim beside them, at a time."""

    at: int
    tie: float
    life: int
    low: int
    high: int
    since: int
    """The time of its first row."""
    claim: NewReading | None = field(default=None, compare=False)


class History:
    """What happened to the meters of ``subjects`` units in ``days`` local days.

    Args:
        seed: The same seed gives the same history.
        zone: Of the days.
        first: The first of them.
        days: How many.
        subjects: How many units; some have two meters, one after the other.
        batch: The fewest and the most rows of a commit.
        refreshes: About how often the scheduler has its turn between arrivals.
    """

    def __init__(
        self,
        seed: int,
        zone: ZoneInfo,
        first: date,
        days: int,
        subjects: int,
        *,
        batch: tuple[int, int],
        refreshes: int,
    ) -> None:
        self.seed, self.zone, self.first, self.days = seed, zone, first, days
        self.batch, self.refreshes = batch, refreshes
        self.midnights = midnights(zone, first, days)
        self.firsts = {at for at in self.midnights if datetime.fromtimestamp(at, zone).day == 1}
        dice = random.Random(seed)
        self.lives: list[Life] = []
        for number in range(subjects):
            self._add_subject(dice, f"U-{number:04}")
        self._arrivals = sorted(self._arrive(dice))

    def __str__(self) -> str:
        return (
            f"seed {self.seed}, {self.zone.key}, {self.days} days from {self.first}, "
            f"{len(self.lives)} channels"
        )

    def _add_subject(self, dice: random.Random, subject: str) -> None:
        installed = self.midnights[0] - 30 * DAY_S
        if dice.random() < 0.15:
            swapped = self._swap_moment(dice)
            self._live(dice, subject, installed, swapped)
            installed = swapped
        self._live(dice, subject, installed, None)

    def _swap_moment(self, dice: random.Random) -> int:
        """Return when a meter is replaced: at any second, at a 00:00, at that of a first."""
        inner = self.midnights[3:-3]
        firsts = [at for at in inner if datetime.fromtimestamp(at, self.zone).day == 1]
        kind = dice.randrange(3)
        return (dice.randrange(inner[0], inner[-1]), dice.choice(inner), dice.choice(firsts))[kind]

    def _live(self, dice: random.Random, subject: str, installed: int, removed: int | None) -> None:
        period_s = dice.choice([HOUR_S] * 18 + [HOUR_S // 2, HOUR_S // 4])
        life = Life(len(self.lives) + 1, subject, period_s, installed, removed)
        self.lives.append(life)
        life.times = array("q", self._times(dice, life))
        self._count(dice, life)
        self._lie(life)

    def _times(self, dice: random.Random, life: Life) -> list[int]:
        begin, end = self.midnights[0], self.midnights[-1]
        phase = dice.choice([0, 0, 0, 0, dice.randrange(60) * MINUTE_S, dice.randrange(HOUR_S)])
        times = set(range(begin + phase, end, life.period_s))
        if phase == 0 or dice.random() < 0.5:
            times.update(at for at in self.midnights if dice.random() < 0.95)
        times.update(at + 1 for at in self.midnights if dice.random() < 0.05)
        if life.removed is not None and dice.random() < 0.8:
            times.add(life.removed)
        if life.installed > begin and dice.random() < 0.8:
            times.add(life.installed)
        around = random.Random(f"around {self.seed} {life.channel}")
        since = life.installed - around.choice([0, DAY_S // 4, 2 * DAY_S])
        until = end
        if life.removed is not None:
            until = min(end, life.removed + around.choice([0, DAY_S // 4, 2 * DAY_S]))
        return sorted(at for at in times if max(begin, since) <= at <= until)

    def _count(self, dice: random.Random, life: Life) -> None:
        """Let the register run: it may turn over several times, or be reset once."""
        most = dice.choice([3, 60, 2000])
        character = dice.choice(["plain"] * 6 + ["rolls", "rolls", "reset"])
        width = max(most * len(life.times) // 6, 10) if character == "rolls" else 2**62
        reset_at = dice.choice(life.times) if character == "reset" and life.times else None
        total = dice.randrange(width) if character == "rolls" else dice.randrange(10**15)
        lost, before = 0, 0
        for at in life.times:
            used = dice.randrange(most + 1) if dice.random() < 0.8 else 0
            total += min(used, (at - before) * MOST_A_SECOND)
            before = at
            if total - lost >= width:
                lost += width
                life.epochs.append((at, lost))
            if at == reset_at:
                lost = total
                life.epochs.append((at, lost))
            life.raws.append(total - lost)

    def _lie(self, life: Life) -> None:
        """Let the meter say something impossible at some of its borders."""
        dice = random.Random(f"lies {self.seed} {life.channel}")
        begun_anew = {at for at, _ in life.epochs}
        for at, raw in zip(life.times, life.raws, strict=True):
            is_border = at in self.firsts or at in (life.installed, life.removed)
            if is_border and at not in begun_anew and dice.random() < LIES_AT_BORDERS:
                life.lies[at] = 0 if raw > JUMP and dice.random() < 0.5 else raw + JUMP

    def _arrive(self, dice: random.Random) -> Iterator[_Arrival]:
        for number, life in enumerate(self.lives):
            low = 0
            while low < len(life.times):
                until = life.times[low] + dice.randrange(6 * HOUR_S, 3 * DAY_S)
                high = max(bisect_left(life.times, until), low + 1)
                if dice.random() < 0.97:  # the rest is never heard of
                    overlap = max(low - dice.choice([0, 0, 1, 3]), 0)
                    for _ in range(dice.choice([1, 1, 1, 1, 1, 2])):
                        at = life.times[high - 1] + delay_s(dice)
                        yield _Arrival(
                            at, dice.random(), number, overlap, high, life.times[overlap]
                        )
                if dice.random() < 0.2:
                    yield from self._rivals(dice, number, dice.randrange(low, high))
                low = high
            for border in self.midnights:
                if datetime.fromtimestamp(border, self.zone).day == 1 and dice.random() < 0.1:
                    at = border + dice.randrange(-3 * DAY_S - HOUR_S, 3 * DAY_S + HOUR_S)
                    yield from self._dial(dice, number, at)

    def _rivals(self, dice: random.Random, number: int, index: int) -> Iterator[_Arrival]:
        """Claim something else for the time of a reading, once or more often."""
        life = self.lives[number]
        at, raw = life.times[index], life.raws[index]
        for _ in range(dice.randrange(1, 4)):
            origin = dice.choice([Origin.METER, Origin.SELF_READ, Origin.EDIT, Origin.EDIT])
            claimed = max(raw + dice.choice([0, 1, -1, dice.randrange(-50, 50)]), 0)
            claim = NewReading(life.channel, at, claimed, None, origin)
            for _ in range(dice.choice([1, 1, 2])):
                yield _Arrival(at + delay_s(dice), dice.random(), number, 0, 0, at, claim)

    def _dial(self, dice: random.Random, number: int, at: int) -> Iterator[_Arrival]:
        """Let a person read the dial at a time of its own."""
        life = self.lives[number]
        index = bisect_right(life.times, at) - 1
        if index >= 0 and (life.removed is None or at <= life.removed):
            claim = NewReading(life.channel, at, life.raws[index], None, Origin.SELF_READ)
            yield _Arrival(at + delay_s(dice), dice.random(), number, 0, 0, at, claim)

    def turns(self) -> Iterator[Turn]:
        """Return the commits in order; again the same when asked again.

        What comes days late comes in commits of its own, as a back-fill does.
        """
        dice = random.Random(f"turns {self.seed}")
        total = sum(
            1 if arrival.claim else arrival.high - arrival.low for arrival in self._arrivals
        )
        often = self.refreshes * sum(self.batch) / 2 / total
        lanes = {late: _Lane() for late in (False, True)}
        sizes = {late: dice.randint(*self.batch) for late in lanes}
        number = 0
        for arrival in self._arrivals:
            late = arrival.at - arrival.since > 4 * DAY_S
            lanes[late].add(arrival, self.lives[arrival.life])
            if len(lanes[late].rows) >= sizes[late]:
                yield self._turn(
                    dice, number, lanes[late], arrival.at, refreshes=dice.random() < often
                )
                number, sizes[late] = number + 1, dice.randint(*self.batch)
        for lane in lanes.values():
            while lane.rows:
                yield self._turn(dice, number, lane, self._arrivals[-1].at, refreshes=True)
                number += 1

    def _turn(
        self, dice: random.Random, number: int, lane: "_Lane", at: int, *, refreshes: bool
    ) -> Turn:
        rows = lane.empty(self.lives)
        dice.shuffle(rows)
        return Turn(number, rows, datetime.fromtimestamp(at, UTC) + timedelta(minutes=1), refreshes)


class _Lane:
    """Rows on their way to a commit; of two edits in one commit neither would be the newer."""

    def __init__(self) -> None:
        self.rows: list[NewReading] = []
        self._edits: set[tuple[int, int]] = set()
        self._waiting: list[_Arrival] = []

    def add(self, arrival: _Arrival, life: Life) -> None:
        claim = arrival.claim
        if claim is None:
            self.rows += [
                NewReading(life.channel, life.times[at], life.told(at), None, Origin.METER)
                for at in range(arrival.low, arrival.high)
            ]
            return
        if claim.origin is Origin.EDIT:
            if (claim.channel_id, claim.ts) in self._edits:
                self._waiting.append(arrival)
                return
            self._edits.add((claim.channel_id, claim.ts))
        self.rows.append(claim)

    def empty(self, lives: Sequence[Life]) -> list[NewReading]:
        """Return the rows of a commit; what had to wait is the beginning of the next."""
        rows, waiting = self.rows, self._waiting
        self.rows, self._edits, self._waiting = [], set(), []
        for arrival in waiting:
            self.add(arrival, lives[arrival.life])
        return rows


def delay_s(dice: random.Random) -> int:
    """Return how long something is under way: mostly minutes, sometimes weeks."""
    longest = dice.choice([HOUR_S] * 12 + [DAY_S] * 4 + [7 * DAY_S] * 2 + [40 * DAY_S])
    return dice.randrange(longest)


def midnights(zone: ZoneInfo, first: date, days: int) -> list[int]:
    """Return the local 00:00 of ``days`` days and of the one after."""
    local = [first + timedelta(days=number) for number in range(days + 1)]
    return [int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) for d in local]
