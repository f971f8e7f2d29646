# SPDX-License-Identifier: MIT
"""Flags of water on real databases: judged as readings arrive, and again where the past changes."""

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.flags import water
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.meter_bits import refresh_meter_bits
from cloud_ingest.flags.water import refresh_water, sweep_water
from cloud_ingest.flags.water_states import Judged, WaterRules, bring_up
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import connect
from cloud_ingest.store.events import list_events
from shared_schema.catalogue import PROFILE_STATUS, WATER_VOLUME, StatusEvent, Unit
from shared_schema.events import Event, EventKind, SubjectType
from shared_schema.readings import Column
from tests.support.store import ZONE, Site, local, unit_line

LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
TENS = Column(obis=WATER_VOLUME, scaler=1, unit=Unit.LITRE)
HOUR = timedelta(hours=1)
START = local("2026-11-10 00:00")
NOW = local("2026-11-20 12:07")
SOON = START + 36 * HOUR
RULES = WaterRules(ZONE)

Rows = list[tuple[datetime, int]]


class Homes:
    """A society whose meters deliver as gateways do, judged as the leader judges them."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.units(
            unit_line("A-1", "w-1", service="water", source="inlet-1"),
            unit_line("A-2", "w-2", service="water", source="inlet-1"),
            unit_line("A-3", "kitchen", service="water", source="inlet-1"),
            unit_line("A-3", "bath", service="water", source="inlet-2"),
            unit_line("garden", "tap", service="water", source="inlet-1", kind="common"),
            unit_line("Tower 1", "bulk", service="water", source="inlet-1", kind="bulk"),
        )

    def deliver(self, serial: str, rows: Rows, column: Column = LITRES) -> None:
        self.site.deliver(serial, rows, column=column, period_s=3600)

    def note(self, serial: str, code: int, at: datetime) -> None:
        self.site.conn.execute(
            "INSERT INTO meter_event (meter_id, log, ts, code, received_at) "
            "SELECT meter_id, %s, %s, %s, %s FROM meter WHERE serial = %s",
            (str(PROFILE_STATUS), at, code, at, serial),
        )

    def judge(self, now: datetime = NOW, rules: WaterRules = RULES) -> Changes:
        refresh(self.site.conn, now)
        return refresh_water(self.site.conn, rules, now)

    def sweep(self, now: datetime = NOW, rules: WaterRules = RULES) -> Changes:
        return sweep_water(self.site.conn, rules, now).changes

    def flags(self) -> list[Event]:
        return [each.event for each in list_events(self.site.conn)]

    def flag(self) -> Event:
        (event,) = self.flags()
        return event

    def states(self) -> list[tuple[Any, ...]]:
        return self.site.all(
            "SELECT serial, newest, state FROM rule_state JOIN channel USING (channel_id) "
            "JOIN meter USING (meter_id) ORDER BY 1"
        )


@pytest.fixture
def homes(site: Site) -> Homes:
    return Homes(site)


def hourly(start: datetime, flows: Sequence[int], first: int = 1000) -> Rows:
    """Registers that begin with ``first`` and rise by a flow each hour."""
    rows = [(start, first)]
    for number, flow in enumerate(flows, start=1):
        rows.append((start + number * HOUR, rows[-1][1] + flow))
    return rows


def more(rows: Rows, flows: Sequence[int]) -> Rows:
    """Rows that go on behind others."""
    at, raw = rows[-1]
    return hourly(at, flows, raw)[1:]


def test_a_leak_is_raised_with_the_hour_that_completes_it(homes: Homes) -> None:
    rows = hourly(START, [0] * 3 + [5] * 20)
    homes.deliver("w-1", rows)
    assert homes.judge() == Changes()
    for _ in range(6):
        following = more(rows, [5])
        homes.deliver("w-1", following)
        rows += following
        if homes.judge().raised:
            break
    event = homes.flag()
    assert (event.kind, event.subject.id, event.since) == (
        EventKind.LEAK,
        "A-1",
        START + 3 * HOUR,
    )
    assert rows[-1][0] - event.since <= 25 * HOUR
    assert "Water has not stopped since Tuesday 10 Nov 2026 03:00 IST" in event.message
    assert event.evidence["serial"] == "w-1"


def test_nothing_new_costs_no_look_at_readings(homes: Homes) -> None:
    homes.deliver("w-1", hourly(START, [5] * 30))
    assert homes.judge() == Changes(raised=1)
    before = homes.states()
    homes.site.conn.execute("DELETE FROM reading")
    assert homes.judge() == Changes()
    assert homes.sweep() == Changes()
    assert homes.states() == before


def test_two_dry_hours_clear_a_leak(homes: Homes) -> None:
    rows = hourly(START, [5] * 30)
    homes.deliver("w-1", rows)
    homes.judge()
    homes.deliver("w-1", more(rows, [0, 0, 0]))
    assert homes.judge() == Changes(cleared=1)
    assert homes.flags() == []


def test_a_leak_that_its_meter_tells_too_is_one_flag(homes: Homes) -> None:
    rows = hourly(START, [5] * 30)
    homes.note("w-1", StatusEvent.LEAK, START + 25 * HOUR)
    homes.deliver("w-1", rows)
    assert refresh_meter_bits(homes.site.conn, ZONE, SOON) == Changes(raised=1)
    first = homes.flag()
    assert (first.subject.id, first.evidence["rule"]) == ("A-1", "the meter says so")
    assert homes.judge(SOON) == Changes()
    assert refresh_meter_bits(homes.site.conn, ZONE, SOON) == Changes()
    joined = homes.flag()
    assert (joined.id, joined.since) == (first.id, START)
    assert "150 L so far" in joined.message
    assert joined.evidence["meter_says_since"] is not None


def test_a_bit_that_is_held_while_nothing_runs_is_passed_over(homes: Homes) -> None:
    rows = hourly(START, [5] * 30)
    homes.note("w-1", StatusEvent.LEAK, START + 25 * HOUR)
    homes.deliver("w-1", rows)
    assert homes.judge(SOON) == Changes(raised=1)
    homes.deliver("w-1", more(rows, [0, 0, 0]))
    assert homes.judge(SOON) == Changes(cleared=1)
    assert refresh_meter_bits(homes.site.conn, ZONE, SOON) == Changes()
    homes.deliver("w-1", more(rows, [0] * 3 + [5]))
    assert homes.judge(SOON) == Changes()
    homes.note("w-1", StatusEvent.LEAK + 1, SOON + HOUR)
    homes.note("w-1", StatusEvent.LEAK, SOON + 2 * HOUR)
    assert refresh_meter_bits(homes.site.conn, ZONE, SOON + 3 * HOUR) == Changes(raised=1)


def test_a_coarse_register_does_not_disprove_a_bit(homes: Homes) -> None:
    rows = hourly(START, [3] * 30)
    homes.note("w-1", StatusEvent.LEAK, START + 25 * HOUR)
    homes.deliver("w-1", rows, TENS)
    assert homes.judge(SOON) == Changes(raised=1)
    assert homes.flag().evidence["rule"] == "steps"
    homes.deliver("w-1", more(rows, [0] * 5), TENS)
    assert homes.judge(SOON) == Changes()
    assert homes.flag().evidence["rule"] == "the meter says so"
    assert homes.sweep(SOON) == Changes()
    homes.note("w-1", StatusEvent.LEAK + 1, START + 34 * HOUR)
    assert refresh_meter_bits(homes.site.conn, ZONE, SOON) == Changes(cleared=1)


def test_a_word_that_ends_leaves_the_rules_flag(homes: Homes) -> None:
    rows = hourly(START, [5] * 30)
    homes.note("w-1", StatusEvent.LEAK, START + 25 * HOUR)
    homes.deliver("w-1", rows)
    homes.judge(SOON)
    homes.note("w-1", StatusEvent.LEAK + 1, START + 30 * HOUR)
    assert refresh_meter_bits(homes.site.conn, ZONE, SOON) == Changes()
    homes.deliver("w-1", more(rows, [5, 5]))
    assert homes.judge(SOON) == Changes()
    assert homes.flag().evidence["meter_says_since"] is None


def test_late_readings_move_the_beginning(homes: Homes) -> None:
    rows = hourly(START, [0, 0] + [5] * 90)
    homes.deliver("w-1", rows[60:])
    assert homes.judge() == Changes(raised=1)
    first = homes.flag()
    homes.deliver("w-1", rows[:60])
    assert homes.judge() == Changes()
    moved = homes.flag()
    assert (moved.id, moved.since) == (first.id, START + 2 * HOUR)
    assert moved.since < first.since


def test_months_that_come_behind_the_newest_reading_are_judged(homes: Homes) -> None:
    rows = hourly(NOW - 60 * 24 * HOUR, [0] * 24 * 57 + [5] * 24 * 3)
    homes.deliver("w-1", rows[-1:])
    homes.judge()
    homes.deliver("w-1", rows[:-1])
    assert homes.judge() == Changes(raised=1)
    assert homes.flag().since == NOW - 3 * 24 * HOUR


def test_late_dry_hours_clear_what_was_bridged(homes: Homes) -> None:
    rows = hourly(START, [0, 0, *[5] * 20, 0, 0, 0, *[5] * 9])
    homes.deliver("w-1", [row for number, row in enumerate(rows) if number not in range(23, 25)])
    homes.judge()
    homes.deliver("w-1", rows[23:25])
    homes.judge()
    assert homes.flags() == []


def test_a_reading_that_is_set_aside_changes_the_present(homes: Homes) -> None:
    rows = hourly(START, [0, 0] + [5] * 40)
    lie = rows[30][0]
    homes.deliver("w-1", [row for row in rows if row[0] < lie])
    homes.judge()
    homes.deliver("w-1", [(lie, 7)])
    homes.judge()
    homes.deliver("w-1", [row for row in rows if row[0] > lie])
    homes.judge()
    assert homes.site.one("SELECT count(*) FROM verdict") == 1
    lied = homes.states()
    homes.site.conn.execute("DELETE FROM rule_state")
    homes.sweep()
    assert homes.states() == lied


def test_a_removed_meter_clears_its_flag(homes: Homes) -> None:
    homes.deliver("w-1", hourly(START, [5] * 30))
    assert homes.judge() == Changes(raised=1)
    homes.site.conn.execute("UPDATE assignment_version SET valid_to = %s", (NOW - HOUR,))
    assert homes.sweep() == Changes(cleared=1)
    assert homes.states() == []


def test_a_unit_has_one_flag_for_all_its_meters(homes: Homes) -> None:
    kitchen, bath = hourly(START + 30 * HOUR, [5] * 40), hourly(START, [6] * 70)
    homes.deliver("kitchen", kitchen)
    homes.deliver("bath", bath)
    assert homes.judge() == Changes(raised=1)
    assert homes.flag().evidence["serial"] == "bath"
    homes.deliver("bath", more(bath, [0] * 5))
    assert homes.judge() == Changes()  # the kitchen still leaks
    homes.deliver("kitchen", more(kitchen, [0] * 5))
    assert homes.judge() == Changes(cleared=1)


def test_bulk_meters_are_no_units(homes: Homes) -> None:
    homes.deliver("bulk", hourly(START, [5] * 40))
    homes.deliver("tap", hourly(START, [5] * 40))
    homes.judge()
    homes.sweep()
    event = homes.flag()
    assert (event.subject.type, event.subject.id) == (SubjectType.COMMON, "garden")


def test_litres_are_litres_whatever_the_scaler(homes: Homes) -> None:
    homes.deliver("w-1", hourly(START, [2] * 60), TENS)
    assert homes.judge() == Changes(raised=1)
    assert "1200 L so far, use included" in homes.flag().message


def test_another_scaler_begins_anew(homes: Homes) -> None:
    rows = hourly(START, [5] * 30)
    homes.deliver("w-1", rows)
    assert homes.judge() == Changes(raised=1)
    homes.deliver("w-1", hourly(rows[-1][0] + HOUR, [0] * 4, 100), TENS)
    assert homes.judge() == Changes(cleared=1)


def test_other_rules_look_at_the_past_again(homes: Homes) -> None:
    homes.deliver("w-1", hourly(START, [5] * 30))
    homes.judge()
    (before,) = homes.states()
    early = WaterRules(ZONE, Point.EARLY)
    homes.sweep(rules=early)
    assert homes.site.one("SELECT rules FROM rule_state") == early.name
    assert homes.states()[0][1] == before[1]
    assert homes.flag().subject.id == "A-1"


def test_readings_before_an_assignment_are_not_this_unit_s(homes: Homes) -> None:
    homes.site.conn.execute("UPDATE assignment_version SET valid_from = %s", (START + 20 * HOUR,))
    homes.deliver("w-1", hourly(START, [5] * 30))
    assert homes.judge() == Changes()
    assert homes.sweep() == Changes()


def test_what_was_missed_while_nobody_led_is_judged(homes: Homes) -> None:
    homes.deliver("w-1", hourly(START, [5] * 30))
    refresh(homes.site.conn, NOW)
    homes.site.conn.execute("UPDATE meter SET last_reading_at = last_reading_at")
    assert refresh_water(homes.site.conn, RULES, NOW) == Changes(raised=1)


def test_a_leader_that_dies_in_between_loses_nothing(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(water, "READ_BACK_AT_ONCE", 1)
    for serial in ("w-1", "w-2"):
        homes.deliver(serial, hourly(START, [5] * 30))
    refresh(homes.site.conn, NOW)
    parts = iter([bring_up] * 2)

    def dies(*arguments: Any, **named: Any) -> Judged:
        for judge in parts:
            return judge(*arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(water, "bring_up", dies)
    with pytest.raises(KeyboardInterrupt):
        refresh_water(homes.site.conn, RULES, NOW)
    assert len(homes.flags()) == 1
    monkeypatch.setattr(water, "bring_up", bring_up)
    assert refresh_water(homes.site.conn, RULES, NOW) == Changes(raised=1)
    assert {event.subject.id for event in homes.flags()} == {"A-1", "A-2"}


@pytest.mark.parametrize("seed", range(3))
def test_a_month_in_any_order_ends_in_the_same_flags(homes: Homes, seed: int) -> None:
    dice = random.Random(seed)
    begin = local("2026-10-20 00:00")
    flows = [dice.choice([0, 0, 0, 4, 9, 40]) for _ in range(24 * 28)]
    ends = [*[6] * (24 * 3), *([0] * 9 if dice.random() < 0.5 else [7] * 9)]
    rows = hourly(begin, flows + ends)
    parts = [rows[at : at + 40] for at in range(0, len(rows), 40)]
    homes.deliver("w-1", rows)
    homes.judge()
    dice.shuffle(parts)
    for part in parts:
        homes.deliver("w-2", part)
        if dice.random() < 0.7:
            homes.judge()
    homes.judge()
    first, second = homes.states()
    assert first[1:] == second[1:]
    assert {event.subject.id for event in homes.flags()} in ({"A-1", "A-2"}, set())


def test_two_leaders_at_once_end_as_one(homes: Homes, store_dsn: str) -> None:
    rows = hourly(START, [5] * 30)
    for serial in ("w-1", "w-2", "kitchen"):
        homes.deliver(serial, rows)
    refresh(homes.site.conn, NOW)
    start = threading.Barrier(2)

    def lead(_: int) -> Changes:
        with connect(store_dsn) as own:
            start.wait()
            return refresh_water(own, RULES, NOW)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lead, range(2)))
    assert sum(each.raised for each in both) == 3
    assert len(homes.flags()) == 3
    states = homes.states()
    homes.site.conn.execute("DELETE FROM rule_state")
    homes.sweep()
    assert homes.states() == states


def test_what_begins_does_not_keep_what_arrives_waiting(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(water, "BEGUN_AT_ONCE", 1)
    for serial in ("w-1", "w-2", "kitchen"):
        homes.deliver(serial, hourly(START, [5] * 30))
    assert homes.judge() == Changes(raised=1)
    swept = [sweep_water(homes.site.conn, RULES, NOW) for _ in range(3)]
    assert [each.changes.raised for each in swept] == [1, 1, 0]
    assert [each.behind for each in swept] == [True, True, False]


def test_a_flag_of_former_rules_waits_for_the_new_ones(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = hourly(START, [5] * 30)
    homes.deliver("w-1", rows)
    homes.judge()
    monkeypatch.setattr(water, "BEGUN_AT_ONCE", 0)
    homes.deliver("w-1", more(rows, [5]))
    assert homes.judge(rules=WaterRules(ZONE, Point.EARLY)) == Changes()
    assert homes.flag().subject.id == "A-1"
