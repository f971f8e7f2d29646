# SPDX-License-Identifier: MIT
"""A stretch of a meter without a register, and what can have been counted in it.

A register only rises, and never faster than its meter can count. So at a moment of a gap it stands
between what its two sides allow, and a part of the gap has a least and a most use. Nothing else
bounds: no statistics.

In: the registers on the sides of a gap, the ceiling of the meter, the step of its register. Out:
bounds. Never: a probable value (`core.estimate` places it), a float. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cloud_ingest.core.border import JITTER
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import MICROSECOND


@dataclass(frozen=True, slots=True)
class KnownRegister:
    """A register that was read, or a border that is met; an epoch's offset is in ``counted``."""

    at: datetime
    counted: Decimal
    lower: Decimal | None = None
    """Of a border that is not met exactly: the truth lies from here."""
    upper: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of a meter without a register."""

    before: KnownRegister | None
    after: KnownRegister | None
    most_per_hour: Decimal
    """That the meter can count."""
    step: Decimal
    """The finest difference that its register shows."""

    def most_in(self, length: timedelta) -> Fraction:
        """Return the most that the meter can count in a time."""
        hours = Fraction((length + JITTER) // MICROSECOND, timedelta(hours=1) // MICROSECOND)
        return Fraction(self.most_per_hour) * hours + Fraction(self.step)

    def bounds(self, at: datetime) -> tuple[Fraction, Fraction]:
        """Return between what the register stood at a moment of the gap."""
        lower, upper = self._reachable(at)
        if lower > upper and self.before is not None and self.after is not None:
            # faster than it can count
            return Fraction(self.before.counted), Fraction(self.after.counted)
        return lower, upper

    def _reachable(self, at: datetime) -> tuple[Fraction, Fraction]:
        """Return what the register can have counted until a moment, from either side."""
        lowest: list[Fraction] = []
        highest: list[Fraction] = []
        if self.before is not None:
            counted = Fraction(self.before.counted)
            lowest.append(counted)
            highest.append(counted + self.most_in(at - self.before.at))
        if self.after is not None:
            counted = Fraction(self.after.counted)
            lowest.append(counted - self.most_in(self.after.at - at))
            highest.append(counted)
        return max(lowest), min(highest)

    def use_in(self, length: timedelta) -> tuple[Decimal, Decimal]:
        """Return the least and the most that can have been counted in a part of the gap."""
        step = Fraction(self.step)
        least, most = Fraction(0), self.most_in(length)
        if self.before is not None and self.after is not None:
            total = Fraction(self.after.counted) - Fraction(self.before.counted)
            least = max(least, total - self.most_in(self.after.at - self.before.at - length))
            most = min(most, total)
            if least > most:  # faster than it can count
                least, most = Fraction(0), total
        with exactly():
            return Decimal(least // step) * self.step, Decimal(-(-most // step)) * self.step
