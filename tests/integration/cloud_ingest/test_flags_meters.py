# SPDX-License-Identifier: MIT
"""Flags of meters on real databases: what they noted, registers that fell or stand still."""

from datetime import datetime, timedelta

import pytest

from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.meter_bits import refresh_meter_bits
from cloud_ingest.flags.stuck import refresh_stuck
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.events import list_events
from shared_schema.catalogue import EVENT_PROFILES, PROFILE_STATUS, WATER_VOLUME, StatusEvent, Unit
from shared_schema.events import Event, EventKind, Severity, SubjectType
from shared_schema.obis import Obis
from shared_schema.readings import Column
from tests.support.store import ZONE, Site, every, local, unit_line

LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = local("2026-11-20 12:07")
MAGNET, NEUTRAL_MISSING, COVER = 201, 207, 251
OTHER_LOG = EVENT_PROFILES[4]


@pytest.fixture
def home(site: Site) -> Site:
    site.units(
        unit_line("A-1", "w-1", service="water", source="inlet-1"),
        unit_line("A-1", "e-1"),
    )
    return site


def note(site: Site, serial: str, log: Obis, code: int, at: datetime) -> None:
    site.conn.execute(
        "INSERT INTO meter_event (meter_id, log, ts, code, received_at) "
        "SELECT meter_id, %s, %s, %s, %s FROM meter WHERE serial = %s",
        (str(log), at, code, at, serial),
    )


def judge(site: Site, now: datetime = NOW) -> Changes:
    return refresh_meter_bits(site.conn, ZONE, now)


def flags(site: Site) -> list[Event]:
    return [each.event for each in list_events(site.conn)]


def test_a_magnet_is_a_tamper_until_it_is_gone(home: Site) -> None:
    note(home, "e-1", OTHER_LOG, MAGNET, NOW - 5 * HOUR)
    assert judge(home) == Changes(raised=1)
    assert judge(home) == Changes()
    (event,) = flags(home)
    assert (event.kind, event.severity) == (EventKind.TAMPER, Severity.ALARM)
    assert (event.subject.type, event.subject.id) == (SubjectType.METER, "LNT e-1")
    assert event.unit is not None
    assert (event.unit.id, event.unit.tower) == ("A-1", "Tower 1")
    assert event.evidence["noted"] == ["magnet"]
    assert event.message == (
        "The electricity meter of A-1 (LNT e-1) noted a tamper (magnet) since Friday 20 Nov 2026 "
        "07:07 IST. Look at the meter, its seals and its cable."
    )
    note(home, "e-1", OTHER_LOG, MAGNET + 1, NOW + HOUR)
    assert judge(home, NOW + 2 * HOUR) == Changes(cleared=1)


def test_a_missing_neutral_says_what_was_noted(home: Site) -> None:
    note(home, "e-1", OTHER_LOG, NEUTRAL_MISSING, NOW - 5 * HOUR)
    assert judge(home) == Changes(raised=1)
    (event,) = flags(home)
    assert (event.kind, event.evidence["noted"]) == (EventKind.NEUTRAL, ["neutral missing"])


def test_an_opened_cover_is_told_for_a_week(home: Site) -> None:
    note(home, "e-1", OTHER_LOG, COVER, NOW)
    assert judge(home, NOW + HOUR) == Changes(raised=1)
    assert judge(home, NOW + 6 * DAY) == Changes()
    assert judge(home, NOW + 8 * DAY) == Changes(cleared=1)


@pytest.mark.parametrize("event", StatusEvent)
def test_each_bit_of_a_status_is_a_flag(home: Site, event: StatusEvent) -> None:
    note(home, "w-1", PROFILE_STATUS, event, NOW - 5 * HOUR)
    assert judge(home) == Changes(raised=1)
    (flag,) = flags(home)
    assert flag.service == "water"
    assert "The water meter of A-1 (LNT w-1)" in flag.message
    is_loss = flag.kind in {EventKind.LEAK, EventKind.BURST}
    assert flag.subject.type is (SubjectType.UNIT if is_loss else SubjectType.METER)
    assert (flag.evidence.get("rule") == "the meter says so") is is_loss
    note(home, "w-1", PROFILE_STATUS, event + 1, NOW - HOUR)
    assert judge(home) == Changes(cleared=1)


def test_a_bit_that_stays_set_is_told_for_months(home: Site) -> None:
    note(home, "w-1", PROFILE_STATUS, StatusEvent.DRY_PIPE, NOW - 40 * DAY)
    assert judge(home) == Changes(raised=1)
    assert judge(home, NOW + 60 * DAY) == Changes()
    note(home, "w-1", PROFILE_STATUS, StatusEvent.DRY_PIPE + 1, NOW + 61 * DAY)
    assert judge(home, NOW + 62 * DAY) == Changes(cleared=1)


def test_a_removed_meter_says_nothing(home: Site) -> None:
    note(home, "w-1", PROFILE_STATUS, StatusEvent.LEAK, NOW - 5 * HOUR)
    assert judge(home) == Changes(raised=1)
    home.conn.execute("UPDATE assignment_version SET valid_to = %s", (NOW,))
    assert judge(home, NOW + HOUR) == Changes(cleared=1)


def test_what_was_noted_elsewhere_is_not_this_unit_s(home: Site) -> None:
    home.conn.execute("UPDATE assignment_version SET valid_from = %s", (NOW - HOUR,))
    note(home, "w-1", PROFILE_STATUS, StatusEvent.LEAK, NOW - 5 * HOUR)
    assert judge(home) == Changes()


def test_a_register_that_runs_back_is_told_and_over(home: Site) -> None:
    start = NOW.replace(minute=0) - 40 * HOUR
    before = every(start, start + 20 * HOUR, 1000, 5, HOUR)
    fallen = before[-1][1] - 30
    after = every(start + 21 * HOUR, start + 40 * HOUR, fallen, 0, HOUR)
    home.deliver("w-1", [*before, *after], column=LITRES, period_s=3600)
    refresh(home.conn, NOW)
    assert judge(home) == Changes(raised=1)
    (event,) = flags(home)
    assert (event.kind, event.severity) == (EventKind.REVERSE_FLOW, Severity.WATCH)
    assert event.since == before[-1][0]
    assert "ran back by 30 L" in event.message
    note(home, "w-1", PROFILE_STATUS, StatusEvent.REVERSE_FLOW, NOW - HOUR)
    assert judge(home) == Changes()
    assert flags(home)[0].evidence["litres_so_far"] == "30"
    note(home, "w-1", PROFILE_STATUS, StatusEvent.REVERSE_FLOW + 1, NOW - HOUR / 2)
    assert judge(home, NOW + 4 * DAY) == Changes(cleared=1)


def test_a_reset_is_no_flow(home: Site) -> None:
    start = NOW.replace(minute=0) - 40 * HOUR
    before = every(start, start + 20 * HOUR, 900_000, 5, HOUR)
    after = every(start + 21 * HOUR, start + 40 * HOUR, 0, 5, HOUR)
    home.deliver("w-1", [*before, *after], column=LITRES, period_s=3600)
    refresh(home.conn, NOW)
    assert home.one("SELECT count(*) FROM register_break") == 1
    assert judge(home) == Changes()


def lived_in(site: Site, until: datetime, still_from: datetime) -> int:
    """Deliver daily registers of both services; return what the water register shows last."""
    start, shown = local("2026-10-05 00:00"), 1000
    water: list[tuple[datetime, int]] = []
    for number in range((until - start) // DAY + 1):
        at = start + number * DAY
        shown += 250 if at <= still_from else 0
        water.append((at, shown))
    site.deliver("w-1", water, column=LITRES, period_s=86400)
    site.deliver("e-1", every(start, until, 500_000, 6000, DAY), period_s=86400)
    refresh(site.conn, NOW)
    return shown


def test_a_register_is_stuck_while_its_flat_lives(home: Site) -> None:
    shown = lived_in(home, local("2026-11-20 00:00"), local("2026-11-10 00:00"))
    assert refresh_stuck(home.conn, ZONE, NOW) == Changes(raised=1)
    assert refresh_stuck(home.conn, ZONE, NOW) == Changes()
    (event,) = flags(home)
    assert (event.kind, event.subject.id) == (EventKind.STUCK_REGISTER, "LNT w-1")
    assert event.since == local("2026-11-10 00:00")
    assert "while the flat took 60 kWh" in event.message
    home.deliver("w-1", [(NOW - 12 * HOUR, shown + 9)], column=LITRES, period_s=86400)
    home.deliver("w-1", [(NOW + 12 * HOUR, shown + 90)], column=LITRES, period_s=86400)
    refresh(home.conn, NOW + DAY)
    assert refresh_stuck(home.conn, ZONE, NOW + DAY) == Changes(cleared=1)


def test_a_week_of_still_water_is_not_stuck(home: Site) -> None:
    lived_in(home, local("2026-11-20 00:00"), local("2026-11-13 00:00"))
    assert refresh_stuck(home.conn, ZONE, NOW) == Changes()
