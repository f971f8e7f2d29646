# SPDX-License-Identifier: GPL-2.0-only
"""Loads: the same everywhere, near their targets, and shaped like the lives behind them."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from edge_agent.virtual.household import DEFAULT_MONTHLY, Kind, day_weights, festival, outages
from edge_agent.virtual.loads import HouseholdLoad, Leak, LeakingLoad, Load, SumLoad, used_until
from tests.unit.edge_agent.virtual.steady import IST

_DAYS = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]


def _quarters(load: Load, day: date) -> list[int]:
    return [after - before for before, after in pairwise(load.day(day))]


def _hours(load: Load, day: date) -> list[int]:
    quarters = _quarters(load, day)
    return [sum(quarters[at : at + 4]) for at in range(0, 96, 4)]


def _month(load: Load, year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return load.day(following)[0] - load.day(date(year, month, 1))[0]


def fingerprint() -> str:
    digest = hashlib.sha256()
    for kind in Kind:
        load = HouseholdLoad(kind, "a101", IST)
        for day in (date(2026, 2, 28), date(2024, 2, 29), date(2026, 11, 8)):
            digest.update(repr(list(load.day(day))).encode())
    return digest.hexdigest()[:16]


def test_the_same_in_every_process() -> None:
    code = (
        "from tests.unit.edge_agent.virtual.test_household import fingerprint; print(fingerprint())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    # The literal holds it over Python versions and over changes that were not meant.
    assert fingerprint() == there.stdout.strip() == "fc770294955df8d8"


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("seed", ["a", "b-2"])
def test_months_meet_their_target(kind: Kind, seed: str) -> None:
    target = DEFAULT_MONTHLY[kind]
    load = HouseholdLoad(kind, seed, IST, monthly=target)
    for month in range(1, 13):
        assert abs(_month(load, 2026, month) - target) * 100 <= target * 2


@pytest.mark.parametrize("kind", Kind)
def test_days_join_without_a_gap(kind: Kind) -> None:
    load = HouseholdLoad(kind, "x", IST)
    for day in _DAYS[:70]:
        bounds = load.day(day)
        assert len(bounds) == 97
        assert bounds[-1] == load.day(day + timedelta(days=1))[0]
        assert list(bounds) == sorted(bounds)
    # A day alone is what it is in company.
    assert HouseholdLoad(kind, "x", IST).day(_DAYS[40]) == load.day(_DAYS[40])


def test_seeds_differ() -> None:
    one, two = (HouseholdLoad(Kind.FLAT, seed, IST, monthly=300_000) for seed in "ab")
    assert _quarters(one, _DAYS[3]) != _quarters(two, _DAYS[3])


def _sum(hours: Sequence[int], *wanted: int) -> int:
    return sum(hours[hour] for hour in wanted)


def test_a_flat_lives() -> None:
    load = HouseholdLoad(Kind.FLAT, "flat", IST, monthly=312_000)
    night = evening = noon = weekend_noon = 0
    for day in _DAYS:
        hours = _hours(load, day)
        assert min(hours) > 0  # the refrigerator
        night += _sum(hours, 2, 3, 4)
        evening += _sum(hours, 19, 20, 21)
        if day.weekday() >= 5:
            weekend_noon += _sum(hours, 11, 12, 13) * 5
        else:
            noon += _sum(hours, 11, 12, 13) * 2
    assert evening > 1.7 * night
    assert weekend_noon > 1.15 * noon


def test_seasons_and_festivals() -> None:
    load = HouseholdLoad(Kind.FLAT, "season", IST)
    assert _month(load, 2026, 5) > 1.2 * _month(load, 2026, 2)
    assert festival(date(2026, 11, 8)) == (145, 115)
    assert festival(date(2026, 3, 4)) == (110, 165)
    assert festival(date(2026, 9, 20)) == (116, 108)
    assert festival(date(2026, 6, 1)) == (100, 100)


@pytest.mark.parametrize("seed", ["w1", "w2", "w3"])
def test_healthy_water_is_dry_at_night(seed: str) -> None:
    load = HouseholdLoad(Kind.WATER, seed, IST)
    for day in _DAYS:
        hours = _hours(load, day)
        assert sum(1 for litres in hours[:5] if litres == 0) >= 3
        assert sum(hours[6:10]) > 0
    peak = sum(_sum(_hours(load, day), 6, 7, 8) for day in _DAYS[:60])
    noon = sum(_sum(_hours(load, day), 14, 15, 16) for day in _DAYS[:60])
    assert peak > 1.5 * noon


@pytest.mark.parametrize("litres", [1, 2, 9, 40])
def test_a_leak_has_no_dry_hour(litres: int) -> None:
    since = datetime(2026, 5, 10, 13, 20, tzinfo=IST)
    healthy = HouseholdLoad(Kind.WATER, "leak", IST)
    load = LeakingLoad(healthy, Leak(litres, since))
    assert load.day(date(2026, 5, 9)) == healthy.day(date(2026, 5, 9))
    extra = [a - b for a, b in zip(load.day(since.date()), healthy.day(since.date()), strict=True)]
    assert extra[53] == 0  # 13:15
    assert extra[96] > 0
    for number in range(1, 40):
        day = since.date() + timedelta(days=number)
        assert min(_hours(load, day)) >= 1
        leaked = load.day(day)[-1] - load.day(day)[0] - healthy.day(day)[-1] + healthy.day(day)[0]
        assert abs(leaked - 24 * litres) <= 1


def test_the_generator_runs_in_outages() -> None:
    load = HouseholdLoad(Kind.GENERATOR, "dg", IST)
    silent = 0
    for day in _DAYS:
        cuts = outages(day.replace(day=1)).get(day, [])
        running = {slot for start, end in cuts for slot in range(start, end)}
        for slot, wh in enumerate(_quarters(load, day)):
            assert (wh > 0) == (slot in running)
        silent += not running
    assert silent > 280


def test_pumps_rest_and_lights_follow_the_sun() -> None:
    pump = HouseholdLoad(Kind.PUMP, "p", IST)
    lights = HouseholdLoad(Kind.LIGHTING, "l", IST)
    for day in _DAYS[::30]:
        assert sum(1 for wh in _quarters(pump, day) if wh == 0) > 60
        hours = _hours(lights, day)
        assert hours[21] > 3 * hours[12] > 0


@pytest.mark.parametrize("loss", [0, 4])
def test_a_bulk_meter_is_the_sum_of_its_members(loss: int) -> None:
    members = [HouseholdLoad(Kind.FLAT, str(number), IST) for number in range(5)]
    bulk = SumLoad(members, IST, loss_percent=loss)
    for day in _DAYS[:5]:
        for slot in (0, 17, 96):
            whole = sum(member.day(day)[slot] for member in members)
            assert bulk.day(day)[slot] == whole * (100 + loss) // 100


def test_between_the_quarters() -> None:
    load = HouseholdLoad(Kind.FLAT, "i", IST)
    start = datetime(2026, 3, 1, 12, tzinfo=IST)
    at = [used_until(load, int(start.timestamp()) + second) for second in range(0, 901, 60)]
    assert at == sorted(at)
    assert (at[0], at[-1]) == tuple(load.day(start.date())[48:50])
    with pytest.raises(ValueError, match="2000"):
        load.day(date(1999, 12, 31))


@pytest.mark.parametrize("kind", Kind)
def test_ninety_six_weights(kind: Kind) -> None:
    for day in _DAYS[::9]:
        weights = day_weights(kind, "w", day)
        assert len(weights) == 96
        assert min(weights) >= 0
