# SPDX-License-Identifier: MIT
"""Flags on a real database: whose they are, how they change, and what leaves the outbox."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.flags.leaks import refresh_leaks
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

    def leaks(self, *meters: int) -> Changes:
        return refresh_leaks(self.conn, ZONE, NOW, set(meters) or None)

    def flag(self) -> Event:
        (stored,) = list_events(self.conn)
        return stored.event

    def sent(self) -> list[tuple[str, bytes, bool]]:
        due = outbox.due(self.conn, NOW)
        outbox.mark_published(self.conn, [parcel.outbox_id for parcel in due], NOW)
        return [(parcel.topic, parcel.payload, parcel.retain) for parcel in due]


@pytest.fixture
def world(plain_store_dsn: str) -> Iterator[World]:
    with connect(plain_store_dsn) as conn:
        yield World(conn)


def test_a_leak_is_raised_once_for_people(world: World) -> None:
    meter = world.meter("w", "A-1204")
    start = NOW.replace(minute=0) - 60 * HOUR
    world.reads(meter, start, [0, 0, *[9] * 30, 5, *[9] * 27])
    assert world.leaks() == Changes(raised=1)
    assert world.leaks() == Changes()
    assert world.leaks(meter) == Changes()
    event = world.flag()
    assert event.since == start + 2 * HOUR
    assert event.message == "No dry hour since 18 Nov 2026 07:30, lowest hour 5 L."
    assert event.evidence["serial"] == "w"
    assert event.evidence["start_known"] is True
    ((topic, payload, retain),) = world.sent()
    assert topic == "metering/v1/society/S/events/leak/unit/A-1204/water"
    assert Event.from_line(payload) == event
    assert retain


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (39, "No dry hour since at least 12 Oct 2026 17:37, lowest hour 5 L."),
        (60, "No dry hour for more than 40 days, lowest hour 5 L."),
    ],
)
def test_a_very_old_flow_is_told_as_longer(world: World, days: int, words: str) -> None:
    meter = world.meter("w", "A-1204")
    world.reads(meter, NOW - timedelta(days=days), [5] * 24 * days)
    assert world.leaks() == Changes(raised=1)
    assert world.flag().message == words
    assert world.flag().evidence["start_known"] is False
    assert world.leaks() == Changes()


def test_only_meters_with_news_are_judged(world: World) -> None:
    leaking, other = world.meter("w", "A-1"), world.meter("x", "A-2")
    world.reads(leaking, NOW - 40 * HOUR, [5] * 40)
    assert world.leaks(other) == Changes()
    assert world.leaks(leaking) == Changes(raised=1)


def test_only_meters_of_units_are_judged(world: World) -> None:
    for serial, subject_type, legacy in (
        ("b", "bulk", False),
        ("c", "common", False),
        ("d", "unit", True),
    ):
        meter = world.meter(serial, serial, subject_type=subject_type, legacy=legacy)
        world.reads(meter, NOW - 40 * HOUR, [50] * 40)
    assert world.leaks() == Changes()


def test_a_unit_has_one_flag_for_all_inlets(world: World) -> None:
    kitchen, bath = world.meter("k", "A-1"), world.meter("b", "A-1")
    world.reads(kitchen, NOW - 40 * HOUR, [5] * 40)
    world.reads(bath, NOW - 70 * HOUR, [6] * 70)
    assert world.leaks() == Changes(raised=1)
    assert world.flag().evidence["serial"] == "b"
    raw = 1000 + 6 * 70
    world.reads(bath, NOW, [0] * 5, first=raw)
    assert world.leaks(bath) == Changes()  # the kitchen still leaks
    world.reads(kitchen, NOW, [0] * 5, first=1200)
    assert world.leaks(kitchen) == Changes(cleared=1)


def test_a_back_fill_moves_the_beginning(world: World) -> None:
    meter = world.meter("w", "A-1")
    last = world.reads(meter, NOW - 30 * HOUR, [5] * 30)
    world.leaks()
    first = world.flag()
    world.sent()
    world.reads(meter, NOW - 90 * HOUR, [5] * 60, first=last - 90 * 5)
    assert world.leaks(meter) == Changes()
    moved = world.flag()
    assert (moved.id, moved.since) == (first.id, NOW - 90 * HOUR)
    ((_, payload, retain),) = world.sent()
    assert Event.from_line(payload).since == moved.since
    assert retain


def test_the_end_is_sent_and_the_topic_emptied(world: World) -> None:
    meter = world.meter("w", "A-1")
    last = world.reads(meter, NOW - 30 * HOUR, [5] * 30)
    world.leaks()
    world.sent()
    world.reads(meter, NOW, [0] * 2, first=last)
    assert world.leaks(meter) == Changes(cleared=1)
    (topic, payload, retain), (same_topic, empty, retain_empty) = world.sent()
    over = Event.from_line(payload)
    assert (over.state, over.cleared_at) == ("cleared", NOW)
    assert (same_topic, empty, retain, retain_empty) == (topic, b"", False, True)
    assert list_events(world.conn) == []
    assert len(list_events(world.conn, state=None)) == 1
    assert outbox.requeue_retained(world.conn) == 0


def test_a_removed_meter_ends_the_flag(world: World) -> None:
    meter = world.meter("w", "A-1")
    world.reads(meter, NOW - 30 * HOUR, [5] * 30)
    assert world.leaks() == Changes(raised=1)
    world.conn.execute("UPDATE assignment SET valid_to = %s", (NOW - HOUR,))
    assert world.leaks(meter) == Changes(cleared=1)


def test_a_flow_elsewhere_is_not_this_unit_s(world: World) -> None:
    meter = world.meter("w", "A-1", since=NOW - 10 * HOUR)
    world.reads(meter, NOW - 40 * HOUR, [5] * 40)
    assert world.leaks() == Changes()


def test_litres_are_litres_whatever_the_scaler(world: World) -> None:
    meter = world.meter("w", "A-1")
    world.reads(meter, NOW - 40 * HOUR, [1] * 40, scaler=-2)  # steps of 10 L
    assert world.leaks() == Changes(raised=1)
    assert "lowest hour 10 L" in world.flag().message


def test_late_readings_are_judged_at_their_time(world: World) -> None:
    """The newest reading is a week old: what runs there is open, what ended there is not."""
    running, ended = world.meter("r", "A-1"), world.meter("e", "A-2")
    start = NOW - timedelta(days=30)
    world.reads(running, start, [5] * 24 * 23)
    world.reads(ended, start, [*[5] * 24 * 20, *[0, 0, 0, 7, 0, 0] * 12])
    assert world.leaks() == Changes(raised=1)
    event = world.flag()
    assert (event.subject.id, event.since) == ("A-1", start)


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
