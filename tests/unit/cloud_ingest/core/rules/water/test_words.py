# SPDX-License-Identifier: MIT
"""What a resident is told of water that does not stop."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.flag import MAX_MESSAGE
from cloud_ingest.core.rules.water.episode import RUN_SINCE_S, Detail, Episode
from cloud_ingest.core.rules.water.words import litres, water_message

ZONE = ZoneInfo("Asia/Kolkata")
SINCE = int(datetime(2026, 11, 16, 20, 45, tzinfo=UTC).timestamp())
DETAIL: Detail = {
    "part": "plain",
    "rate_l_per_h": 6.4,
    "least_l_per_h": 5.0,
    "litres": 340.2,
    "known_h": 40,
    "start_known": True,
}
LEAK = Episode("leak", "alarm", SINCE + 86400, SINCE, None, DETAIL)
LOOK = "To see whether it is in the flat: close the inner valve for {} and look again."


def test_a_leak_says_since_when_how_much_and_what_to_try() -> None:
    assert water_message(LEAK, ZONE) == (
        "Water has not stopped since Tuesday 17 Nov 2026 02:15 IST; at least 5 L in every hour; "
        f"340 L so far, use included. {LOOK.format('a quarter of an hour')}"
    )


@pytest.mark.parametrize(
    ("step", "least", "wait"), [(1, 6.0, "ten minutes"), (10, 20.0, "half an hour")]
)
def test_the_valve_is_closed_as_long_as_a_step_needs(step: int, least: float, wait: str) -> None:
    leak = replace(LEAK, detail={**DETAIL, "least_l_per_h": least})
    assert water_message(leak, ZONE, step_litres=Decimal(step)).endswith(LOOK.format(wait))


def test_a_register_too_coarse_for_two_hours_says_so() -> None:
    leak = replace(LEAK, detail={**DETAIL, "part": "steps", "least_l_per_h": 30.0})
    assert water_message(leak, ZONE, step_litres=Decimal(100)).endswith(
        "valve for two hours and look again. In that time less than 50 L an hour may not show on "
        "this meter."
    )


def test_an_unknown_start_is_not_told_as_known() -> None:
    unknown = replace(LEAK, detail={**DETAIL, "start_known": False})
    assert "since at least Tuesday 17 Nov" in water_message(unknown, ZONE)


def test_water_that_pauses_is_not_said_to_run_on() -> None:
    paused = replace(LEAK, detail={**DETAIL, "least_l_per_h": 0})
    assert water_message(paused, ZONE) == (
        "Water has hardly rested since Tuesday 17 Nov 2026 02:15 IST; "
        f"340 L so far, use included. {LOOK.format('two hours')}"
    )


def test_a_burst_asks_for_the_valve() -> None:
    strong: Detail = {**DETAIL, "part": "burst", "rate_l_per_h": 412.6}
    burst = replace(LEAK, kind="burst", detail=strong)
    assert water_message(burst, ZONE) == (
        "Water runs strongly since Tuesday 17 Nov 2026 02:15 IST; 413 L an hour now; "
        "340 L so far. If nobody draws it, close the valve at once."
    )


def test_a_fixture_that_runs_on_is_not_said_to_run_always() -> None:
    run_on = replace(LEAK, detail={**DETAIL, "part": "run-on", "least_l_per_h": 0, "known_h": 6})
    assert water_message(run_on, ZONE) == (
        "Water ran strongly in 6 of the hours since Tuesday 17 Nov 2026 02:15 IST; 340 L so far, "
        "use included. "
        "If nobody drew it, look for a cistern, tap or valve that sticks."
    )


def test_a_later_run_of_an_event_names_its_own_start() -> None:
    again = replace(LEAK, detail={**DETAIL, RUN_SINCE_S: SINCE + 86400})
    assert water_message(again, ZONE).startswith(
        "Water has not stopped since Wednesday 18 Nov 2026 02:15 IST; at least 5 L in every hour; "
        "340 L so far in all runs since Tuesday 17 Nov 2026 02:15 IST, use included. "
    )


def test_a_coarse_register_says_nothing_of_single_hours() -> None:
    steps = replace(LEAK, detail={**DETAIL, "part": "steps"})
    assert "at least 5 L an hour;" in water_message(steps, ZONE)


def test_a_burst_that_became_a_leak_is_told_as_one() -> None:
    assert "runs strongly" not in water_message(replace(LEAK, kind="burst"), ZONE)


def test_supply_by_the_hour_is_looked_at_while_it_lasts() -> None:
    supplied = {**DETAIL, "supply": "06:00-09:00", "rate_l_per_h": None}
    assert water_message(replace(LEAK, detail=supplied), ZONE) == (
        "Water has not stopped in the hours with supply (06:00-09:00) since Tuesday 17 Nov 2026 "
        "02:15 IST; at least 5 L in every hour; 340 L so far, use included. To see whether it "
        "is before your tank: watch its float valve during supply when the tank is full."
    )


def test_a_common_area_has_no_inner_valve() -> None:
    assert "inner valve" not in water_message(LEAK, ZONE, common=True)


def test_what_is_not_known_is_left_out() -> None:
    assert water_message(replace(LEAK, detail={}), ZONE) == (
        f"Water has hardly rested since Tuesday 17 Nov 2026 02:15 IST. {LOOK.format('ten minutes')}"
    )


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/Sao_Paulo", "UTC"])
def test_the_longest_message_fits_the_contract(zone: str) -> None:
    most: Detail = dict.fromkeys(("rate_l_per_h", "least_l_per_h", "litres"), 9999999.9)
    for kind in ("leak", "burst"):
        episode = replace(LEAK, kind=kind, detail={**most, "start_known": False})
        assert len(water_message(episode, ZoneInfo(zone), common=True)) < 300
        slow: Detail = {**most, "least_l_per_h": 9.9, "start_known": False}
        again = replace(episode, detail={**slow, RUN_SINCE_S: SINCE + 86400})
        said = water_message(again, ZoneInfo(zone), common=True, step_litres=Decimal(100))
        assert len(said) <= MAX_MESSAGE - len(" The meter itself says so, too.")
    supplied = replace(LEAK, detail={**most, "supply": " and ".join(["00:00-00:00"] * 3)})
    assert len(water_message(supplied, ZoneInfo(zone))) < 300


@pytest.mark.parametrize(
    ("amount", "words"), [(0.04, "0 L"), (3.84, "3.8 L"), (5, "5 L"), (10.4, "10 L")]
)
def test_litres_have_no_idle_digits(amount: float, words: str) -> None:
    assert litres(amount) == words
