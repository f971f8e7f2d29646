# SPDX-License-Identifier: MIT
"""The valve test: with a flat's inner valve closed, does its meter stand still?

A water meter that is read twice with the valve behind it closed tells where water runs. If the
register stands still, what ran before runs in the flat. If it moves, water leaves between the
meter and the valve, or the valve does not close. A register sees no less than its step: what may
still run unseen is told with the verdict.

In: one register at two times. Out: the verdict and its sentence. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

HOUR_S = 3600
SHORTEST = timedelta(minutes=5)
"""Between the two readings: in less, a small leak moves no register."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a water meter's register showed."""

    at: datetime
    litres: Decimal
    step_litres: Decimal
    """What one count is worth."""


@dataclass(frozen=True, slots=True)
class ValveTest:
    """What a valve test showed."""

    before: Shown
    after: Shown

    @property
    def moved_litres(self) -> Decimal:
        """How far the register moved; below zero if water ran back."""
        return self.after.litres - self.before.litres

    @property
    def stands_still(self) -> bool:
        """Whether the register did not move."""
        return self.moved_litres == 0

    @property
    def unseen_l_per_h(self) -> Decimal:
        """What may run without moving this register by a step in that time."""
        seconds = (self.after.at - self.before.at) // timedelta(seconds=1)
        per_hour = self.after.step_litres * HOUR_S / seconds
        return per_hour.to_integral_value(ROUND_CEILING)

    def sentence(self, subject: str) -> str:
        """Say it as a resident reads it."""
        minutes = round((self.after.at - self.before.at) / timedelta(minutes=1))
        if self.stands_still:
            return (
                f"The meter of {subject} stood still for {minutes} minutes with the valve closed. "
                f"What ran before at {self.unseen_l_per_h} L an hour or more runs in the flat, "
                "behind that valve; for a slower flow wait longer (--minutes)."
            )
        way = "ran back through" if self.moved_litres < 0 else "passed"
        return (
            f"The meter of {subject} moved: {abs(self.moved_litres):f} L {way} it in {minutes} "
            "minutes with the valve closed. Water leaves between the meter and that valve, or the "
            "valve does not close: close the next one before it and test again."
        )
