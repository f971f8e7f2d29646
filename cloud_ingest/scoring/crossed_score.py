# SPDX-License-Identifier: MIT
"""The score of the hint of crossed meters, on simulated towers.

Each flat has people who sleep, go to work, stay at home on some days and travel on others. While
they are at home and awake they draw water and use electricity, each at times of its own. Besides
there is what needs nobody: a refrigerator, a water heater with a clock.

In: the number of towers and of weeks, a seed. Out: a `CrossedScore`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from cloud_ingest.core.rules.crossed import crossed_hints
from cloud_ingest.scoring.confidence import Interval, rate, share

FLATS: Final = 60
DAY_H: Final = 24
WEEKS_A_MONTH: Final = 30.4 / 7


@dataclass(frozen=True, slots=True)
class CrossedScore:
    """What was found of towers with one exchanged pair, and what was invented in sound ones."""

    weeks: int
    towers: int
    found: Interval
    false_hints: int
    flat_months: float
    false_per_1000_flat_months: Interval


def crossed_score(towers: int, weeks: int, seed: int) -> CrossedScore:
    """Simulate towers, half of them with one pair exchanged, and look for it."""
    found = false = crossed = 0
    for number in range(towers):
        rng = Random(f"{seed} {number}")  # noqa: S311
        flats = [dwelling(rng, weeks * 7) for _ in range(FLATS)]
        water = {str(n): own for n, (own, _) in enumerate(flats)}
        electricity = {str(n): own for n, (_, own) in enumerate(flats)}
        is_crossed = number % 2 == 1
        if is_crossed:
            crossed += 1
            water["0"], water["1"] = water["1"], water["0"]
        hints = {(hint.first, hint.second) for hint in crossed_hints(water, electricity)}
        found += is_crossed and ("0", "1") in hints
        false += len(hints - {("0", "1")} if is_crossed else hints)
    months = towers * FLATS * weeks / WEEKS_A_MONTH
    return CrossedScore(
        weeks, towers, share(found, crossed), false, months, rate(false, months / 1000)
    )


def dwelling(rng: Random, days: int) -> tuple[Sequence[Sequence[float]], Sequence[Sequence[float]]]:
    """Return the water in litres and the electricity in watt hours of a flat's hours, by day."""
    leaves, returns = rng.randrange(7, 11), rng.randrange(16, 21)
    rises, sleeps = rng.randrange(5, 8), rng.randrange(21, 24)
    stays = rng.choice((0.1, 0.3, 0.6, 0.95))
    draws, litres = rng.uniform(0.3, 0.8), rng.uniform(5, 30)
    base, load = rng.uniform(30, 120), rng.uniform(100, 500)
    heats_at = rng.randrange(DAY_H) if rng.random() < 1 / 3 else None
    away_until = 0
    water, electricity = [], []
    for day in range(days):
        if rng.random() < 1 / 60:
            away_until = day + rng.randrange(1, 9)
        at_home = day % 7 >= 5 or rng.random() < stays
        out = rng.sample(range(DAY_H), rng.randrange(0, 5))
        drawn, taken = [], []
        for hour in range(DAY_H):
            awake = rises <= hour < sleeps and hour not in out and day >= away_until
            present = awake and (at_home or not leaves <= hour < returns)
            drawn.append(rng.expovariate(1 / litres) if present and rng.random() < draws else 0.0)
            used = base * rng.uniform(0.7, 1.3) + (load * rng.expovariate(1.0) if present else 0.0)
            taken.append(used + (1500.0 if hour == heats_at and day >= away_until else 0.0))
        water.append(drawn)
        electricity.append(taken)
    return water, electricity
