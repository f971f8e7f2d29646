# SPDX-License-Identifier: MIT
"""Flats that were never built: what their people use, hour by hour, drawn from a seed."""

from random import Random

HOUR_S = 3600
START_S = 1_456_790_400
"""2016-03-01 00:00 UTC."""
LITRES = (2, 2, 3, 6, 6, 9, 45, 60)
"""What one use takes: taps, cisterns, a shower, a washing machine."""
MOST_USES = 8
USES_BY_HOUR = (
    *(0.3, 0.12, 0.08, 0.06, 0.08, 0.3),
    *(1.2, 2.4, 2.2, 1.4, 1.0, 1.0),
    *(1.4, 1.6, 1.2, 0.9, 0.8, 1.0),
    *(1.4, 1.9, 2.2, 1.8, 1.3, 0.7),
)


def flat(seed: int, days: int) -> list[tuple[int, int]]:
    """Return the readings of a flat: (seconds, millilitres), about every hour."""
    rng = Random(seed)
    people, ml = rng.uniform(0.4, 1.3), rng.randrange(10**8)
    away = {day for start in (rng.randrange(days),) for day in range(start, start + 3)}
    readings = []
    for hour in range(24 * days):
        readings.append((START_S + hour * HOUR_S + rng.randrange(-20, 20), ml))
        if hour // 24 not in away:
            likely = USES_BY_HOUR[hour % 24] * people / MOST_USES
            uses = sum(rng.random() < likely for _ in range(MOST_USES))
            ml += sum(rng.choice(LITRES) * 1000 for _ in range(uses))
    return readings
