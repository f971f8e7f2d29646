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
    """The numbers behind an operating point: hours, litres, and evidence in nats."""

    steady_h: float
    """A run that a steady flow explains has lasted so long, "no dry hour since then"."""
    steady_known_h: float
    steady_nats: float
    uneven_nats: float
    """The same for a flow that varies by half, as of a cistern that fills again and again."""
    slow_h: float
    """So long for a flow of which less than 3.5 L/h is sure."""
    slow_known_h: float
    slow_sure_nats: float
    """With so much evidence a slow flow is told as soon as a stronger one."""
    refill_h: float
    """So long no two dry hours in a row: a slow refill."""
    refill_known_h: float
    refill_nats: float
    burst_h: float
    burst_known_h: float
    burst_nats: float
    """So rare must its hours be for the flat: a big family's evening is none."""
    run_on_litres: float
    """The sum over a day of what hours show above 90 L, each cut at 200 L."""
    run_on_nats: float


CAREFUL = Thresholds(
    steady_h=22,
    steady_known_h=18,
    steady_nats=10,
    uneven_nats=8,
    slow_h=44,
    slow_known_h=35,
    slow_sure_nats=26,
    refill_h=44,
    refill_known_h=36,
    refill_nats=14,
    burst_h=3.9,
    burst_known_h=3.7,
    burst_nats=10,
    run_on_litres=360,
    run_on_nats=10,
)
EARLY = Thresholds(
    steady_h=20,
    steady_known_h=16.5,
    steady_nats=9,
    uneven_nats=7,
    slow_h=36,
    slow_known_h=29,
    slow_sure_nats=20,
    refill_h=36,
    refill_known_h=29,
    refill_nats=12,
    burst_h=3.5,
    burst_known_h=2.9,
    burst_nats=9,
    run_on_litres=330,
    run_on_nats=10,
)
THRESHOLDS = {Point.CAREFUL: CAREFUL, Point.EARLY: EARLY}
