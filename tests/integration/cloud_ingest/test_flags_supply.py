# SPDX-License-Identifier: MIT
"""Towers with water for some hours a day: entered, shown by a bulk meter, late and corrected."""

import json
import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.supply import LEARNT, SupplyEntered, enter_supply
from cloud_ingest.errors import NotFound, SupplyRefused
from cloud_ingest.flags.water import refresh_water, sweep_water
from cloud_ingest.flags.water_states import WaterRules
from cloud_ingest.flags.water_supply import SupplySaid, supply_of_towers
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.events import list_events
from shared_schema.catalogue import WATER_VOLUME, Unit
from shared_schema.events import Event, EventKind
from shared_schema.readings import Column
from tests.support.store import SOCIETY, ZONE, Site, local, unit_line

LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = local("2026-09-01 00:00")
FIRST = date(2026, 9, 1)
RULES = WaterRules(ZONE)
MORNING = "06:00-09:00"
FILLS = [80, 80, 0]
"""Litres of the three hours of a morning: the tank is full after two."""
LEAKS = [100, 100, 20]
TOWER = [9000, 7000, 200]
LONG = [95, 90, 92, 95, 90]
"""A big tank that fills for five hours."""

Rows = list[tuple[datetime, int]]


class Tower:
    """A society with two towers; each has two flats and a bulk meter."""

    def __init__(self, site: Site) -> None:
        self.site = site
        site.units(
            *(
                unit_line(f"{tower}-{flat}", f"{tower}{flat}", **water, tower=tower)
                for tower in "AB"
                for flat in (1, 2)
            ),
            *(
                unit_line(tower, f"bulk{tower}", **water, kind="bulk", tower=tower)
                for tower in "AB"
            ),
        )
        self.now = START

    def deliver(self, serial: str, rows: Rows) -> None:
        if rows:
            self.site.deliver(serial, rows, column=LITRES, period_s=3600)
            self.now = max(self.now, rows[-1][0] + HOUR)

    def judge(self) -> None:
        """Judge until nothing waits: a bulk meter may mark the flats of its tower."""
        refresh(self.site.conn, self.now)
        refresh_water(self.site.conn, RULES, self.now)
        refresh_water(self.site.conn, RULES, self.now)

    def enter(self, hours: str, tower: str | None = "A", since: date = FIRST) -> SupplyEntered:
        return enter_supply(
            self.site.conn,
            SOCIETY,
            tower,
            hours,
            valid_from=since,
            by="secretary",
            reason="board's notice",
            now=self.now,
        )

    def flags(self) -> list[Event]:
        return [each.event for each in list_events(self.site.conn)]

    def said(self, tower: str = "A") -> list[SupplySaid]:
        found = supply_of_towers(self.site.conn, 1, RULES.name, ZONE, self.now)
        return [each for each in found if each.tower == tower]

    def states(self, tower: str) -> list[bytes]:
        return [
            bytes(state)
            for (state,) in self.site.all(
                "SELECT state FROM rule_state JOIN channel USING (channel_id) "
                "JOIN meter USING (meter_id) WHERE serial LIKE %s ORDER BY serial",
                f"%{tower}%",
            )
        ]


water = {"service": "water", "source": "inlet-1"}


@pytest.fixture
def towers(site: Site) -> Tower:
    return Tower(site)


def mornings(first: date, days: Sequence[Sequence[int]]) -> Rows:
    """Hourly registers of days with water from six o'clock on."""
    begin = local(f"{first} 00:00")
    rows = [(begin, 1000)]
    for litres in days:
        for hour in range(24):
            flow = litres[hour - 6] if 0 <= hour - 6 < len(litres) else 0
            rows.append((rows[-1][0] + HOUR, rows[-1][1] + flow))
    return rows


def test_no_burst_is_told_on_day_one_of_entered_supply(towers: Tower) -> None:
    towers.enter("06:00-11:00")
    towers.deliver("A1", mornings(FIRST, [LONG]))
    towers.deliver("B1", mornings(FIRST, [LONG])[:13])
    towers.judge()
    (burst,) = towers.flags()
    assert (burst.kind, burst.subject.id) == (EventKind.BURST, "B-1")


def test_entered_hours_end_what_was_told_without_them(towers: Tower) -> None:
    towers.deliver("A1", mornings(FIRST, [LONG])[:13])
    towers.judge()
    assert [each.kind for each in towers.flags()] == [EventKind.BURST]
    assert towers.enter("06:00-11:00").judged_again == 1
    towers.judge()
    assert towers.flags() == []


def test_hours_hold_from_their_day_on(towers: Tower) -> None:
    towers.deliver("A1", mornings(FIRST, [LONG])[:13])
    towers.judge()
    assert towers.enter("06:00-11:00", since=FIRST + DAY).judged_again == 0
    towers.judge()
    assert [each.kind for each in towers.flags()] == [EventKind.BURST]


def test_hours_can_be_taken_back(towers: Tower) -> None:
    towers.enter("06:00-11:00")
    towers.deliver("A1", mornings(FIRST, [LONG])[:13])
    towers.judge()
    assert towers.enter(LEARNT) == SupplyEntered(None, 1)
    towers.judge()
    assert [each.kind for each in towers.flags()] == [EventKind.BURST]
    kept = towers.site.all("SELECT hours, author, reason FROM supply_entry ORDER BY 1 NULLS LAST")
    assert kept == [
        ([6, 7, 8, 9, 10], "secretary", "board's notice"),
        (None, "secretary", "board's notice"),
    ]


def test_a_bulk_meter_tells_its_tower_s_flats(towers: Tower) -> None:
    """A flat leaks before its own register could have shown the hours, after 28 days."""
    for tower in "AB":
        towers.deliver(f"{tower}1", mornings(FIRST + 30 * DAY, [FILLS] * 24 + [LEAKS] * 3))
    towers.deliver("bulkA", mornings(FIRST, [TOWER] * 57))
    towers.judge()
    (leak,) = towers.flags()
    assert (leak.kind, leak.subject.id) == (EventKind.LEAK, "A-1")
    assert f"in the hours with supply ({MORNING}, by the tower's bulk meter)" in leak.message
    evidence = leak.evidence
    assert (evidence["supply_hours"], evidence["supply_source"]) == (MORNING, "bulk")
    assert evidence["litres_a_month"] is None


def test_a_tower_with_water_all_day_is_judged_as_before(towers: Tower) -> None:
    towers.deliver("bulkA", mornings(FIRST, [[500] * 18] * 40))
    towers.deliver("A1", mornings(FIRST + 39 * DAY, [[5] * 18, [5] * 18])[:31])
    towers.judge()
    assert towers.said() == [SupplySaid("A", None, None, None)]


@pytest.mark.parametrize("seed", range(3))
def test_late_readings_of_a_bulk_meter_end_the_same(towers: Tower, seed: int) -> None:
    dice = random.Random(seed)
    days = [dice.choice([FILLS, FILLS, [70, 60, 0], [90, 80, 5]]) for _ in range(31)]
    bulk = mornings(FIRST, [TOWER] * 35)
    flat = mornings(FIRST, [*days, *[LEAKS] * 4])
    for serial, rows in (("bulkA", bulk), ("A1", flat)):
        towers.deliver(serial, rows)
        towers.judge()
    parts = [
        (serial, rows[at : at + 60])
        for serial, rows in (("bulkB", bulk), ("B1", flat))
        for at in range(0, len(rows), 60)
    ]
    dice.shuffle(parts)
    for serial, rows in parts:
        towers.deliver(serial, rows)
        if dice.random() < 0.5:
            towers.judge()
    towers.judge()
    assert towers.states("A") == towers.states("B")
    assert {each.subject.id for each in towers.flags()} == {"A-1", "B-1"}


def test_a_swept_store_ends_as_one_that_was_judged(towers: Tower) -> None:
    towers.deliver("bulkA", mornings(FIRST, [TOWER] * 35))
    towers.deliver("A1", mornings(FIRST, [*[FILLS] * 31, *[LEAKS] * 4]))
    towers.judge()
    judged = towers.states("A")
    towers.site.conn.execute("DELETE FROM rule_state")
    sweep_water(towers.site.conn, RULES, towers.now)
    towers.judge()
    assert towers.states("A") == judged
    assert [each.kind for each in towers.flags()] == [EventKind.LEAK]


@pytest.mark.parametrize("seed", range(3))
def test_entries_of_any_time_end_as_if_known_before(towers: Tower, seed: int) -> None:
    dice = random.Random(seed)
    rows = mornings(FIRST, [dice.choice([FILLS, LEAKS, LONG]) for _ in range(20)])
    for at in range(0, len(rows), 50):
        towers.deliver("A1", rows[at : at + 50])
        if dice.random() < 0.6:
            hours = dice.choice([MORNING, "06:00-11:00", "all day", LEARNT])
            since = FIRST + dice.randrange(20) * DAY
            towers.enter(hours, tower=dice.choice(["A", None]), since=since)
        if dice.random() < 0.7:
            towers.judge()
    towers.judge()
    judged, flags = towers.states("A"), towers.flags()
    towers.site.conn.execute("DELETE FROM rule_state")
    sweep_water(towers.site.conn, RULES, towers.now)
    assert towers.states("A") == judged
    assert towers.flags() == flags


def test_one_bulk_meter_of_two_tells_nothing(towers: Tower) -> None:
    towers.site.units(
        unit_line("A", "bulkA2", **{**water, "source": "tanker"}, kind="bulk", tower="A")
    )
    towers.deliver("bulkA", mornings(FIRST, [TOWER] * 30))
    towers.judge()
    assert towers.said() == [SupplySaid("A", None, None, None)]
    towers.deliver("bulkA2", mornings(FIRST, [[0, 0, 0, 700]] * 30))
    towers.judge()
    assert [str(each.supply) for each in towers.said()] == ["06:00-10:00"]


def test_people_are_believed_before_bulk_meters(towers: Tower) -> None:
    towers.deliver("bulkA", mornings(FIRST, [TOWER] * 30))
    towers.judge()
    towers.enter("05:00-07:00", tower=None, since=FIRST + 10 * DAY)
    towers.enter("18:00-20:00", since=FIRST + 20 * DAY)
    shown = [(each.since, str(each.supply)) for each in towers.said()]
    assert shown == [
        (FIRST, MORNING),
        (FIRST + 10 * DAY, "05:00-07:00"),
        (FIRST + 20 * DAY, "18:00-20:00"),
    ]
    assert [str(each.supply) for each in towers.said("B")] == ["05:00-07:00"]


def test_nothing_is_kept_of_hours_that_are_refused(towers: Tower) -> None:
    with pytest.raises(SupplyRefused, match="'6' is no span of hours"):
        towers.enter("6 to 9")
    with pytest.raises(SupplyRefused, match="--from 1999-01-01 is not within"):
        towers.enter(MORNING, since=date(1999, 1, 1))
    with pytest.raises(NotFound, match="no tower 'C' with water meters: it has 'A', 'B'"):
        towers.enter(MORNING, tower="C")
    assert towers.site.one("SELECT count(*) FROM supply_entry") == 0


@pytest.mark.usefixtures("towers")
def test_hours_are_entered_and_shown_by_command(store_dsn: str) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [*words, "--society", SOCIETY, "--dsn", store_dsn])
        assert done.exit_code == 0, done.output
        return done.output

    entry = ["--from", "2026-09-01", "--by", "secretary", "--reason", "board's notice"]
    assert run("supply", "enter", MORNING, "--tower", "A", *entry) == (
        "A: water 06:00-09:00, from 2026-09-01 on\n"
    )
    own, other = run("supply", "list", "--json").splitlines()
    assert json.loads(own)["hours"] == [6, 7, 8]
    assert json.loads(own)["by"] == "secretary"
    assert json.loads(other)["source"] == "meter"
    shown = run("supply", "list")
    assert "each meter's own register" in shown
    assert MORNING in shown
