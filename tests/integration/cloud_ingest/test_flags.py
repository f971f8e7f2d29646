# SPDX-License-Identifier: MIT
"""Flags on a real database: whose they are, how they change, and what leaves the outbox."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.silence import refresh_silence
from cloud_ingest.store import outbox
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.events import list_events
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.registry import enrol_gateway
from cloud_ingest.store.rule_inputs import delivered_societies
from cloud_ingest.store.status import put_status
from shared_schema.catalogue import WATER_VOLUME
from shared_schema.events import Event, EventKind
from shared_schema.gateway import Status
from shared_schema.signing import generate_key, public_key_to_pem

ZONE = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG_AGO = NOW - timedelta(days=100)


class World:
    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.society_id = self._one("INSERT INTO society (name) VALUES ('S') RETURNING society_id")

    def _one(self, text: str, *values: object) -> int:
        row = self.conn.execute(text.encode(), values).fetchone()
        assert row is not None
        return int(row[0])

    def meter(
        self,
        serial: str,
        subject: str,
        *,
        subject_type: str = "unit",
        service: str = "water",
        since: datetime = LONG_AGO,
        legacy: bool = False,
    ) -> int:
        meter = self._one(
            "INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, 'M', %s) "
            "RETURNING meter_id",
            self.society_id,
            serial,
        )
        self.conn.execute(
            "INSERT INTO assignment (society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, legacy, valid_from, author, reason, recorded_at)"
            " VALUES (%s, 'A', %s, %s, %s, %s, 'inlet', %s, %s, %s, 'me', 'test', now())",
            (self.society_id, subject_type, subject, subject, service, meter, legacy, since),
        )
        return meter

    def reads(
        self, meter: int, start: datetime, litres: list[int], *, first: int = 1000, scaler: int = -3
    ) -> int:
        """Store hourly registers of a water meter; return the last one."""
        channel = self._one(
            "INSERT INTO channel (meter_id, obis, unit, scaler, kind) VALUES (%s, %s, 13, %s,"
            " 'register') ON CONFLICT (meter_id, obis, unit, scaler, weight) DO UPDATE SET kind ="
            " excluded.kind RETURNING channel_id",
            meter,
            str(WATER_VOLUME),
            scaler,
        )
        times = [int((start + HOUR * number).timestamp()) for number in range(len(litres) + 1)]
        make_partitions(self.conn, StoreCache(), times)
        at, raw = start, first
        for each in [0, *litres]:
            raw += each
            self.conn.execute(
                "INSERT INTO reading VALUES (%s, %s, %s, NULL, 1) ON CONFLICT DO NOTHING",
                (channel, at, raw),
            )
            at += HOUR
        self.conn.execute(
            "UPDATE meter SET last_reading_at = greatest(last_reading_at, %s) WHERE meter_id = %s",
            (at - HOUR, meter),
        )
        return raw

    def flag(self) -> Event:
        (stored,) = list_events(self.conn)
        return stored.event

    def sent(self) -> list[tuple[str, bytes, bool]]:
        due = outbox.hand_out(self.conn, NOW)
        outbox.mark_published(self.conn, [parcel.outbox_id for parcel in due], NOW)
        return [(parcel.topic, parcel.payload, parcel.retain) for parcel in due]


@pytest.fixture
def world(plain_store_dsn: str) -> Iterator[World]:
    with connect(plain_store_dsn) as conn:
        yield World(conn)


def test_a_silent_meter_is_named_with_its_unit(world: World) -> None:
    world.meter("dial", "A-1", legacy=True)
    world.meter("fresh", "A-2", since=NOW - 3 * HOUR)
    silent = world.meter("silent", "A-3", service="electricity")
    well = world.meter("well", "A-4")
    world.reads(well, NOW - 2 * HOUR, [1, 1])
    world.conn.execute(
        "UPDATE meter SET last_reading_at = %s WHERE meter_id = %s", (NOW - 30 * HOUR, silent)
    )
    assert refresh_silence(world.conn, ZONE, NOW) == Changes(raised=1)
    assert refresh_silence(world.conn, ZONE, NOW) == Changes()
    event = world.flag()
    assert (event.kind, event.subject.id) == (EventKind.READ_FAILURE, "M silent")
    assert event.evidence["subject"] == "A-3"
    assert "electricity meter of A-3" in event.message
    world.conn.execute("UPDATE meter SET last_reading_at = %s WHERE meter_id = %s", (NOW, silent))
    assert refresh_silence(world.conn, ZONE, NOW) == Changes(cleared=1)


def test_a_society_still_delivering_is_not_blamed(world: World) -> None:
    since = NOW - 3 * HOUR
    silent = world.meter("silent", "A-1")
    world.conn.execute(
        "UPDATE meter SET last_reading_at = %s WHERE meter_id = %s", (NOW - 30 * HOUR, silent)
    )
    (society,) = world.conn.execute("SELECT society_id FROM meter").fetchone() or (0,)
    for name in ("gw-1", "gw-2"):
        key = public_key_to_pem(generate_key().public_key())
        enrol_gateway(world.conn, "S", name, None, key)
        assert delivered_societies(world.conn, since) == set()
    for name, spooled, expected in (("gw-1", 0, set()), ("gw-2", 4, set()), ("gw-2", 0, {society})):
        status = Status(
            gateway=name, session=uuid4(), state="online", at=NOW, meters_behind=0, spooled=spooled
        )
        put_status(world.conn, status, NOW)
        assert delivered_societies(world.conn, since) == expected
    assert delivered_societies(world.conn, NOW + HOUR) == set()
    assert refresh_silence(world.conn, ZONE, NOW, set()) == Changes()
    assert refresh_silence(world.conn, ZONE, NOW, {society}) == Changes(raised=1)
    assert refresh_silence(world.conn, ZONE, NOW, set()) == Changes()


def test_retained_flags_are_sent_again(world: World) -> None:
    for topic, payload in (("a", b"1"), ("a", b"2"), ("b", b"1"), ("b", b""), ("c", b"1")):
        outbox.enqueue(world.conn, topic, payload, retain=topic != "c")
    assert len(world.sent()) == 5
    assert outbox.requeue_retained(world.conn) == 1
    assert world.sent() == [("a", b"2", True)]
    assert outbox.prune(world.conn, NOW + HOUR) == 4
    assert outbox.requeue_retained(world.conn) == 1
