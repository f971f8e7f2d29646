# SPDX-License-Identifier: MIT
"""How often a flat is away: its own habit, and what is usual. Pure."""

from collections.abc import Sequence
from itertools import groupby

ABSENCE_A_DAY = 1 / 45
ABSENCE_GOES_ON = 0.85
"""A flat without use: how often that begins, and how often another such day follows."""
VACANT_SHARE = 0.1
"""Of absences that do not end: the flat stands empty."""
HABIT = 2.0
"""So many usual absences weigh against those of the flat itself."""


def how_often_absent(uses: Sequence[float], days: int) -> float:
    """Return how often an absence of at least so many days begins: its flat's habit, and the usual.

    Args:
        uses: What the flat used before.
        days: Without use, so far.
    """
    lasted = [len(list(run)) for away, run in groupby(uses, lambda use: use == 0) if away]
    begins = (len(lasted) + 1) / (len(uses) + 1 / ABSENCE_A_DAY)
    usual = (1 - VACANT_SHARE) * ABSENCE_GOES_ON ** (days - 1) + VACANT_SHARE
    as_long = sum(each >= days for each in lasted)
    return begins * (as_long + HABIT * usual) / (len(lasted) + HABIT)
