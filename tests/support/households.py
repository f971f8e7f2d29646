# SPDX-License-Identifier: MIT
"""Hourly curves of households for simulated towers: seeded, and quick to make."""

from random import Random

from cloud_ingest.scoring.tower_sim import DAY_H, Curve

WEEKS = 26
HOURS = (6, 7, 7, 8, 9, 12, 13, 18, 19, 20, 20, 21, 22)
"""When water is drawn; some hours more often than others."""


def household(rng: Random) -> Curve:
    """Return what one household draws: a few times a day, and nothing on holiday."""
    draws, litres = rng.randrange(4, 9), rng.uniform(15, 50)
    curve = [0.0] * (WEEKS * 7 * DAY_H)
    away_until = 0
    for day in range(WEEKS * 7):
        if rng.random() < 1 / 60:
            away_until = day + rng.randrange(2, 9)
        if day < away_until:
            continue
        for _ in range(rng.randrange(draws // 2, draws + 3)):
            hour = day * DAY_H + min(23, max(0, rng.choice(HOURS) + rng.randrange(-1, 2)))
            curve[hour] += rng.expovariate(1 / litres)
    return curve


def households(count: int, seed: int = 1) -> list[Curve]:
    """Return the curves of some households."""
    rng = Random(seed)
    return [household(rng) for _ in range(count)]
