# SPDX-License-Identifier: MIT
"""Flags of electricity meters on a store, from days of the rollups and newest voltages."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cloud_ingest.flags import electricity
from cloud_ingest.flags.electricity import refresh_loads, refresh_phases
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.load_days import ACTIVE_EXPORT, loads_due, put_changed, put_judged
from shared_schema.catalogue import Unit
from shared_schema.events import Event
from shared_schema.obis import Obis
from shared_schema.readings import Column
from tests.support.store import ZONE, Site, local, unit_line

START = local("2026-07-01 00:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EXPORT_WH = Column(obis=ACTIVE_EXPORT, scaler=0, unit=Unit.WATT_HOUR)


class Flat:
    """A flat with one meter, whose days a test makes up."""

    def __init__(self, conn: Connection, folder: Path) -> None:
        self.conn = conn
        self.site = Site(conn, folder)
        self.site.units(unit_line("A-1204", "e1"))
        self.at, self.raw, self.given = START, 1_000_000, 0

    def takes(self, *kwh: float, gives: float = 0) -> Changes:
        """Let days pass; judge each the morning after."""
        for each in kwh:
            end = self.at + DAY
            step = round(each * 1000 / 24)
            rows = [(self.at + HOUR * number, self.raw + step * number) for number in range(27)]
            self.raw, self.at = self.raw + step * 24, end
            self.site.deliver("e1", rows[1:], period_s=3600)
            if gives:
                back = [(end - DAY, self.given), (end, self.given + round(gives * 1000))]
                self.given = back[-1][1]
                self.site.deliver("e1", back, column=EXPORT_WH, period_s=0)
            changes = self.judge()
        return changes

    def judge(self) -> Changes:
        now = self.at + 3 * HOUR
        refresh(self.conn, now)
        return refresh_loads(self.conn, ZONE, now).changes

    def open(self) -> list[Event]:
        return [flag.event for flag in list_events(self.conn)]


@pytest.fixture
def flat(conn: Connection, tmp_path: Path) -> Flat:
    return Flat(conn, tmp_path)


def test_a_flat_that_takes_nothing_is_flagged_until_it_does(flat: Flat) -> None:
    flat.takes(*[6.0] * 25)
    assert flat.takes(0) == Changes(raised=1)
    assert flat.judge() == Changes(), "a day is judged once"
    (event,) = flat.open()
    assert (event.kind, event.severity) == ("no_load", "alarm")
    assert event.unit is not None
    assert (event.unit.id, event.since) == ("A-1204", START + 25 * DAY)
    assert event.message == (
        "A-1204 has taken no electricity since 26 Jul 2026; 6.0 kWh a day are usual. It has not had"
        " such a day for long. Is its main switch off, or is nobody at home?"
    )
    assert event.evidence["kwh_a_day_before"] == "6.0"
    assert flat.takes(0) == Changes()
    assert flat.takes(6.0) == Changes(cleared=1)
    flat.takes(*[6.0] * 4)
    assert flat.takes(0).raised == 1
    assert flat.open()[0].severity == "watch", "it was away before"


def test_a_jump_is_flagged_on_its_second_day(flat: Flat) -> None:
    flat.takes(*[6.0] * 25)
    assert flat.takes(30.0) == Changes()
    assert flat.takes(30.0) == Changes(raised=1)
    (event,) = flat.open()
    assert (event.kind, event.evidence["kwh_a_day_now"]) == ("load_jump", "30.0")
    assert flat.takes(6.0) == Changes(cleared=1)


def test_energy_given_back_is_flagged(flat: Flat) -> None:
    flat.takes(*[6.0] * 5)
    flat.takes(6.0, gives=0.0004)
    assert flat.takes(6.0, gives=1.2) == Changes(raised=1)
    (event,) = flat.open()
    assert (event.kind, event.evidence["kwh_so_far"]) == ("reverse_energy", "1.200")


def test_a_day_that_comes_late_is_judged_again(flat: Flat) -> None:
    flat.takes(*[6.0] * 25)
    missed = [(flat.at + HOUR * number, flat.raw) for number in range(1, 26)]
    flat.at += DAY
    flat.site.deliver("e1", [(flat.at + 2 * HOUR, flat.raw)], period_s=3600)
    assert flat.judge() == Changes(), "yesterday is not known"
    flat.site.deliver("e1", missed, period_s=3600)
    assert flat.judge() == Changes(raised=1)
    (event,) = flat.open()
    assert (event.kind, event.since) == ("no_load", flat.at - DAY)
    assert flat.site.one("SELECT count(*) FROM load_change") == 0
    assert flat.judge() == Changes(), "it is judged once"


def test_a_past_that_comes_late_ends_a_jump(flat: Flat) -> None:
    """A use of the weeks that were missing is no jump."""
    flat.takes(*[6.0] * 35)
    gap = flat.at
    busy = [(gap + HOUR * number, flat.raw + 1250 * number) for number in range(1, 25 * 5)]
    flat.at, flat.raw = gap + 6 * DAY, busy[-1][1] + 1000
    flat.takes(*[6.0] * 29)
    assert flat.takes(30.0, 30.0) == Changes(raised=1)
    flat.site.deliver("e1", busy, period_s=3600)
    assert flat.judge() == Changes(cleared=1)


def test_what_changes_during_a_look_is_looked_at_again(flat: Flat) -> None:
    flat.takes(*[6.0] * 3)
    put_changed(flat.conn, [1])
    day = (flat.at - DAY).astimezone(ZONE).date()
    (due,) = loads_due(flat.conn, day, ZONE, flat.at + 3 * HOUR, 9)
    put_changed(flat.conn, [1])
    put_judged(flat.conn, [due], day)
    (again,) = loads_due(flat.conn, day, ZONE, flat.at + 3 * HOUR, 9)
    put_judged(flat.conn, [again], day)
    assert loads_due(flat.conn, day, ZONE, flat.at + 3 * HOUR, 9) == []


def test_a_full_turn_goes_on_in_the_next(flat: Flat, monkeypatch: pytest.MonkeyPatch) -> None:
    flat.takes(*[6.0] * 2)
    put_changed(flat.conn, [1])
    monkeypatch.setattr(electricity, "AT_ONCE", 1)
    monkeypatch.setattr(electricity, "MOST", 1)
    now = flat.at + 3 * HOUR
    assert refresh_loads(flat.conn, ZONE, now).behind
    assert not refresh_loads(flat.conn, ZONE, now).behind


def test_a_removed_meter_ends_its_flags(flat: Flat) -> None:
    flat.takes(*[6.0] * 25, 0)
    ends = (flat.at - HOUR).astimezone(ZONE).isoformat(timespec="minutes")
    flat.site.units(unit_line("A-1204", "e1", until=ends), now=flat.at + HOUR)
    assert flat.judge() == Changes(cleared=1)


def volts(site: Site, at: datetime, *phases: int) -> None:
    for group, each in zip((32, 52, 72), phases, strict=True):
        obis = Obis.parse(f"1.0.{group}.7.0.255")
        column = Column(obis=obis, scaler=-1, unit=Unit.VOLT)
        site.deliver("e1", [(at, each * 10)], column=column, period_s=0)


def test_a_lost_phase_is_flagged_until_it_is_back(conn: Connection, tmp_path: Path) -> None:
    flat = Flat(conn, tmp_path)
    now = START + 2 * DAY
    volts(flat.site, now - DAY, 231, 229, 233)
    refresh(conn, now)
    for number, changes in ((0, Changes()), (1, Changes(raised=1)), (2, Changes())):
        at = now + number * HOUR / 4
        volts(flat.site, at, 231, 40, 233)
        assert refresh_phases(conn, ZONE, at) == changes
    (event,) = flat.open()
    assert (event.kind, event.since, event.evidence["phases"]) == ("phase_loss", now, ["L2"])
    for number in (3, 4):
        volts(flat.site, now + number * HOUR / 4, 231, 229, 233)
    assert refresh_phases(conn, ZONE, now + HOUR) == Changes(cleared=1)


def test_a_meter_with_one_phase_says_nothing(conn: Connection, tmp_path: Path) -> None:
    flat = Flat(conn, tmp_path)
    column = Column(obis=Obis.parse("1.0.32.7.0.255"), scaler=-1, unit=Unit.VOLT)
    flat.site.deliver("e1", [(START, 2310), (START + HOUR, 2310)], column=column, period_s=0)
    assert refresh_phases(conn, ZONE, START + HOUR) == Changes()
