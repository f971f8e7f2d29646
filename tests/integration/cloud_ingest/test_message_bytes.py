# SPDX-License-Identifier: MIT
"""What leaves the cloud is byte for byte what an earlier version sent."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.accept import QuarantineReason
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.flags.silence import refresh_silence
from cloud_ingest.flags.water import refresh_water
from cloud_ingest.flags.water_states import WaterRules
from cloud_ingest.month.close import close_month
from cloud_ingest.operate.send_command import send
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.quarantine_flags import end_flag, raise_flag
from shared_schema.catalogue import ACTIVE_IMPORT, Service, Unit
from shared_schema.gateway import CommandKind
from shared_schema.readings import Column
from shared_schema.signing import SigningKey
from tests.support.gateway import WATER
from tests.support.samples import as_sample, count_for_random, sample
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

KEY = SigningKey.from_private_bytes(bytes(range(32, 64)))
HOUR = timedelta(hours=1)
START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = START - 2 * 24 * HOUR, END + 2 * 24 * HOUR
NOW = local("2026-08-05 09:00")


def outbox(site: Site) -> bytes:
    """Return all that is to be sent, in the order in which it was put there."""
    rows = site.all("SELECT topic, retain, ack_key, payload FROM outbox ORDER BY outbox_id")
    return as_sample(
        (f"{topic} retain={retain} ack={ack_key or '-'}", bytes(payload))
        for topic, retain, ack_key, payload in rows
    )


def imported_before(site: Site) -> None:
    """Let the store have a source of the time in which a list might name any."""
    site.conn.execute("UPDATE assignment_version SET source = 'inlet' WHERE source = 'inlet-1'")


def test_a_closed_month_keeps_its_bytes(site: Site) -> None:
    water = {"service": "water", "source": "inlet-1"}
    site.units(
        unit_line("A-1204", "1"),
        unit_line("A-1204", "2", **water),
        unit_line("C-0302", "3"),
        unit_line("Ü 7/ä", "4", until="2026-07-15T11:00"),
        unit_line("Ü 7/ä", "5", since="2026-07-15T11:00"),
        unit_line("D-1", "6"),
        unit_line("lift", "7", kind="common"),
        unit_line("bulk", "8", kind="bulk"),
        unit_line("bulk", "9", kind="bulk", **water),
    )
    imported_before(site)
    swap = local("2026-07-15 11:00")
    kilo = Column(obis=ACTIVE_IMPORT, scaler=3, unit=Unit.WATT_HOUR)
    for serial, first, last, begin, step, column in (
        ("1", BEFORE, AFTER, 1000, 10, None),
        ("2", BEFORE, AFTER, 0, 7, WATER),
        ("3", BEFORE, local("2026-07-24 14:00"), 0, 5, None),
        ("4", BEFORE, swap, 900_000, 10, None),
        ("5", swap, AFTER, 5, 20, None),
        ("7", BEFORE, AFTER, 10, 1, None),
        ("8", BEFORE, AFTER, 77, 1, kilo),
        ("9", BEFORE, AFTER, 0, 8, WATER),
    ):
        rows = every(first, last, begin, step, HOUR)
        if column is None:
            site.deliver(serial, rows)
        else:
            site.deliver(serial, rows, column=column)
    close_month(site.conn, SOCIETY, "2026-07", NOW)
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter("C-0302", Service.ELECTRICITY),
        value=Decimal("4.2"),
        at=END + 30 * HOUR,
        by="caretaker",
        now=NOW,
    )
    close_month(site.conn, SOCIETY, "2026-07", NOW + HOUR)
    assert outbox(site) == sample("month.txt")


def test_a_changed_month_keeps_its_bytes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is taken back, another one sent, a change held, a tower emptied."""
    site.units(unit_line("A", "1", tower="T1"), unit_line("C", "3", tower="T2"))
    site.deliver("1", every(BEFORE, AFTER, 1000, 10, HOUR))
    site.deliver("3", every(BEFORE, END - 40 * HOUR, 1000, 10, HOUR))
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter("C", Service.ELECTRICITY),
        value=Decimal(9),
        at=END - 20 * HOUR,
        by="caretaker",
        now=END,
    )
    close_month(site.conn, SOCIETY, "2026-07", NOW)
    sent = site.one("SELECT max(outbox_id) FROM outbox")
    site.deliver("3", [(END, 13_000)])
    named = Named("A", Service.ELECTRICITY)
    words = {"by": "manager", "reason": "it is of B"}
    take_back(site.conn, SOCIETY, named, **words, now=NOW + HOUR, apply=True)
    site.units(unit_line("B", "1", tower="T2"), unit_line("C", "3", tower="T2"), now=NOW + HOUR)
    count_for_random(monkeypatch)
    close_month(site.conn, SOCIETY, "2026-07", NOW + HOUR)
    site.conn.execute("DELETE FROM outbox WHERE outbox_id <= %s", (sent,))
    assert outbox(site) == sample("changed-month.txt")


def test_events_keep_their_bytes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = local("2026-07-20 12:07")
    site.units(
        unit_line("A-1204", "2", service="water", source="inlet-1"),
        unit_line("A-1205", "3"),
    )
    imported_before(site)
    wet = every(now.replace(minute=30) - 61 * HOUR, now - HOUR, 1000, 9, HOUR)
    site.deliver("2", wet, column=WATER)
    site.deliver("3", every(now - 90 * HOUR, now - 80 * HOUR, 5, 5, HOUR))
    refresh(site.conn, now)
    count_for_random(monkeypatch)
    refresh_water(site.conn, WaterRules(ZONE), now)
    refresh_silence(site.conn, ZONE, now)
    for later, raw in ((1, wet[-1][1]), (2, wet[-1][1]), (3, wet[-1][1])):
        site.deliver("2", [(wet[-1][0] + later * HOUR, raw)], column=WATER)
    site.deliver("3", [(now, 90)])
    refresh(site.conn, now + 4 * HOUR)
    refresh_water(site.conn, WaterRules(ZONE), now + 4 * HOUR)
    refresh_silence(site.conn, ZONE, now + 4 * HOUR)
    detail = "batch 7 was signed twice"
    raise_flag(
        site.conn,
        society_id=site.one("SELECT society_id FROM society"),
        gateway="gw-a",
        reason=QuarantineReason.FORK,
        detail=detail,
        quarantine_id=3,
        at=now,
    )
    end_flag(
        site.conn, reason=QuarantineReason.FORK, gateway="gw-a", society=SOCIETY, now=now + HOUR
    )
    assert outbox(site) == sample("events.txt")


def test_commands_keep_their_bytes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    count_for_random(monkeypatch)
    for kind, meters, days in (
        (CommandKind.READ_NOW, (), None),
        (CommandKind.SET_CLOCK, ("LNT/26100001", "M/2"), None),
        (CommandKind.BACKFILL, ("LNT/26100001",), 9),
    ):
        send(
            site.conn,
            SOCIETY,
            "gw-a",
            kind,
            key=KEY,
            by="me",
            now=NOW,
            meters=meters,
            since=None if days is None else NOW - timedelta(days=days),
            until=None if days is None else NOW,
        )
    assert outbox(site) == sample("commands.txt")
