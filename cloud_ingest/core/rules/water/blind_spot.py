# SPDX-License-Identifier: MIT
"""What the water rules cannot tell of a register, by its step and by how often it is read. Pure."""

from decimal import Decimal

from cloud_ingest.core.rules.water.coarse import COARSE_L, ROUGH_L, scale_of
from cloud_ingest.core.rules.water.hours import HOUR_S, LONGEST_S


def blind_spot(resolution_l: Decimal, interval_s: int) -> str:
    """Say in one sentence what a register cannot show.

    Args:
        resolution_l: One step of the register.
        interval_s: How far apart its readings are.
    """
    step = f"{resolution_l.normalize():f} L"
    if interval_s > LONGEST_S:
        return (
            f"This register is read every {interval_s / HOUR_S:.0f} h: "
            "no hour of use is known, so that no leak can be told from use."
        )
    if resolution_l < COARSE_L:
        return (
            f"This register moves in steps of {step}: "
            "a leak that leaves two dry hours in a row passes for use."
        )
    rates = scale_of(resolution_l).rates
    slow, next_one = (each.steps_per_h * float(resolution_l) for each in rates[:2])
    days = ("two days", "a day") if resolution_l < ROUGH_L else ("three days", "two days")
    return (
        f"This register moves in steps of {step}: a leak below {slow:.0f} L/h passes for use, "
        f"one of {slow:.0f} L/h takes about {days[0]} to show and one of {next_one:.0f} L/h "
        f"about {days[1]}."
    )
