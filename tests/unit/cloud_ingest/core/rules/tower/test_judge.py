# SPDX-License-Identifier: MIT
"""The judgement of simulated towers: what is found, and whom it accuses."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.core.rules.tower.absence import how_often_absent
from cloud_ingest.core.rules.tower.judge import Judgement, judge_tower
from cloud_ingest.core.rules.tower.steps import TowerDays
from cloud_ingest.scoring.tower_score import WINDOW_DAYS, judged
from cloud_ingest.scoring.tower_sim import FIRST, Fault, Setting, SimulatedTower, simulated
from tests.support.households import households

QUIET = Setting(flats=40, days=190, unmetered_sd_l=30.0, outage_a_day=1 / 200)
DAY = 130


@cache
def tower(kind: str, amount: float, setting: Setting = QUIET) -> SimulatedTower:
    fault = Fault(
        "leak" if kind == "leak" else "share" if kind == "share" else "none", amount, DAY, 0
    )
    return simulated(households(setting.flats), fault, Random(7), setting)


def after(tower: SimulatedTower, days: int, *, is_open: bool = False) -> Judgement:
    verdict = judged(tower, DAY - 1 + days, is_open=is_open)
    assert verdict is not None
    return verdict


def test_a_leak_in_the_common_pipe_is_raised_within_days() -> None:
    loss = after(tower("leak", 25.0), 4).loss
    assert loss is not None
    assert abs(loss.since - (FIRST + timedelta(days=DAY))) <= timedelta(days=2)
    assert loss.lower < 600 < loss.upper


def test_a_leak_in_the_common_pipe_accuses_nobody() -> None:
    assert not any(after(tower("leak", 25.0), days).named for days in (4, 10, 30))


def test_a_sound_tower_is_left_alone() -> None:
    sound = tower("none", 0.0)
    verdicts = [after(sound, days) for days in range(-50, 60, 10)]
    assert not any(verdict.loss or verdict.named for verdict in verdicts)


def test_a_stopped_meter_is_named() -> None:
    stopped = tower("share", 1.0)
    (named,) = after(stopped, 7).named
    assert (named.meter, named.kind) == (stopped.flat, "stopped_meter")
    assert named.since == FIRST + timedelta(days=DAY)


def test_a_stopped_meter_that_is_not_read_today_is_named() -> None:
    stopped = tower("share", 1.0, replace(QUIET, flats=60, outage_a_day=0.0))
    assert stopped.flat is not None
    series = list(stopped.days.meters[stopped.flat])
    series[DAY + 7] = None
    meters = {**stopped.days.meters, stopped.flat: series}
    unread = replace(stopped, days=replace(stopped.days, meters=meters))
    assert [each.meter for each in after(unread, 8).named] == [stopped.flat]


def test_a_flat_that_is_often_away_is_suspected_less() -> None:
    at_home = [200.0] * 120
    habit = ([0.0] * 10 + [200.0] * 20) * 4
    assert how_often_absent(habit, 7) > 5 * how_often_absent(at_home, 7)


def test_half_around_a_meter_is_named() -> None:
    bypassed = tower("share", 0.5)
    (named,) = after(bypassed, 45).named
    assert (named.meter, named.kind) == (bypassed.flat, "bypass")
    assert named.lower < 0.5 < named.upper


def test_five_percent_less_is_not_seen() -> None:
    slightly = after(tower("share", 0.05), 30)
    assert slightly.loss is None
    assert not slightly.named
    assert slightly.least_seen_per_day > 0.05 * tower("share", 0.05).use_l_per_day


def test_a_loss_that_has_ended_is_none() -> None:
    whole = tower("leak", 25.0)
    repaired = list(whole.days.bulk)
    for day in range(DAY + 10, len(repaired)):
        repaired[day] = (repaired[day] or 0.0) - 600.0
    ended = replace(whole, days=replace(whole.days, bulk=repaired))
    assert after(ended, 9).loss is not None
    assert after(ended, 24, is_open=True).loss is None


@pytest.mark.parametrize(("litres", "raised"), [(140, [92]), (200, [91, 92])])
def test_a_small_loss_is_raised_one_day_later(litres: int, raised: list[int]) -> None:
    rng = Random(1)
    uses = [[rng.gauss(200, 40) for _ in range(96)] for _ in range(20)]
    bulk = [
        sum(use) + rng.gauss(0, 40) + litres * (day >= 89)
        for day, use in enumerate(zip(*uses, strict=True))
    ]

    def is_raised(days: int) -> bool:
        meters = {str(flat): own[:days] for flat, own in enumerate(uses)}
        verdict = judge_tower(TowerDays(date(2024, 1, 1), bulk[:days], meters, 1.0))
        return verdict is not None and verdict.loss is not None

    assert [days for days in (90, 91, 92) if is_raised(days)] == raised


def with_another_bulk_meter(tower: SimulatedTower, gain: float) -> SimulatedTower:
    """Return a tower whose bulk meter counts otherwise from a day on."""
    bulk = [(own or 0.0) * (gain if n >= DAY else 1.0) for n, own in enumerate(tower.days.bulk)]
    changes = (FIRST + timedelta(days=DAY),)
    return replace(
        tower,
        days=replace(tower.days, bulk=bulk, bulk_changes=changes),
        hours=replace(tower.hours, bulk={}),
    )


def test_another_bulk_meter_is_no_loss() -> None:
    renewed = with_another_bulk_meter(tower("none", 0.0), 1.03)
    verdicts = [after(renewed, days) for days in (2, 4, 7, 14)]
    assert not any(verdict.loss or verdict.named for verdict in verdicts)


@pytest.mark.parametrize("gain", [0.97, 1.03])
def test_a_leak_shows_behind_another_bulk_meter(gain: float) -> None:
    leak = Fault("leak", 25.0, DAY + 5, 0)
    leaking = simulated(households(40), leak, Random(7), QUIET)
    assert after(with_another_bulk_meter(leaking, gain), 15).loss is not None


def test_a_day_of_its_own_is_no_loss() -> None:
    whole = tower("none", 0.0)
    hosed = list(whole.days.bulk)
    hosed[DAY] = (hosed[DAY] or 0.0) + 3000.0
    verdict = after(replace(whole, days=replace(whole.days, bulk=hosed)), 5)
    assert verdict.loss is None


@pytest.mark.parametrize("litres", [0.0, 60.0])
def test_a_tank_needs_no_setting(litres: float) -> None:
    behind_tank = tower("leak", litres, replace(QUIET, tank_l=4000.0))
    assert (after(behind_tank, 21).loss is not None) == (litres > 0)


def test_too_few_days_are_not_judged() -> None:
    assert judge_tower(tower("none", 0.0).until(28, WINDOW_DAYS)) is None


def test_a_tower_without_use_is_left_alone() -> None:
    empty = replace(
        tower("none", 0.0).days, first=date(2024, 1, 1), bulk=[0.0] * 60, meters={"1": [0.0] * 60}
    )
    verdict = judge_tower(empty)
    assert verdict is not None
    assert verdict.loss is None
    assert not verdict.named


def test_meters_that_agree_exactly_are_left_alone() -> None:
    rng = Random(1)
    uses = [[float(rng.randrange(300_000)) for _ in range(120)] for _ in range(2)]
    bulk = [sum(day) for day in zip(*uses, strict=True)]
    read_late = [*uses[1][:40], *[None] * 40, sum(uses[1][40:81]), *uses[1][81:]]
    days = TowerDays(date(2024, 1, 1), bulk, {"1": uses[0], "2": read_late}, resolution=0.001)
    verdict = judge_tower(days)
    assert verdict is not None
    assert verdict.loss is None
    assert not verdict.named


@pytest.mark.parametrize(("gain", "is_loss"), [(0.97, False), (0.8, True)])
def test_a_meters_own_error_is_no_loss(gain: float, is_loss: bool) -> None:
    rng = Random(1)
    large = {0: range(60, 90), 1: range(60)}
    uses = [
        [rng.uniform(150, 250) * (5 if day in large.get(flat, ()) else 1) for day in range(90)]
        for flat in range(20)
    ]
    bulk = [sum(day) + rng.gauss(0, 10) for day in zip(*uses, strict=True)]
    counted = [[use * gain for use in uses[0]], *uses[1:]]
    meters = {str(flat): own for flat, own in enumerate(counted)}
    verdict = judge_tower(TowerDays(date(2024, 1, 1), bulk, meters, 1.0))
    assert verdict is not None
    assert (verdict.loss is not None) == is_loss


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.02, 0.2]), st.sampled_from([1.0, 1e6]))
def test_whatever_meters_counted_is_judged(seed: int, unread: float, most: float) -> None:
    rng = Random(seed)
    series = [
        [
            None if rng.random() < unread else rng.choice((0.0, rng.uniform(0, most)))
            for _ in range(60)
        ]
        for _ in range(4)
    ]
    meters = dict(zip("123", series[1:], strict=True))
    changes = (date(2024, 1, 1) + timedelta(days=rng.randrange(-5, 65)),)
    days = TowerDays(date(2024, 1, 1), series[0], meters, 0.001, changes)
    verdict = judge_tower(days)
    for suspect in () if verdict is None else verdict.suspects:
        assert 0 <= suspect.lower <= suspect.share <= suspect.upper <= 1
        assert 0 <= suspect.weight < 1 + 1e-9
