# SPDX-License-Identifier: MIT
"""Rules of electricity meters, on made-up days, and their scores on simulated flats."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.electricity import (
    HISTORY,
    LoadDay,
    PhaseLoss,
    Volts,
    load_jump,
    no_load,
    phase_loss,
    reverse,
)
from tests.support.electric_flats import FIRST, STEP_KWH, a_flat, load_days, uses_of

ALL = ("L1", "L2", "L3")
AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
WINDOW = 84


def days(*kwh: float | None, given: Sequence[float] = ()) -> list[LoadDay]:
    return [
        LoadDay(
            FIRST + timedelta(days=number),
            None if each is None else Decimal(str(each)),
            Decimal(str(given[number])) if given else None,
        )
        for number, each in enumerate(kwh)
    ]


def test_a_flat_that_takes_nothing_is_told() -> None:
    found = no_load(days(*[6.0] * 30, 0, 0), STEP_KWH)
    assert found is not None
    assert (found.since, found.usual_kwh, found.learnt) == (date(2026, 1, 31), 6.0, False)


def test_one_step_of_the_register_is_nothing() -> None:
    assert no_load(days(*[6.0] * 30, 0.01), STEP_KWH) is not None
    assert no_load(days(*[6.0] * 30, 0.02), STEP_KWH) is None


def test_days_away_before_are_learnt() -> None:
    found = no_load(days(*[6.0] * 10, 0, 0, *[6.0] * 20, 0), STEP_KWH)
    assert found is not None
    assert found.learnt


@pytest.mark.parametrize(
    "before",
    [[6.0] * 20, [0.3] * 30, [6.0, 0.1] * 15, [6.0, None] * 15],
    ids=["short history", "hardly lived in", "now and then", "half known"],
)
def test_without_a_life_before_nothing_is_told(before: list[float | None]) -> None:
    assert no_load(days(*before, 0), STEP_KWH) is None


def test_a_day_that_is_not_known_is_no_idle_one() -> None:
    assert no_load(days(*[6.0] * 30, None), STEP_KWH) is None


def test_two_days_far_above_are_a_jump() -> None:
    before = [6.0, 6.5, 5.5, 7.0] * 7
    assert load_jump(days(*before, 20)) is None
    found = load_jump(days(*before, 20, 21))
    assert found is not None
    assert (found.since, found.now_kwh) == (date(2026, 1, 29), Decimal(21))


def test_a_jump_that_stays_is_the_flats_own() -> None:
    before = [6.0] * HISTORY
    assert load_jump(days(*before, *[20.0] * 28)) is not None
    assert load_jump(days(*before, *[20.0] * 50)) is None


def test_who_comes_home_does_not_jump() -> None:
    home = [9.0] * 28
    assert load_jump(days(*home, *[1.0] * 28, 9.0, 9.0)) is None


def test_energy_given_back_is_told_once_it_is_more_than_a_step() -> None:
    usual = [6.0] * 31
    nothing, little, much = [0.0] * 31, [0.0] * 30 + [0.01], [0.0] * 30 + [1.2]
    assert reverse(days(*usual, given=nothing), STEP_KWH) is None
    assert reverse(days(*usual, given=little), STEP_KWH) is None
    found = reverse(days(*usual, given=much), STEP_KWH)
    assert found is not None
    assert (found.since, found.kwh) == (date(2026, 1, 31), Decimal("1.2"))


def test_a_flat_with_a_plant_gives_back() -> None:
    given = [0.0, 3.0] * 15 + [3.0]
    assert reverse(days(*[6.0] * 31, given=given), STEP_KWH) is None


def test_a_meter_without_an_export_register_says_nothing() -> None:
    assert reverse(days(*[6.0] * 31), STEP_KWH) is None


def volts(*moments: tuple[int, int, int]) -> list[Volts]:
    return [
        Volts(AT + timedelta(minutes=15 * number), (Decimal(a), Decimal(b), Decimal(c)))
        for number, (a, b, c) in enumerate(moments)
    ]


LIVE, LOST = (231, 229, 233), (231, 90, 233)


@pytest.mark.parametrize(
    ("moments", "phases"),
    [
        ((LIVE, LOST, LOST), ("L2",)),
        ((LIVE, LIVE, LOST), None),
        ((LOST, LOST, LIVE), None),
        ((LOST,), None),
        (((231, 0, 3), (230, 0, 2)), ("L2", "L3")),
        (((0, 0, 0), (3, 0, 2)), None),
        (((231, 120, 233), (231, 120, 233)), None),
    ],
)
def test_a_phase_below_half_of_the_others_is_lost(
    moments: tuple[tuple[int, int, int], ...], phases: tuple[str, ...] | None
) -> None:
    found = phase_loss(volts(*moments), ALL)
    assert (None if found is None else found.phases) == phases


def test_a_loss_began_with_its_first_voltage() -> None:
    found = phase_loss(volts(LIVE, LOST, LOST, LOST), ALL)
    assert found == PhaseLoss(AT + timedelta(minutes=15), ("L2",))


def test_a_phase_that_never_lived_is_not_wired() -> None:
    assert phase_loss(volts(LOST, LOST), ("L1", "L3")) is None


known = st.one_of(st.none(), st.decimals(0, 60, places=2))


@given(st.lists(known, max_size=70))
def test_no_days_break_a_rule(kwh: list[Decimal | None]) -> None:
    found = [LoadDay(FIRST + timedelta(days=n), each, each) for n, each in enumerate(kwh)]
    idle, jump, back = no_load(found, STEP_KWH), load_jump(found), reverse(found, STEP_KWH)
    last = kwh[-1] if kwh else None
    if last is None:
        assert (idle, jump, back) == (None, None, None)
    assert idle is None or (last is not None and last <= STEP_KWH)
    assert jump is None or (last is not None and last > jump.usual_kwh)


def test_scores_on_simulated_flats_are_as_published() -> None:
    """Per 1000 meter-days; `docs/explanation/flags.md` states them."""
    chance = Random(12)
    judged = alarms = watches = jumps = 0
    for _ in range(25):
        known_days = load_days(uses_of(a_flat(chance), chance, 340))
        idle_before = jump_before = False
        for number in range(WINDOW, len(known_days)):
            own = known_days[number - WINDOW : number + 1]
            judged += 1
            idle, jump = no_load(own, STEP_KWH), load_jump(own)
            if idle is not None and not idle_before:
                alarms, watches = alarms + (not idle.learnt), watches + idle.learnt
            jumps += jump is not None and not jump_before
            idle_before, jump_before = idle is not None, jump is not None
    assert 1000 * alarms / judged <= 0.5
    assert 1000 * watches / judged <= 1.5
    assert 1000 * jumps / judged <= 0.8


@pytest.mark.parametrize(("times", "share"), [(3, 0.75), (4, 0.9)])
def test_a_jump_of_simulated_flats_is_found(times: int, share: float) -> None:
    chance = Random(12)
    found = 0
    for _ in range(40):
        uses = uses_of(a_flat(chance), chance, 200)
        begins = chance.randint(WINDOW, 190)
        more = (times - 1) * median(uses[begins - HISTORY : begins])
        uses[begins : begins + 3] = [each + more for each in uses[begins : begins + 3]]
        told = load_days(uses)
        found += any(
            load_jump(told[max(0, end - WINDOW) : end]) for end in (begins + 2, begins + 3)
        )
    assert found >= share * 40
