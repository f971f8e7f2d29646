# SPDX-License-Identifier: MIT
"""Intermittent supply: the hours of a day in which a building has water.

They are said by a person, taken from the tower's bulk meter, or learnt from the flat's own
register: weeks in which water passed on most days, always in the same few hours, and in the others
as good as never. A flat with constant supply uses water at odd hours now and then, and a flat
whose people are away uses none: neither is taken for one with supply by the hour.

In: hours of a register. Out: the hours with supply, or None. Pure.
"""

import re
import struct
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.water.hours import LONGEST_S, Hour

HOURS_OF_DAY = 24
ENOUGH_DAYS = 28
"""Each hour of the day must be known so often before anything is said."""
FULL = 84
MOST_HOURS = 10
MOST_SAID = 3
DAILY = 0.7
"""The hour that sees water most often sees it on so many days."""
SELDOM = 0.04
"""An hour that sees water on fewer days has no supply."""
OUTSIDE = 0.002
"""So little of all hours without supply may see water all the same."""
STILL_DAILY, STILL_OUTSIDE = 0.5, 0.01
"""What has been learnt is given up only beyond these."""
ALL_DAY: Final = "all day"
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")


class SupplySource(StrEnum):
    """Who says which hours have supply; the first of them that says anything is believed."""

    ENTERED = "entered"
    BULK = "bulk"
    METER = "meter"
    """The flat's own meter."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The hours of the day (society time, 0 to 23) that have supply."""

    hours: frozenset[int]
    source: SupplySource = SupplySource.ENTERED

    @classmethod
    def parse(cls, text: str) -> "Supply":
        """Return the hours that a person writes: 06:00-09:00 18:00-20:00, or all day.

        Raises:
            ValueError: it is no such text; what it says is for that person.
        """
        if " ".join(text.split()) == ALL_DAY:
            return cls(frozenset(range(HOURS_OF_DAY)))
        hours: set[int] = set()
        for word in text.replace(",", " ").replace(" and ", " ").split():
            hours |= _hours_of(word)
        if not hours:
            raise ValueError("no hours are named: write them as '06:00-09:00 18:00-20:00'")
        return cls(frozenset(hours))

    @property
    def bits(self) -> int:
        """The hours, a bit each."""
        return sum(1 << hour for hour in self.hours)

    @classmethod
    def of_bits(cls, bits: int, source: SupplySource) -> "Supply | None":
        """Return the hours of `bits`; None where there are none."""
        hours = frozenset(hour for hour in range(HOURS_OF_DAY) if bits >> hour & 1)
        return cls(hours, source) if hours else None

    @property
    def intermittent(self) -> bool:
        """Say whether there are hours with supply and hours without it."""
        return 0 < len(self.hours) < HOURS_OF_DAY

    @property
    def opens(self) -> int:
        """The first hour with supply behind the longest pause: a day of supply begins there."""
        return max(self.hours, key=lambda hour: (self._pause_before(hour), -hour), default=0)

    def is_over_at(self, hour: int) -> bool:
        """Say whether an hour lies behind the last one of its day of supply."""
        opens = self.opens
        passed = (hour - opens) % HOURS_OF_DAY
        return all((each - opens) % HOURS_OF_DAY < passed for each in self.hours)

    def _pause_before(self, hour: int) -> int:
        return next(
            pause
            for pause in range(HOURS_OF_DAY)
            if (hour - pause - 1) % HOURS_OF_DAY in self.hours
        )

    def __str__(self) -> str:
        """Return the hours as a person says them: 06:00-09:00 and 18:00-20:00."""
        if len(self.hours) in {0, HOURS_OF_DAY}:
            return ALL_DAY if self.hours else "never"
        starts = [h for h in sorted(self.hours) if (h - 1) % HOURS_OF_DAY not in self.hours]
        if len(starts) > MOST_SAID:
            return f"{len(self.hours)} hours a day"
        return " and ".join(f"{start:02}:00-{self._end_of(start):02}:00" for start in starts)

    def _end_of(self, hour: int) -> int:
        while hour % HOURS_OF_DAY in self.hours:
            hour += 1
        return (hour - 1) % HOURS_OF_DAY + 1


def _hours_of(span: str) -> set[int]:
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ValueError(f"{span[:20]!r} is no span of hours: write it as 06:00-09:00")
    start, start_min, end, end_min = map(int, match.groups())
    if start_min or end_min:
        raise ValueError(f"{span} is not of whole hours: name every hour that has supply in part")
    if start >= HOURS_OF_DAY or end > HOURS_OF_DAY or start == end:
        raise ValueError(f"{span} is no span within a day: write it as 06:00-09:00 or 22:00-02:00")
    return {hour % HOURS_OF_DAY for hour in range(start, end + HOURS_OF_DAY * (end < start))}


class SupplyLearner:
    """On how many days each hour of the day saw water, of those on which it is known.

    It serves a flat's register and a tower's bulk meter alike. Full counts are halved, so that what
    lies more than about twelve weeks back no longer counts.
    """

    __slots__ = ("flowed", "known", "learnt")
    _FORM = struct.Struct(f"<?{2 * HOURS_OF_DAY}B")
    SIZE = _FORM.size

    def __init__(self) -> None:
        self.known = [0] * HOURS_OF_DAY
        self.flowed = [0] * HOURS_OF_DAY
        self.learnt = False
        """Hours of supply were found at the newest hour."""

    def take(self, hour: Hour, zone: ZoneInfo) -> Supply | None:
        """Count one hour, and return the hours with supply as they are known now.

        None: water may come at any hour, or too little is known.
        """
        if hour.litres is not None and hour.span_s <= LONGEST_S:
            of_day = datetime.fromtimestamp((hour.start_s + hour.end_s) // 2, zone).hour
            if self.known[of_day] >= FULL:
                self.known[of_day] //= 2
                self.flowed[of_day] = (self.flowed[of_day] + 1) // 2
            self.known[of_day] += 1
            self.flowed[of_day] += hour.litres > 0
        supply = self._supply() if min(self.known) >= ENOUGH_DAYS else None
        self.learnt = supply is not None
        return supply

    def _supply(self) -> Supply | None:
        shares = [flowed / known for flowed, known in zip(self.flowed, self.known, strict=True)]
        wet = frozenset(hour for hour, share in enumerate(shares) if share >= SELDOM)
        if not 0 < len(wet) <= MOST_HOURS:
            return None
        if max(shares) < (STILL_DAILY if self.learnt else DAILY):
            return None
        dry = [hour for hour in range(HOURS_OF_DAY) if hour not in wet]
        outside = sum(self.flowed[hour] for hour in dry)
        least = STILL_OUTSIDE if self.learnt else OUTSIDE
        if outside > least * sum(self.known[hour] for hour in dry):
            return None
        return Supply(wet, SupplySource.METER)

    def pack(self) -> bytes:
        """Return the counts as bytes."""
        return self._FORM.pack(self.learnt, *self.known, *self.flowed)

    @classmethod
    def unpack(cls, packed: bytes) -> "SupplyLearner":
        """Return what `pack` packed."""
        learner = cls()
        learner.learnt, *counts = cls._FORM.unpack(packed)
        learner.known, learner.flowed = counts[:HOURS_OF_DAY], counts[HOURS_OF_DAY:]
        return learner
