# SPDX-License-Identifier: MIT
"""What a read failure turns out to have been, once the meter is read again.

The register on both sides of the silence tells: one that did not move is proof that nothing was
used. If the readings in between came later, out of the meter's or the gateway's memory, nothing is
missing at all.

In: what the register said around the silence. Out: the outcome. Pure.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

LONGEST_HOLE = timedelta(hours=2)
"""Readings that are no farther apart leave nothing open."""


class Outcome(StrEnum):
    """What a read failure turned out to have been."""

    LATE = "late"
    """Its readings came later, and none is missing."""
    DRY = "dry"
    """The register did not move: nothing was used."""
    USED = "used"
    """The register moved, and when in between is not known."""
    UNPROVED = "unproved"
    """The register tells neither: none from before, another scaler, or it fell."""
    REMOVED = "removed"
    """The meter was not read again."""


@dataclass(frozen=True, slots=True)
class Around:
    """What one register said around a silence."""

    unit: int
    scaler: int
    first_raw: int
    """The last before it."""
    last_raw: int
    """The newest when it was over."""
    longest_hole: timedelta
    """The longest time between two readings from the one to the other."""


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome, and how much the register moved."""

    outcome: Outcome
    moved: Decimal | None = None
    unit: int | None = None


def outcome_of(around: Around | None) -> Told:
    """Return what a silence was; None: no register has a reading on both sides."""
    if around is None or around.last_raw < around.first_raw:
        return Told(Outcome.UNPROVED)
    moved = Decimal(around.last_raw - around.first_raw).scaleb(around.scaler)
    if around.longest_hole <= LONGEST_HOLE:
        return Told(Outcome.LATE, moved, around.unit)
    return Told(Outcome.USED if moved else Outcome.DRY, moved, around.unit)
