# SPDX-License-Identifier: MIT
"""What the water rules know of a meter beside its readings. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.water.supply import Supply
from cloud_ingest.core.rules.water.supply_plan import Plan

MOST_L_PER_H = 20_000
"""More than any flat's meter passes: such a step is another meter, not a flow."""
MOST_BULK_L_PER_H = 1_000_000


@dataclass(frozen=True, slots=True)
class WaterMeter:
    """The parameters of one meter."""

    litres_per_count: Decimal
    """One step of the register."""
    zone: ZoneInfo
    """The hours of the day are the society's."""
    q3_l_per_h: Decimal | None = None
    """The permanent flow rate (Q3) of ISO 4064, where it is known."""
    common: bool = False
    """A common area and not a flat."""
    bulk: bool = False
    """It stands before a tower."""
    supply: Supply | None = None
    """The hours with supply; None: always, or what `plan` or its own register says."""
    plan: Plan = ()
    """What people and the tower's bulk meter say of these hours."""

    @property
    def most_l_per_h(self) -> float:
        """The most that the meter passes: its overload flow Q4, which is 1.25 times Q3."""
        if self.q3_l_per_h is not None:
            return 1.25 * float(self.q3_l_per_h)
        return MOST_BULK_L_PER_H if self.bulk else MOST_L_PER_H
