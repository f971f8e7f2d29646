# SPDX-License-Identifier: MIT
"""The rule of water that runs back: a register fell by more than a step, and could have.

A fall within what the meter can pass in that time is a flow; a larger one is a reset, another
meter or a lie, which the validation lists. A fall of one step is a dial that stands between two.

In: a register before and after. Out: litres, or None. Pure.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

MOST_L_PER_H = Decimal(5000)
"""The overload flow (Q4) of a household's meter (Q3 = 4 m³/h), where it is not known."""
QUIET = timedelta(days=3)
"""It is over when nothing ran back for so long."""
LEAST_SPAN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Fall:
    """A register that showed less than before."""

    before_at: datetime
    after_at: datetime
    steps: int
    litres_per_step: Decimal
    most_l_per_h: Decimal = MOST_L_PER_H


def ran_back(fall: Fall) -> Decimal | None:
    """Return how many litres ran back; None: that was no flow."""
    hours = Decimal(max(fall.after_at - fall.before_at, LEAST_SPAN).total_seconds()) / 3600
    litres = fall.steps * fall.litres_per_step
    return litres if fall.steps > 1 and litres <= fall.most_l_per_h * hours else None
