# SPDX-License-Identifier: MIT
"""Intermittent supply: the hours of a day in which a building has water.

They are said by a person, taken from the tower's bulk meter, or learnt from the flat's own
register: weeks in which water passed on most days, always in the same few hours, and in the others
as good as never. A flat with constant supply uses water at odd hours now and then, and a flat
whose people are away uses none: neither is taken for one with supply by the hour.

In: hours of a register. Out: the hours with supply, or None. Pure.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, slots=True)
class Supply:
    """The hours of the day (society time, 0 to 23) that have supply."""

    hours: frozenset[int]

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
            return "all day" if self.hours else "never"
        starts = [h for h in sorted(self.hours) if (h - 1) % HOURS_OF_DAY not in self.hours]
        if len(starts) > MOST_SAID:
            return f"{len(self.hours)} hours a day"
        return " and ".join(f"{start:02}:00-{self._end_of(start):02}:00" for start in starts)

    def _end_of(self, hour: int) -> int:
        while hour % HOURS_OF_DAY in self.hours:
            hour += 1
        return (hour - 1) % HOURS_OF_DAY + 1


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
        return Supply(wet) if outside <= least * sum(self.known[hour] for hour in dry) else None

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
