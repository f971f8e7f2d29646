# SPDX-License-Identifier: MIT
"""Which meter explains a change: the hours against the days, and one meter against another."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random

from cloud_ingest.core.rules.tower.judge import AT_ONCE, judge_tower
from cloud_ingest.core.rules.tower.steps import TowerDays
from cloud_ingest.core.rules.tower.suspects import NAMED, Suspect
from cloud_ingest.core.rules.tower.within_day import LEARN_HOURS, NO_PATTERNS, patterns_of
from cloud_ingest.scoring.tower_score import WINDOW_DAYS
from cloud_ingest.scoring.tower_sim import FIRST, Fault, Setting, SimulatedTower, simulated
from tests.support.households import households

DAY = 130
FINE = Setting(flats=40, days=160, bulk_step_l=10, flat_step_l=1, late_h=0.0, outage_a_day=1 / 200)


@cache
def tower(kind: str, amount: float, hour: int = 0) -> SimulatedTower:
    fault = Fault("leak" if kind == "leak" else "share", amount, DAY, hour)
    return simulated(households(FINE.flats), fault, Random(3), FINE)


def suspects(
    tower: SimulatedTower, days: int, *, hours: bool = True, told: Collection[str] = ()
) -> dict[str, Suspect]:
    """Return the suspects of a kind so many days after the fault began, by meter."""
    day = DAY - 1 + days
    verdict = judge_tower(
        tower.until(day, WINDOW_DAYS),
        lambda since, until: (
            patterns_of(tower.hours_between(since - LEARN_HOURS, until), since)
            if hours
            else NO_PATTERNS
        ),
        told=told,
    )
    assert verdict is not None
    return {each.meter: each for each in reversed(verdict.suspects)}


def test_hours_name_half_a_bypass_within_days() -> None:
    bypassed = tower("share", 0.5)
    assert bypassed.flat is not None
    assert suspects(bypassed, 9)[bypassed.flat].is_named
    assert not suspects(bypassed, 9, hours=False)[bypassed.flat].is_named


def test_a_meter_in_doubt_is_held_for_two_days() -> None:
    bypassed = tower("share", 0.5)
    assert bypassed.flat is not None
    first = suspects(bypassed, 14)[bypassed.flat]
    assert NAMED < first.weight < AT_ONCE
    assert not first.is_named
    assert suspects(bypassed, 14, told=[bypassed.flat])[bypassed.flat].is_named


def test_a_loss_that_has_ended_accuses_no_absent_flat() -> None:
    leaking = tower("leak", 25.0)
    absent = left(leaking, "003")
    bulk = [
        None if given is None else given - 600.0 * (day >= DAY + 8)
        for day, given in enumerate(absent.days.bulk)
    ]
    hours = replace(absent.hours, bulk={})
    repaired = replace(absent, days=replace(absent.days, bulk=bulk), hours=hours)
    assert suspects(repaired, 16)["003"].weight < 0.1


def test_a_meter_that_stopped_at_noon_is_named() -> None:
    stopped = tower("share", 1.0, hour=12)
    assert stopped.flat is not None
    found = suspects(stopped, 9)[stopped.flat]
    assert (found.kind, found.is_named) == ("stopped_meter", True)
    assert found.since - (FIRST + timedelta(days=DAY)) <= timedelta(days=1)


def left(whole: SimulatedTower, name: str) -> SimulatedTower:
    """Return a tower whose flat is away since the fault: nobody uses or counts what it used."""
    since = FIRST + timedelta(days=DAY)
    daily, hourly = whole.days.meters[name], whole.hours.meters[name]
    away = [0.0 if use is not None and day >= DAY else use for day, use in enumerate(daily)]
    gone = {day: [use * (day < since) for use in own] for day, own in hourly.items()}
    return replace(
        whole,
        days=replace(
            whole.days,
            bulk=[
                None if given is None else given - (use or 0.0) * (day >= DAY)
                for day, (given, use) in enumerate(zip(whole.days.bulk, daily, strict=True))
            ],
            meters={**whole.days.meters, name: away},
        ),
        hours=replace(
            whole.hours,
            bulk={
                day: [
                    given - use * (day >= since)
                    for given, use in zip(own, hourly.get(day, [0.0] * 24), strict=True)
                ]
                for day, own in whole.hours.bulk.items()
            },
            meters={**whole.hours.meters, name: gone},
        ),
    )


def test_hours_clear_an_absent_flat_beside_as_large_a_leak() -> None:
    leaking = tower("leak", 10.0)

    def from_240(name: str) -> float:
        return abs(sum(use or 0.0 for use in leaking.days.meters[name]) / FINE.days - 240.0)

    name = min(leaking.days.meters, key=from_240)
    absent = left(leaking, name)
    assert suspects(absent, 7, hours=False)[name].weight > 0.9
    assert suspects(absent, 7)[name].weight < 0.5


def test_a_leak_that_began_at_noon_is_no_flat_that_left() -> None:
    rng = Random(5)
    uses = [[rng.gauss(200, 40) + 400 * (flat == 0) for _ in range(90)] for flat in range(20)]
    uses[0][80:] = [0.0] * 10
    lost = [600.0 * (day >= 80) - 300.0 * (day == 80) for day in range(90)]
    used = [sum(day) + rng.gauss(0, 20) for day in zip(*uses, strict=True)]
    bulk = [use + more for use, more in zip(used, lost, strict=True)]
    meters = {str(flat): own for flat, own in enumerate(uses)}
    verdict = judge_tower(TowerDays(FIRST, bulk, meters, 1.0))
    assert verdict is not None
    assert verdict.loss is not None
    assert not verdict.named
