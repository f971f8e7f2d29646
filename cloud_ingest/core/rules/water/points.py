# SPDX-License-Identifier: MIT
"""The operating points of the water rules: how much evidence an alarm asks for. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Point(StrEnum):
    """Fewer alarms, or earlier ones."""

    CAREFUL = "careful"
    EARLY = "early"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The numbers behind an operating point."""

    plain_h: float
    """The makers' rule: so many known hours of at least `plain_l`, none missing."""
    plain_l: float
    burst_h: float
    burst_l: float
    refill_h: float
    """So many known hours without two dry ones in a row."""
    run_on_l: float
    """The sum over a day of what hours show above 90 L, each cut at 200 L."""


THRESHOLDS = {
    Point.CAREFUL: Thresholds(
        plain_h=24, plain_l=3.8, burst_h=4, burst_l=85, refill_h=60, run_on_l=360
    ),
    Point.EARLY: Thresholds(
        plain_h=20, plain_l=3.8, burst_h=4, burst_l=85, refill_h=48, run_on_l=330
    ),
}
