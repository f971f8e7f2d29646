# SPDX-License-Identifier: MIT
"""Dials that were not read by the set day: raised, and cleared for three reasons."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.self_read_look import Sent
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.month.close import close_month
from cloud_ingest.month.self_read_due import DueRules, flag_self_reads
from cloud_ingest.store.events import list_events
from shared_schema.catalogue import Service
from shared_schema.events import Event, EventKind
from tests.support.store import SOCIETY, ZONE, Site, local, unit_line

BORDER = local("2026-08-01 00:00")
DUE = local("2026-08-02 00:00")
RULES = DueRules(timedelta(days=3), 2)
ELECTRICITY = Service.ELECTRICITY


@pytest.fixture
def flats(site: Site) -> Site:
    site.units(
        "Tower 1,unit,C-0304,electricity,grid,LNT,26104711,yes,2026-06-01,",
        "Tower 1,common,lift,electricity,grid,,,yes,2026-06-01,",
        unit_line("A-1204", "1"),
    )
    return site


def sweep(site: Site, now: datetime, rules: DueRules = RULES) -> tuple[int, int]:
    done = flag_self_reads(site.conn, lambda _: rules, ZONE, now)
    return done.raised, done.cleared


def flags(site: Site) -> dict[str, Event]:
    found = list_events(site.conn, kinds=[EventKind.SELF_READ_DUE], state=None)
    return {each.event.subject.id: each.event for each in found}


def read(site: Site, value: str, at: datetime, unit: str = "C-0304") -> None:
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter(unit, ELECTRICITY),
        value=Decimal(value),
        at=at,
        by="resident",
        now=DUE + timedelta(days=5),
    )


def test_a_dial_that_was_not_read_is_due_from_the_set_day(flats: Site) -> None:
    assert sweep(flats, DUE - timedelta(seconds=1)) == (0, 0)
    assert sweep(flats, DUE) == (2, 0)
    assert sweep(flats, DUE + timedelta(hours=1)) == (0, 0)
    event = flags(flats)["C-0304"]
    assert event.message == (
        "The dial of C-0304, electricity, was not read for 2026-07: read until 4 Aug it closes the "
        "month."
    )
    assert (event.evidence["meters"], event.since) == (["LNT 26104711"], BORDER)


def test_no_set_day_is_no_flag(flats: Site) -> None:
    assert sweep(flats, DUE, DueRules(timedelta(days=3), None)) == (0, 0)


def test_a_reading_ends_it(flats: Site) -> None:
    sweep(flats, DUE)
    read(flats, "4711", BORDER + timedelta(days=1))
    assert sweep(flats, DUE + timedelta(hours=1)) == (0, 1)
    assert "its dial was read" in _why(flats)


def test_a_month_that_was_closed_without_it_ends_it(flats: Site) -> None:
    read(flats, "4711", local("2026-07-01 00:00"))
    sweep(flats, DUE)
    read(flats, "4800", local("2026-08-02 12:00"))
    close_month(flats.conn, SOCIETY, "2026-07", DUE + timedelta(days=1))
    flats.conn.execute("DELETE FROM reading WHERE raw = 4800000")
    assert sweep(flats, DUE + timedelta(days=1)) == (0, 1)
    assert "its month was closed with a number" in _why(flats)


def test_too_late_ends_it_and_the_next_month_begins_anew(flats: Site) -> None:
    sweep(flats, DUE)
    assert sweep(flats, BORDER + timedelta(days=3, seconds=1)) == (0, 2)
    assert "too late for its month" in _why(flats)
    assert sweep(flats, local("2026-09-02 00:00")) == (2, 0)


def test_a_bulk_dial_that_was_sent_waits_for_the_manager(site: Site) -> None:
    site.units(
        "Tower 1,bulk,mains,electricity,grid,LNT,5,yes,2026-06-01,",
        "Tower 1,bulk,mains,electricity,solar,LNT,6,yes,2026-06-01,",
    )
    for source, told in (("grid", "was not read"), ("solar", "waits for a decision")):
        named = NamedMeter("mains", ELECTRICITY, source, subject_type="bulk")
        sent = Sent(named, f"phone-{source}", "4711", BORDER)
        submit(site.conn, site.one("SELECT society_id FROM society"), sent, Sender("guard"), DUE)
        sweep(site, DUE)
        assert told in flags(site)["Tower 1"].message


def test_what_waits_for_the_manager_is_told(flats: Site) -> None:
    society_id = int(flats.one("SELECT society_id FROM society"))
    sent = Sent(NamedMeter("C-0304", ELECTRICITY), "phone-0001", "4711", BORDER)
    submit(flats.conn, society_id, sent, Sender("resident"), DUE)
    sweep(flats, DUE)
    assert "waits for a decision" in flags(flats)["C-0304"].message


def _why(site: Site) -> str:
    return str(site.all("SELECT to_jsonb(c) FROM event_change c"))
