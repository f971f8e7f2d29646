# SPDX-License-Identifier: MIT
"""Simulated days of flats: what electricity rules are scored on.

No public trial of flats comes with daily registers and with who was away when. So these are made
up, from a seed: a base load, weekends, seasons with an air conditioner, guests, days away with the
refrigerator on, and holidays with the main switch off.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from cloud_ingest.core.rules.electricity import LoadDay

FIRST = date(2026, 1, 1)
STEP_KWH = Decimal("0.01")


@dataclass(frozen=True)
class Flat:
    """One flat: how much it takes, and how its people live."""

    base_kwh: float
    cooling_kwh: float
    weekend: float
    noise: float
    trips_a_year: float
    switches_off: bool
    """Its people switch the mains off when they leave."""
    guests_a_year: float


def a_flat(chance: Random) -> Flat:
    """Make a flat up."""
    return Flat(
        base_kwh=math.exp(chance.gauss(math.log(6.0), 0.5)),
        cooling_kwh=chance.choice([0.0, 0.0, chance.uniform(2, 12)]),
        weekend=chance.uniform(0.9, 1.4),
        noise=chance.uniform(0.1, 0.35),
        trips_a_year=chance.uniform(0, 8),
        switches_off=chance.random() < 0.15,
        guests_a_year=chance.uniform(0, 6),
    )


def uses_of(flat: Flat, chance: Random, count: int) -> list[float]:
    """Return what a flat takes on each of so many days."""
    away = _stretches(chance, flat.trips_a_year, count, 1, 14)
    guests = _stretches(chance, flat.guests_a_year, count, 1, 5)
    uses = []
    for number in range(count):
        day = FIRST + timedelta(days=number)
        season = max(0.0, math.sin((day.timetuple().tm_yday - 60) / 365 * 2 * math.pi))
        warmth = max(0.0, season + chance.gauss(0, 0.25))
        use = flat.base_kwh + flat.cooling_kwh * warmth
        use *= flat.weekend if day.weekday() >= 5 else 1.0
        use *= math.exp(chance.gauss(0, flat.noise))
        use *= chance.uniform(1.2, 1.7) if number in guests else 1.0
        if number in away:
            use = 0.0 if flat.switches_off else chance.uniform(0.6, 1.4)
        uses.append(use)
    return uses


def load_days(uses: list[float]) -> list[LoadDay]:
    """Return days as a register with steps of 0.01 kWh tells them."""
    total, before, found = 0.0, Decimal(0), []
    for number, use in enumerate(uses):
        total += use
        register = Decimal(int(total * 100)).scaleb(-2)
        found.append(LoadDay(FIRST + timedelta(days=number), register - before))
        before = register
    return found


def _stretches(chance: Random, a_year: float, count: int, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for number in range(count):
        if chance.random() < a_year / 365:
            found.update(range(number, number + chance.randint(least, most)))
    return found
