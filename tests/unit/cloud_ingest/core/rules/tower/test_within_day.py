# SPDX-License-Identifier: MIT
"""The hours of a day: what they say of a meter that a share of the water goes around."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from cloud_ingest.core.rules.tower.hour_noise import Day
from cloud_ingest.core.rules.tower.within_day import (
    LEAST_DAYS,
    NO_PATTERNS,
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
        for name, own in patterns.shares.items()
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


def stopped(name: str, since: date = SINCE) -> TowerHours:
    """A tower whose flats have a habit each, and of which one is not counted any more."""
    rng = Random(2)
    bulk: dict[date, list[float]] = {}
    meters: dict[str, dict[date, list[float]]] = {str(n): {} for n in range(10)}
    for number in range(35):
        day = FIRST + timedelta(days=number)
        bulk[day] = [rng.gauss(0, 5) for _ in range(24)]
        for flat, own in meters.items():
            uses = [0.0] * 24
            for hour in (6 + int(flat), 20):
                uses[hour] = rng.choice((20.0, 40.0, 60.0))
            bulk[day] = [g + u for g, u in zip(bulk[day], uses, strict=True)]
            own[day] = [0.0] * 24 if flat == name and day >= since else uses
    return TowerHours(bulk, meters, resolution=1.0)


def test_the_hours_of_its_flat_speak_for_a_stopped_meter() -> None:
    patterns = patterns_of(stopped("4"), SINCE)
    own = sum(patterns.stops["4"].values())
    assert own > 10
    assert own > sum(patterns.outlet.values()) + 5


def test_a_constant_loss_speaks_against_a_stopped_meter() -> None:
    hours = stopped("4")
    away = {
        day: [
            given - use + 3.0 * (day >= SINCE)
            for given, use in zip(own, lost_of(hours, day), strict=True)
        ]
        for day, own in hours.bulk.items()
    }
    patterns = patterns_of(replace(hours, bulk=away), SINCE)
    assert sum(patterns.stops["4"].values()) < -5


def lost_of(hours: TowerHours, day: date) -> Day:
    """What a flat's meter did not count of what it used, but for the noise."""
    if day < SINCE:
        return [0.0] * 24
    counted = [sum(hour) for hour in zip(*(own[day] for own in hours.meters.values()), strict=True)]
    return [round(given - own, -1) for given, own in zip(hours.bulk[day], counted, strict=True)]


def test_the_day_of_the_last_count_counts_in_part() -> None:
    hours = stopped("4")
    meters = {**hours.meters, "4": {**hours.meters["4"], SINCE: [0.0] * 10 + [20.0] + [0.0] * 13}}
    day, later = patterns_of(replace(hours, meters=meters), SINCE).onsets["4"]
    assert day == SINCE
    assert 0.3 < later < 0.7


def test_a_day_on_which_one_meter_lacks_still_speaks() -> None:
    hours = tower(35, around="3")
    gone = {day: own for day, own in hours.meters["3"].items() if day != SINCE}
    patterns = patterns_of(replace(hours, meters={**hours.meters, "3": gone}), SINCE)
    assert SINCE in patterns.shares["4"]
    assert SINCE not in patterns.shares["3"]


def test_a_day_on_which_many_meters_lack_is_left_out() -> None:
    hours = tower(35, around="3")
    gone = {
        name: {day: uses for day, uses in own.items() if day != SINCE or name > "1"}
        for name, own in hours.meters.items()
    }
    assert SINCE not in patterns_of(replace(hours, meters=gone), SINCE).outlet


def test_one_day_that_scatters_wildly_decides_nothing() -> None:
    hours = tower(35)
    hose = [5000.0 * (uses > 20) for uses in hours.meters["3"][SINCE]]
    wild = [given + more for given, more in zip(hours.bulk[SINCE], hose, strict=True)]
    patterns = patterns_of(replace(hours, bulk={**hours.bulk, SINCE: wild}), SINCE)
    assert evidence(patterns)["3"] < 5


def test_too_few_days_say_nothing() -> None:
    assert patterns_of(tower(28 + LEAST_DAYS - 1), SINCE) == NO_PATTERNS
    assert patterns_of(tower(35), FIRST + timedelta(days=5)) == NO_PATTERNS
