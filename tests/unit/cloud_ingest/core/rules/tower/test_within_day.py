# SPDX-License-Identifier: MIT
"""The hours of a day: what they say of a meter that a share of the water goes around."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from cloud_ingest.core.rules.tower.within_day import (
    LEAST_DAYS,
    NO_PATTERNS,
    Day,
    Patterns,
    TowerHours,
    patterns_of,
)

FIRST = date(2024, 1, 1)
SINCE = FIRST + timedelta(days=28)


def tower(days: int, *, around: str | None = None) -> TowerHours:
    """Ten flats of which one, from a day on, takes as much around its meter as through it."""
    rng = Random(1)
    bulk: dict[date, list[float]] = {}
    meters: dict[str, dict[date, list[float]]] = {str(n): {} for n in range(10)}
    for number in range(days):
        day = FIRST + timedelta(days=number)
        bulk[day] = [rng.gauss(0, 5) for _ in range(24)]
        for name, own in meters.items():
            own[day] = [rng.choice((0.0, 0.0, 10.0, 30.0)) for _ in range(24)]
            twice = 2 if name == around and day >= SINCE else 1
            bulk[day] = [g + twice * u for g, u in zip(bulk[day], own[day], strict=True)]
    return TowerHours(bulk, meters, resolution=1.0)


def evidence(patterns: Patterns) -> dict[str, float]:
    """Return for each meter the logarithm of the likelihood ratio that half goes around it."""
    return {
        name: sum(along - sharp / 2 for along, sharp in own.values())
        for name, own in patterns.items()
    }


def test_the_hours_point_at_the_meter_that_is_passed() -> None:
    found = evidence(patterns_of(tower(35, around="3"), SINCE))
    assert max(found, key=lambda name: found[name]) == "3"
    assert found["3"] > 10


def test_a_sound_tower_points_at_nobody() -> None:
    assert max(evidence(patterns_of(tower(35), SINCE)).values()) < 0


def test_a_habit_of_every_day_accuses_nobody() -> None:
    hours = tower(35)

    def with_shower(own: Mapping[date, Day]) -> dict[date, Day]:
        return {
            day: [use + 40.0 * (n == 7) * (day >= SINCE) for n, use in enumerate(uses)]
            for day, uses in own.items()
        }

    lost = TowerHours(with_shower(hours.bulk), hours.meters, 1.0)
    showered = TowerHours(
        with_shower(lost.bulk), {**hours.meters, "3": with_shower(hours.meters["3"])}, 1.0
    )
    assert evidence(patterns_of(showered, SINCE))["3"] < 0


def test_a_day_that_lacks_an_hour_is_left_out() -> None:
    hours = tower(35, around="3")
    gone = {day: own for day, own in hours.meters["3"].items() if day != SINCE}
    lacking = TowerHours(hours.bulk, {**hours.meters, "3": gone}, 1.0)
    assert SINCE not in patterns_of(lacking, SINCE)["4"]


def test_too_few_days_say_nothing() -> None:
    assert patterns_of(tower(28 + LEAST_DAYS - 1), SINCE) == NO_PATTERNS
    assert patterns_of(tower(35), FIRST + timedelta(days=5)) == NO_PATTERNS
