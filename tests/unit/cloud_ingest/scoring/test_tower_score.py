# SPDX-License-Identifier: MIT
"""The score of the tower rules: simulated towers, and what is counted of them."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from cloud_ingest.scoring.crossed_score import crossed_score
from cloud_ingest.scoring.tower_curves import LEAST_WEEKS, curve_of
from cloud_ingest.scoring.tower_kinds import FAULTS, SETTINGS, Kind, Metering, drawn
from cloud_ingest.scoring.tower_score import CHECKS, Trial, raised_on, score, trial
from cloud_ingest.scoring.tower_sim import FIRST, Fault, Setting, simulated
from tests.support.households import households

SMALL = Setting(flats=12, days=130, unmetered_sd_l=20.0, outage_a_day=1 / 100, changes=1)
STOPPED = Kind("stopped", SMALL, Fault("share", 1.0, day=70))
HOUR_S = 3600


def test_a_trial_is_the_same_again() -> None:
    curves, sound = households(6), Kind("sound", replace(SMALL, flats=6, days=66))
    assert trial(curves, sound, "1") == trial(curves, sound, "1")


def test_a_trial_tells_when_its_meter_was_named() -> None:
    found = trial(households(12), STOPPED, "2")
    assert found.raised
    assert found.named is not None
    assert (found.accused, found.meters, found.days) == (0, 12, len(CHECKS))


def test_a_simulated_tower_loses_what_leaks() -> None:
    quiet = Setting(flats=6, days=140, unmetered_sd_l=0, gain_sd=0, outage_a_day=0, changes=0)
    tower = simulated(households(6), Fault("leak", 25.0, 100), Random(1), quiet)
    lost = [
        (given or 0.0) - sum(own[day] or 0.0 for own in tower.days.meters.values())
        for day, given in enumerate(tower.days.bulk)
    ]
    assert abs(sum(lost[:100])) < 300
    assert abs(sum(lost[101:]) - 39 * 600) < 300


def test_a_fault_begins_at_any_hour_of_its_day() -> None:
    quiet = Setting(flats=6, days=140, unmetered_sd_l=0, gain_sd=0, outage_a_day=0, changes=0)
    day = FIRST + timedelta(days=100)
    lost = []
    for seed in range(20):
        hours = simulated(households(6), Fault("leak", 500.0, 100), Random(seed), quiet).hours
        lost.append(sum(hours.bulk[day]) - sum(sum(own[day]) for own in hours.meters.values()))
    assert min(lost) < 3000
    assert max(lost) > 9000


def test_rates_and_shares_are_of_what_was_looked_at() -> None:
    trials = [
        Trial("sound", True, 0.0, (70,), None, 0, 500, 60),
        Trial("sound", True, 0.0, (), None, 1, 500, 60),
        Trial("stopped", False, 200.0, (3, 9), 5, 0, 30, 60),
        Trial("stopped", False, 300.0, (), None, 2, 30, 60),
    ]
    whole = score(trials)
    (sound,) = whole.invented
    assert (sound.alarms, sound.days) == (1, 1000)
    assert sound.alarms_per_1000_days.measured == pytest.approx(1.0)
    assert sound.accused.per_1000_months.measured == pytest.approx(1000 * 30.4 / 60_000)
    assert whole.beside_faults is not None
    assert whole.beside_faults.per_1000_months.measured == pytest.approx(2000 * 30.4 / 3600)
    (found,) = whole.found
    assert (found.fault, found.towers) == ("stopped", 2)
    assert found.accused.count == 2
    assert found.raised[7].measured == 0.5
    assert found.named[60].measured == 0.5


def test_a_loss_that_shows_again_within_72_hours_is_one() -> None:
    shows = {day: day in (3, 4, 8, 20, 25) for day in range(30)}
    assert raised_on(shows) == (3, 20, 25)


def test_in_a_common_holiday_nearly_nothing_is_used() -> None:
    setting = Setting(flats=40, days=120, changes=0, leave_together=0.9)
    given = [own or 0.0 for own in simulated(households(40), Fault(), Random(1), setting).days.bulk]
    quiet = [day for day, own in enumerate(given) if own < 0.3 * max(given)]
    assert quiet == list(range(quiet[0], quiet[0] + 7))


def test_a_part_of_the_towers_has_some_of_each_kind() -> None:
    every = drawn(SETTINGS[Metering.FINE], towers=20, sound=40)
    assert Counter(kind.is_sound for kind, _ in every) == {True: 40 + 4 * 10, False: 6 * 20}
    half = Counter(kind.name for kind, _ in every[: len(every) // 2])
    assert half["sound"] == pytest.approx(20, abs=1)
    assert {half[name] for name in FAULTS} <= {9, 10, 11}


def test_fine_towers_are_read_on_the_hour() -> None:
    setting = replace(SETTINGS[Metering.FINE], days=30, gain_sd=0.0, unmetered_sd_l=0.0, changes=0)
    hours = simulated(households(60), Fault(), Random(1), setting).hours
    (day, *_) = (day for day in hours.bulk if all(day in own for own in hours.meters.values()))
    behind = [sum(hour) for hour in zip(*(own[day] for own in hours.meters.values()), strict=True)]
    given = hours.bulk[day]
    assert all(abs(own - all_own) <= 70 for own, all_own in zip(given, behind, strict=True))


def test_an_exchanged_pair_is_found_in_simulated_towers() -> None:
    found = crossed_score(towers=2, weeks=8, seed=1)
    assert found.false_hints == 0
    assert found.found.measured == 1


def test_a_curve_has_the_hours_of_its_registers() -> None:
    weeks = LEAST_WEEKS + 1
    readings = [(n * HOUR_S + 600, n * 5000) for n in range(weeks * 168 + 2)]
    curve = curve_of(readings)
    assert len(curve) == weeks * 168
    assert all(each == pytest.approx(5.0) for each in curve)


def test_a_week_with_a_gap_is_another_one_again() -> None:
    readings = [(n * HOUR_S, n * 5000) for n in range((LEAST_WEEKS + 2) * 168 + 1)]
    curve = curve_of([each for each in readings if not 1000 <= each[0] // HOUR_S < 1050])
    assert len(curve) == (LEAST_WEEKS + 2) * 168
    assert all(each == pytest.approx(5.0) for each in curve)


@pytest.mark.parametrize("readings", [[], [(0, 0), (HOUR_S, 5000)]])
def test_a_short_register_gives_no_curve(readings: list[tuple[int, int]]) -> None:
    assert not curve_of(readings)


def test_a_register_that_leaps_is_not_a_curve() -> None:
    weeks = LEAST_WEEKS + 2
    readings = [(n * HOUR_S, n * 5000 + 40_000_000 * (n > 500)) for n in range(weeks * 168 + 1)]
    curve = curve_of(readings)
    assert len(curve) == weeks * 168
    assert max(curve) == pytest.approx(5.0)
