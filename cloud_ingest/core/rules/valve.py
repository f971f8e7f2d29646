# SPDX-License-Identifier: MIT
"""The valve test: with a flat's inner valve closed, does its meter stand still?

A water meter that is read twice with the valve behind it closed tells where water runs. If the
register stands still, what ran before runs in the flat. If it moves, water leaves between the
meter and the valve, or the valve does not close. A register sees no less than its step: the
valve stays closed until the flow that was seen has moved it by one, and what may still run unseen
is told with the verdict.

In: one register at two times. Out: how long to wait, the verdict and its sentence. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final

HOUR_S = 3600
SHORTEST = timedelta(minutes=5)
"""Between the two readings: in less, a small leak moves no register."""
WAITS: Final = {
    10: "ten minutes",
    15: "a quarter of an hour",
    20: "twenty minutes",
    30: "half an hour",
    45: "three quarters of an hour",
    60: "an hour",
    90: "an hour and a half",
    120: "two hours",
}
"""Minutes that a resident may be asked to do without water."""


def minutes_to_wait(step_litres: Decimal, least_l_per_h: Decimal | None) -> int:
    """Return how long the valve stays closed, so that what was seen moves the register by a step.

    Args:
        step_litres: What one step is worth.
        least_l_per_h: The slowest that was seen; 0: it pauses; None: nothing was seen.

    Returns:
        One of `WAITS`; the longest where that is not enough.
    """
    if least_l_per_h is None:
        return min(WAITS)
    needed = step_litres * 60
    return next((each for each in WAITS if least_l_per_h * each >= needed), max(WAITS))


def least_shown(step_litres: Decimal, wait: timedelta) -> Decimal:
    """Return the slowest flow, in litres an hour, that moves a register by a step in a time."""
    per_hour = step_litres * HOUR_S / (wait // timedelta(seconds=1))
    return per_hour.to_integral_value(ROUND_CEILING)


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
    seen_l_per_h: Decimal | None = None
    """The slowest flow that an open flag tells; 0: it pauses; None: there is none."""

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
        return least_shown(self.after.step_litres, self.after.at - self.before.at)

    def sentence(self, subject: str) -> str:
        """Say it as a resident reads it."""
        minutes = round((self.after.at - self.before.at) / timedelta(minutes=1))
        if self.stands_still and self.seen_l_per_h and self.seen_l_per_h < self.unseen_l_per_h:
            needed = self.after.step_litres * 60 / self.seen_l_per_h
            return (
                f"The meter of {subject} stood still for {minutes} minutes with the valve closed, "
                f"and that proves nothing yet: {self.seen_l_per_h:f} L an hour was seen, and in "
                f"that time this register shows no less than {self.unseen_l_per_h} L an hour. Test "
                f"again for longer: --minutes {needed.to_integral_value(ROUND_CEILING)}."
            )
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
