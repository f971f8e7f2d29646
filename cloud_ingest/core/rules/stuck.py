# SPDX-License-Identifier: MIT
"""The rule of a register that is stuck: water stands still while the flat's electricity lives.

Both services of a flat are compared with the flat's own history. Its water register has not moved
for more than `STILL`, though it was read, and on most of these days the flat took as much
electricity as on days on which it drew water before. A flat that is empty takes less: its
refrigerator alone. Without that history, or where empty and lived-in days do not differ, the rule
says nothing.

In: days of a flat, oldest first. Out: how long it is stuck, or None. Pure. Reasoned, and measured
on simulated flats alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from statistics import median
from typing import Final

STILL_DAYS: Final = 7
HISTORY_DAYS: Final = 56
LEAST_HISTORY: Final = 14
"""So many days with water and electricity must be known of the past."""
LIVES: Final = Decimal("0.7")
"""A day with so much of the median of days with water is a day with somebody at home."""
MOST_PART: Final = Decimal("0.75")
"""Of the days without water so many must be days with somebody at home."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a flat; None where it is not known."""

    day: date
    litres: Decimal | None
    kwh: Decimal | None


@dataclass(frozen=True, slots=True)
class Stuck:
    """A register that stands still while somebody is at home."""

    first_day: date
    kwh: Decimal
    """What the flat took since then."""


def stuck(days: Sequence[Day]) -> Stuck | None:
    """Return since when a register is stuck at the end of some days.

    Args:
        days: Of one flat, ascending, without today.
    """
    still = _still(days)
    lived = [day.kwh for day in still if day.kwh is not None]
    past = days[: len(days) - len(still)][-HISTORY_DAYS:]
    usual = [day.kwh for day in past if day.litres and day.kwh is not None]
    known = [day for day in still if day.litres is not None]
    if len(known) <= STILL_DAYS or len(usual) < LEAST_HISTORY or not lived:
        return None
    at_home = LIVES * median(usual)
    if at_home <= 0 or sum(kwh >= at_home for kwh in lived) < MOST_PART * len(still):
        return None
    return Stuck(still[0].day, sum(lived, Decimal(0)))


def _still(days: Sequence[Day]) -> Sequence[Day]:
    """Return the days at the end on which no water passed; it begins with a known one."""
    first = len(days)
    for index in range(len(days) - 1, -1, -1):
        if days[index].litres:
            break
        if days[index].litres is not None:
            first = index
    return days[first:]
