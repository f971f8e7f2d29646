# SPDX-License-Identifier: MIT
"""The rules on flats that were never built: a worse rule fails here, within seconds."""

from decimal import Decimal
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.replay.run import events
from cloud_ingest.scoring.known import known_s, really_leaks
from cloud_ingest.scoring.leaks import DAY_S, HOUR_S, LEAKS, ConstantSupply
from cloud_ingest.scoring.plot import picture
from cloud_ingest.scoring.score import Score, score
from cloud_ingest.scoring.trials import WINDOWS_H, MeterScore, Setup, draw, is_alarm, scored
from tests.support.flats import flat

UTC = ZoneInfo("UTC")
METER = WaterMeter(Decimal(1), UTC)
FLATS = [(f"flat {seed}", flat(seed, 60)) for seed in range(8)]
SETUP = Setup(METER, Point.CAREFUL, trials=3, seed=1)
COARSE = Setup(WaterMeter(Decimal(10), UTC), Point.CAREFUL, trials=2, seed=1)


def played(setup: Setup) -> list[MeterScore]:
    return [scored(name, ConstantSupply(each), setup, leaks=False) for name, each in FLATS]


@pytest.fixture(scope="module")
def scores() -> list[MeterScore]:
    return played(SETUP)


@pytest.fixture(scope="module")
def whole(scores: list[MeterScore]) -> Score:
    return score(scores, tuple(LEAKS), folds=3, seed=1)


def part_found(whole: Score, leak: str, hours: int) -> float:
    (found,) = (each for each in whole.detections if (each.leak, each.hours) == (leak, hours))
    assert found.trials == found.all_trials > 0
    return found.known.measured


@pytest.mark.parametrize(
    ("leak", "hours", "least"),
    [
        ("constant 5 L/h", 24, 0.95),
        ("constant 10 L/h", 24, 0.95),
        ("constant 25 L/h", 24, 0.95),
        ("constant 100 L/h", 5, 0.95),
        ("refill every 30-60 min", 24, 0.9),
        ("refill every 60-110 min", 72, 0.85),
        ("run-on 200 L/h", 24, 0.9),
    ],
)
def test_leaks_are_found_in_time(whole: Score, leak: str, hours: int, least: float) -> None:
    assert part_found(whole, leak, hours) >= least


def test_sound_flats_are_left_alone(whole: Score) -> None:
    assert whole.false_alarms[0].days > 450
    assert whole.false_alarms[0].per_1000_days.measured <= 3


def test_a_coarse_register_is_no_excuse() -> None:
    coarse = score(played(COARSE), tuple(LEAKS), folds=3, seed=1)
    assert coarse.false_alarms[0].per_1000_days.measured <= 3.5
    assert part_found(coarse, "constant 10 L/h", 24) >= 0.9
    assert part_found(coarse, "constant 5 L/h", 48) >= 0.9
    assert part_found(coarse, "constant 100 L/h", 24) >= 0.95


@pytest.mark.parametrize("number", range(0, 24, 4))
def test_a_trial_sees_what_a_replay_would_show(scores: list[MeterScore], number: int) -> None:
    name, readings = FLATS[3]
    leak, trial = draw(name, ConstantSupply(readings), SETUP)[number], scores[3].trials[number]
    assert (trial.start_s, trial.leak) == (leak.start_s, leak.kind)
    last_s = leak.start_s + WINDOWS_H[-1] * HOUR_S + scores[3].interval_s
    raised = [
        event.raised_s - leak.start_s
        for event in events(leak.changed(0, len(readings)), METER, Point.CAREFUL)
        if is_alarm(event) and leak.start_s < event.raised_s <= last_s
    ]
    assert trial.delay_s == min(raised, default=None)


def test_the_same_seed_gives_the_same_score(scores: list[MeterScore]) -> None:
    name, readings = FLATS[0]
    assert scored(name, ConstantSupply(readings), SETUP, leaks=False) == scores[0]


def test_a_meter_with_little_history_gets_no_leak() -> None:
    found = scored("new", ConstantSupply(flat(1, 30)), SETUP, leaks=False)
    assert found.trials == ()
    assert found.known_days == pytest.approx(30, abs=0.1)


def test_alarms_of_meters_that_leak_are_apart() -> None:
    readings = draw("x", ConstantSupply(flat(1, 60)), SETUP)[0].changed(0, 60 * 24)
    found = score(
        [scored("leaking", ConstantSupply(readings), SETUP, leaks=True)], (), folds=3, seed=1
    )
    assert (found.sound_meters, found.leaking_meters) == (0, 1)
    assert found.false_alarms[0].count == 0


@pytest.mark.parametrize(("nights", "leaks"), [(9, False), (10, True)])
def test_ten_nights_with_flow_are_a_leak(nights: int, leaks: bool) -> None:
    quiet = [(at_s, 0) for at_s, _ in flat(1, 30)]
    start_s = quiet[0][0] + 5 * DAY_S
    flowing = [(at_s, max(0, min(at_s - start_s, nights * DAY_S))) for at_s, _ in quiet]
    assert really_leaks(flowing, UTC) == leaks


def test_gaps_and_falls_are_not_known() -> None:
    readings = [(0, 5), (HOUR_S, 6), (4 * HOUR_S, 9), (5 * HOUR_S, 2), (6 * HOUR_S, 3)]
    assert known_s(readings, 0, 6 * HOUR_S) == 2 * HOUR_S
    assert known_s(readings, HOUR_S // 2, HOUR_S) == HOUR_S // 2


def test_a_picture_has_a_panel_for_each_leak(whole: Score) -> None:
    drawn = ET.fromstring(picture([("careful & all", whole), ("early", whole)]))  # noqa: S314
    texts = [each.text for each in drawn.iter() if each.tag.endswith("text")]
    assert {"careful & all", "early", "constant 5 L/h", "run-on 200 L/h"} <= set(texts)
    assert sum(each.tag.endswith("polyline") for each in drawn.iter()) == 16
