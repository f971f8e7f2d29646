# SPDX-License-Identifier: MIT
"""Hours with supply as they change, and who is believed."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.hours import Hour
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.core.rules.water.supply import Supply, SupplySource
from cloud_ingest.core.rules.water.supply_bulk import BulkSupply
from cloud_ingest.core.rules.water.supply_plan import (
    Plan,
    SupplyFrom,
    bulk_plan,
    differs_from,
    first_of,
    supply_at,
    with_entry,
)
from tests.support.supplied_flat import DAY, HOUR, MORNING, START_S, ZONE, days_of, read
from tests.support.water_registers import Readings, assert_grouping_changes_nothing, registers

TIMES = st.integers(0, 12)
HOURS = st.frozensets(st.integers(0, 23), min_size=1)
SUPPLIES = st.none() | HOURS.map(Supply)
ENTRIES = st.builds(SupplyFrom, TIMES, SUPPLIES)
PLANS = st.lists(ENTRIES, max_size=6, unique_by=lambda each: each.since_s).map(
    lambda entries: tuple(sorted(entries, key=lambda each: each.since_s))
)
FLAT = WaterMeter(Decimal(1), ZONE)
BULK = WaterMeter(Decimal(10), ZONE, bulk=True)
LATER = START_S + 20 * DAY


@given(st.lists(PLANS, max_size=3), TIMES)
def test_the_first_that_names_hours_is_believed(plans: list[Plan], at_s: int) -> None:
    named = [supply for plan in plans if (supply := supply_at(plan, at_s)) is not None]
    assert supply_at(first_of(plans), at_s) == (named[0] if named else None)


@given(st.lists(PLANS, min_size=1, max_size=3), TIMES)
def test_bulk_meters_speak_together_or_not_at_all(plans: list[Plan], at_s: int) -> None:
    named = [supply_at(plan, at_s) for plan in plans]
    together = supply_at(bulk_plan(plans), at_s)
    if None in named:
        assert together is None
    else:
        assert together is not None
        assert together.source is SupplySource.BULK
        assert all(each is not None and each.hours <= together.hours for each in named)


@given(PLANS, ENTRIES, TIMES)
def test_an_entry_holds_from_its_day_on(plan: Plan, entry: SupplyFrom, at_s: int) -> None:
    changed = with_entry(plan, entry)
    expected = entry.supply if at_s >= entry.since_s else supply_at(plan, at_s)
    assert supply_at(changed, at_s) == expected


@given(PLANS, PLANS, TIMES)
def test_plans_are_alike_until_they_differ(one: Plan, other: Plan, earliest_s: int) -> None:
    since_s = differs_from(one, other, earliest_s)
    differ = [
        at_s for at_s in range(earliest_s, 13) if supply_at(one, at_s) != supply_at(other, at_s)
    ]
    assert since_s == min(differ, default=None)


@given(HOURS)
def test_hours_are_read_as_they_are_said(hours: frozenset[int]) -> None:
    spans = sum((hour - 1) % 24 not in hours for hour in hours)
    if spans <= 3:
        assert Supply.parse(str(Supply(hours))) == Supply(hours)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no hours are named"),
        ("6-9", "'6-9' is no span of hours"),
        ("06:30-08:00", "not of whole hours"),
        ("08:00-08:00", "no span within a day"),
        ("22:00-25:00", "no span within a day"),
    ],
)
def test_hours_that_are_none_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Supply.parse(text)


@given(registers(), st.sampled_from([FLAT, BULK]), PLANS, st.data())
def test_grouping_changes_nothing_with_a_plan(
    readings: Readings, meter: WaterMeter, plan: Plan, data: st.DataObject
) -> None:
    spread = tuple(replace(each, since_s=1_700_000_000 + each.since_s * DAY) for each in plan)
    meter = replace(meter, plan=() if meter.bulk else spread)
    assert_grouping_changes_nothing(readings, meter, Point.CAREFUL, data)


def test_no_burst_is_told_when_entered_supply_opens() -> None:
    strong = [each * 4 for each in days_of(2, full_by=3)]
    longer = [90.0 if 6 <= hour % 24 <= 10 else each for hour, each in enumerate(strong)]
    plan = (SupplyFrom(START_S, Supply(frozenset(range(6, 11)))),)
    assert advance(State(), read(longer), FLAT, Point.CAREFUL)
    assert advance(State(), read(longer), replace(FLAT, plan=plan), Point.CAREFUL) == []


def test_each_day_is_judged_on_its_own_hours() -> None:
    meter = replace(FLAT, plan=(SupplyFrom(LATER, MORNING),))
    use = [9.0 if hour % 24 in {7, 13, 20} else 0.0 for hour in range(24 * 20)]
    state = State()
    advance(state, read(use), meter, Point.CAREFUL)
    assert state.memory_name == "fine"
    advance(state, read([*use, *days_of(1)]), meter, Point.CAREFUL)
    assert state.memory_name == "supplied"


@pytest.mark.parametrize("hours", [{6, 7}, {18, 19}])
def test_fewer_hours_with_water_are_no_leak(hours: set[int]) -> None:
    """The tank was full in the third hour; now it fills as long as water comes."""
    before = days_of(60)
    after = [80.0 if hour % 24 in hours else 0.0 for hour in range(24 * 20)]
    plan = (
        SupplyFrom(START_S, MORNING),
        SupplyFrom(START_S + 60 * DAY, Supply(frozenset(hours))),
    )
    told = advance(State(), read([*before, *after]), replace(FLAT, plan=plan), Point.EARLY)
    assert told == []


def shown_by(litres: list[float]) -> Plan:
    state = State()
    advance(state, read(litres), BULK, Point.CAREFUL)
    assert isinstance(state.memory, BulkSupply)
    assert BulkSupply.unpack(state.memory.pack()).plan == state.memory.plan
    return state.memory.plan


def test_a_bulk_meter_tells_the_weeks_it_learnt_from() -> None:
    tower = [60 * each for each in days_of(28)]
    (shown,) = shown_by(tower)
    assert shown.supply is not None
    assert shown.supply.hours == MORNING.hours
    assert shown.since_s <= START_S
    assert shown_by(tower[:-24]) == ()


def test_a_bulk_meter_behind_a_sump_tells_nothing() -> None:
    assert shown_by([100.0] * 24 * 60) == ()
    assert shown_by([0.0] * 24 * 60) == ()


def test_other_hours_hold_from_the_next_day() -> None:
    tower = [60 * each for each in days_of(60)]
    always = tower + [500.0] * 24 * 9
    learnt, ended = shown_by(always)
    assert learnt.supply is not None
    assert ended.supply is None
    assert (ended.since_s - START_S) % DAY == 0
    given_up_s = next(
        end for end in range(60 * 24, len(always)) if len(shown_by(always[: end + 1])) == 2
    )
    assert 0 < ended.since_s - (START_S + given_up_s * HOUR) <= DAY


def test_a_bulk_meter_remembers_sixteen_weeks_of_changes() -> None:
    own = BulkSupply()
    for day in range(300):
        hour = Hour(START_S + day * DAY, START_S + day * DAY + HOUR, 0.0)
        shown = Supply(frozenset({day % 24}), SupplySource.METER)
        own.take(hour, replace(BULK, supply=shown), Point.CAREFUL)
    for day in range(300 - 16 * 7, 301):
        assert supply_at(own.plan, START_S + day * DAY) == Supply(
            frozenset({(day - 1) % 24}), SupplySource.METER
        )
    assert len(own.pack()) < 1000
