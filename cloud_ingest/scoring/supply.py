# SPDX-License-Identifier: MIT
"""Intermittent supply laid over real use: a tank that fills in a few hours a day.

A crude model. The flat uses what its register shows, evenly between two readings. It draws from a
tank of its own; the meter stands before the tank and passes water only while there is supply, at
the inlet's rate until the tank is full. Pressure differs from day to day. An empty tank gives
nothing. A leak before the tank flows while there is supply, beside what the inlet passes; one
behind it drains the tank all day long.

In: readings in millilitres, a seeded generator. Out: readings of the meter before the tank. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.scoring.known import Reading
from cloud_ingest.scoring.leaks import HOUR_S

LEAKS_L_PER_H: Final = (5, 10, 25, 100)
PRESSURE_SD: Final = 0.1
"""How much the inlet's rate differs from day to day."""


@dataclass(frozen=True, slots=True)
class Inlet:
    """How a flat is supplied."""

    hours: frozenset[int]
    """The hours of the day with supply."""
    fill_l_per_h: float
    zone: ZoneInfo
    tank_l: float = 500.0


class Pressure:
    """What the inlet passes from moment to moment."""

    def __init__(self, inlet: Inlet, rng: Random) -> None:
        self._inlet = inlet
        self._seed = rng.random()
        self._day, self._factor = 0, 1.0

    def pieces(self, start_s: int, end_s: int) -> Iterator[tuple[int, int, float]]:
        """Cut a stretch at the hours; yield (start, end, millilitres a second)."""
        while start_s < end_s:
            local = datetime.fromtimestamp(start_s, self._inlet.zone)
            until_s = min(end_s, start_s + HOUR_S - local.minute * 60 - local.second)
            supply = local.hour in self._inlet.hours
            factor = self._factor_of(local.toordinal()) if supply else 0.0
            yield start_s, until_s, factor * self._inlet.fill_l_per_h * 1000 / HOUR_S
            start_s = until_s

    def _factor_of(self, day: int) -> float:
        if day != self._day:
            drawn = Random(f"{self._seed} {day}").gauss(1, PRESSURE_SD)  # noqa: S311  a draw
            self._day, self._factor = day, max(0.1, drawn)
        return self._factor


@dataclass(frozen=True, slots=True)
class SuppliedLeak:
    """A leak of a flat with intermittent supply."""

    start_s: int
    l_per_h: float
    behind_tank: bool = False

    def ml(self, since_s: int, until_s: int) -> float:
        """Return what it would lose between two moments if water stood at it."""
        return self.l_per_h * 1000 * max(0, until_s - max(since_s, self.start_s)) / HOUR_S


def supplied(
    readings: Sequence[Reading], inlet: Inlet, rng: Random, leak: SuppliedLeak | None = None
) -> list[Reading]:
    """Return what the meter before the tank would have shown."""
    if not readings:
        return []
    pressure = Pressure(inlet, rng)
    capacity_ml = level_ml = inlet.tank_l * 1000
    passed_ml = 0.0
    shown = [(readings[0][0], 0)]
    for (start_s, opening), (end_s, closing) in pairwise(readings):
        used_ml_per_s = max(0, closing - opening) / (end_s - start_s)
        for since_s, until_s, ml_per_s in pressure.pieces(start_s, end_s):
            leaked = leak.ml(since_s, until_s) if leak else 0.0
            level_ml -= used_ml_per_s * (until_s - since_s)
            if leak and leak.behind_tank:
                level_ml -= leaked
            level_ml = max(0.0, level_ml)
            if ml_per_s:
                filled = min(ml_per_s * (until_s - since_s), capacity_ml - level_ml)
                level_ml += filled
                passed_ml += filled + (leaked if leak and not leak.behind_tank else 0.0)
        shown.append((end_s, int(passed_ml)))
    return shown
