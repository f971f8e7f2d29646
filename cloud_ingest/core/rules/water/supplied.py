# SPDX-License-Identifier: MIT
"""Meters with intermittent supply: a leak is a floor under the supplied hours, day after day.

Outside its hours of supply a meter stands still, leak or no leak, so that no rule that waits for a
day without a dry hour ever fires. What is judged is the *least* of each day's supplied hours. A
float valve closes when the tank is full, and then an hour is dry or nearly so; a leak before the
tank or a valve that does not close keeps a floor under all of them. How unlikely the floor is, is
asked of this flat's own days: where a slow inlet fills during all of the supply there is a floor
without a leak, and only one that lies higher than ever says something.

The newest days are looked at together, from two to ten: the least of all of them, and how unlikely
it is that each day reaches it. Older days are the flat's history, so that a leak is not measured
by itself. A day without any water passes for one without supply, and says nothing. What
was told is measured by the history of that time, however long it lasts.

Blind spots: a leak below 3.8 L/h; one within what the inlet passes anyhow; the first weeks. One
behind the tank shows only as far as it lengthens the filling. Half an hour of supply at either end
of the hours makes an hour look smaller than it is, alike on all days.

In: hours. Out: verdicts. Pure.
"""

import math
import struct
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from itertools import islice

from cloud_ingest.core.rules.water.episode import Detail, Finding, Verdict
from cloud_ingest.core.rules.water.hours import LONGEST_S, Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.supply import Supply

NEWEST_DAYS = 10
"""Days that are looked at together; what is older is history."""
HISTORY_DAYS = 46
FEWEST_HISTORY_DAYS = 14
FEWEST_DAYS = 2
FLOOR_L_PER_H = 3.8
"""One US gallon: below it the makers' rules call an hour dry, too."""
MOST_A_DAY = 6.0
"""No day counts for more (400 to 1)."""
SMALLEST_SCALE = 5.0
LIMIT = {Point.CAREFUL: 12.0, Point.EARLY: 10.0}
KNOWN_PART = 0.9
DRY_DAYS_TO_CLEAR = 3
STILL_NATS = 1.0
"""A day shows a leak that was told while it is so unlikely for the flat as it was before."""
UNSHOWN_DAYS_TO_END = 2
TENTHS = 10
MOST_TENTHS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Day:
    """The supplied hours of one day, all that count known."""

    start_s: int
    least: int
    """Of its hours, in tenths of a litre an hour."""
    litres: int
    """In tenths."""
    hours: int


@dataclass(frozen=True, slots=True)
class Told:
    """A leak that was told, up to its newest day."""

    start_s: int
    least: int
    litres: int
    hours: int
    start_known: bool
    from_least: int
    """A day whose least hour reaches this shows it still."""
    unshown: int = 0
    """How many of its newest days do not show it."""

    def with_day(self, day: Day) -> "Told":
        """Return it with one more day."""
        if day.least < self.from_least:
            return replace(self, unshown=self.unshown + 1)
        return replace(
            self,
            least=min(self.least, day.least),
            litres=min(self.litres + day.litres, MOST_TENTHS),
            hours=self.hours + day.hours,
            unshown=0,
        )


class Supplied:
    """What is remembered of one meter with intermittent supply."""

    __slots__ = (
        "days",
        "dry_days",
        "hours",
        "known",
        "least",
        "litres",
        "ordinal",
        "start_s",
        "told",
    )
    _FORM = struct.Struct("<IIIIIBBB?")
    _TOLD = struct.Struct("<IIII?IB")
    _DAY = struct.Struct("<IIIB")

    def __init__(self) -> None:
        self.days: deque[Day] = deque(maxlen=NEWEST_DAYS + HISTORY_DAYS)
        self.hours = 0
        """The hours with supply of its days, a bit each."""
        self.dry_days = 0
        """How many days without water lie behind the newest with some."""
        self.told: Told | None = None
        self._open_day(0)

    def _open_day(self, ordinal: int) -> None:
        self.ordinal, self.start_s, self.known = ordinal, 0, 0
        self.least, self.litres = MOST_TENTHS, 0

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Judge one more hour."""
        supply = meter.supply
        if supply is None or hour.anew:
            self._open_day(0)
            self.told = None
            return Verdict(over=hour.anew)
        self._hold_against(supply)
        if self._count(hour, meter, supply):
            self.told = None
            return Verdict(over=True)
        if self.told is None:
            self.told = self._found(meter, LIMIT[point])
        return Verdict(None if self.told is None else _finding(self.told, supply))

    def _hold_against(self, supply: Supply) -> None:
        """Forget older days where an hour was taken from the supply: its rest may be missed.

        The least of fewer hours is higher without a leak. What was told holds until a day rests.
        """
        if self.hours & ~supply.bits:
            self.days.clear()
            self._open_day(0)
        self.hours = supply.bits

    def _count(self, hour: Hour, meter: WaterMeter, supply: Supply) -> bool:
        """Count an hour; say whether it closed a day that shows that nothing leaks."""
        middle = datetime.fromtimestamp((hour.start_s + hour.end_s) // 2, meter.zone)
        ordinal = middle.toordinal() - (middle.hour < supply.opens)
        rested = False
        if self.known and (ordinal != self.ordinal or supply.is_over_at(middle.hour)):
            rested = self._close_day(supply)
            self._open_day(ordinal)
        self.ordinal = ordinal
        if middle.hour in supply.hours and hour.rate is not None and hour.span_s <= LONGEST_S:
            self.start_s = self.start_s or hour.start_s
            self.known = min(self.known + 1, 255)
            self.least = min(self.least, round(hour.rate * TENTHS))
            self.litres = min(self.litres + round((hour.litres or 0) * TENTHS), MOST_TENTHS)
        return rested

    def _close_day(self, supply: Supply) -> bool:
        if self.known < KNOWN_PART * len(supply.hours):
            return False
        if not self.litres:
            self.dry_days = min(self.dry_days + 1, 255)
            return self.dry_days >= DRY_DAYS_TO_CLEAR
        self.dry_days = 0
        day = Day(self.start_s, self.least, self.litres, self.known)
        self.days.append(day)
        if self.told is not None:
            self.told = self.told.with_day(day)
            if self.told.unshown >= UNSHOWN_DAYS_TO_END:
                self.told = None
        return self.least == 0

    def _found(self, meter: WaterMeter, limit: float) -> Told | None:
        """Return what the newest days show against the older ones."""
        history = sorted(
            day.least for day in islice(self.days, max(0, len(self.days) - NEWEST_DAYS))
        )
        if len(history) < FEWEST_HISTORY_DAYS or self.dry_days >= DRY_DAYS_TO_CLEAR:
            return None
        lowest = max(FLOOR_L_PER_H, float(meter.litres_per_count) / 2) * TENTHS
        best, since, floor = 0.0, 0, MOST_TENTHS
        best_floor = floor
        for days in range(1, NEWEST_DAYS + 1):
            floor = min(floor, self.days[-days].least)
            if floor < lowest:
                break
            evidence = days * min(MOST_A_DAY, surprise_of(history, floor))
            if days >= FEWEST_DAYS and evidence > best:
                best, since, best_floor = evidence, days, floor
        if best < limit:
            return None
        own = list(self.days)[-since:]
        unusual = (each for each in history if surprise_of(history, each) >= STILL_NATS)
        return Told(
            start_s=own[0].start_s,
            least=best_floor,
            litres=sum(day.litres for day in own),
            hours=sum(day.hours for day in own),
            start_known=since < NEWEST_DAYS,
            from_least=max(math.ceil(lowest), min(unusual, default=best_floor)),
        )

    def pack(self) -> bytes:
        """Return all of it as bytes, without loss."""
        head = self._FORM.pack(
            self.ordinal,
            self.start_s,
            self.least,
            self.litres,
            self.hours,
            self.known,
            self.dry_days,
            len(self.days),
            self.told is not None,
        )
        told = b"" if self.told is None else self._TOLD.pack(*astuple(self.told))
        return head + told + b"".join(self._DAY.pack(*astuple(day)) for day in self.days)

    @classmethod
    def unpack(cls, packed: bytes) -> "Supplied":
        """Return what `pack` packed; of b"" a new memory."""
        supplied = cls()
        if not packed:
            return supplied
        (
            supplied.ordinal,
            supplied.start_s,
            supplied.least,
            supplied.litres,
            supplied.hours,
            supplied.known,
            supplied.dry_days,
            days,
            is_told,
        ) = cls._FORM.unpack_from(packed)
        here = cls._FORM.size
        if is_told:
            supplied.told = Told(*cls._TOLD.unpack_from(packed, here))
            here += cls._TOLD.size
        for index in range(days):
            at = here + index * cls._DAY.size
            supplied.days.append(Day(*cls._DAY.unpack_from(packed, at)))
        return supplied


def surprise_of(history: Sequence[int], floor: int) -> float:
    """Return how unlikely it is that a day of this flat reaches a floor, in nats.

    Beyond the highest of its days it is ever less likely.

    Args:
        history: The least hour of each older day, ascending.
        floor: In the same unit.
    """
    above = len(history) - bisect_left(history, floor)
    surprise = math.log((len(history) + 1) / (above + 0.5))
    highest = history[-1]
    if floor <= highest:
        return surprise
    mean, half = sum(history) / len(history), (highest - history[len(history) // 2]) / 2
    return surprise + (floor - highest) / max(SMALLEST_SCALE * TENTHS, mean, half)


def _finding(told: Told, supply: Supply) -> Finding:
    detail: Detail = {
        "part": "supply",
        "supply": str(supply),
        "supply_source": supply.source,
        "rate_l_per_h": None,
        "least_l_per_h": told.least / TENTHS,
        "litres": told.litres / TENTHS,
        "known_h": told.hours,
        "start_known": told.start_known,
    }
    return Finding("leak", "alarm", told.start_s, detail)
