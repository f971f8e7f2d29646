# SPDX-License-Identifier: MIT
"""A flat that has water from six to nine and stores it in a tank."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.water.supply import Supply
from tests.support.water_registers import Readings

HOUR = 3600
DAY = 24 * HOUR
START_S = 1_699_986_600  # a midnight in Kolkata
ZONE = ZoneInfo("Asia/Kolkata")
MORNING = Supply(frozenset({6, 7, 8}))


def morning(first: float, second: float, third: float) -> list[float]:
    """Litres of a day by the hour, supplied from six to nine."""
    return [*[0.0] * 6, first, second, third, *[0.0] * 15]


def days_of(count: int, *, full_by: int = 2, seed: int = 1) -> list[float]:
    """Days on which the tank is full after so many hours, as good as always."""
    rng = Random(seed)
    litres: list[float] = []
    for _ in range(count):
        filling = [
            rng.uniform(60, 100) if hour < full_by else rng.choice([0, 0, 0, 6])
            for hour in range(3)
        ]
        litres += morning(filling[0], filling[1], filling[2])
    return litres


def read(litres: Sequence[float]) -> Readings:
    volumes = accumulate(litres, initial=0.0)
    return [(START_S + hour * HOUR, int(volume)) for hour, volume in enumerate(volumes)]
