# SPDX-License-Identifier: MIT
"""Flags of a tower on a real database: raised by its rollups, named, and cleared."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from itertools import accumulate
from random import Random

import pytest

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.towers import refresh_towers
from cloud_ingest.scoring.tower_sim import FIRST, Fault, Setting, SimulatedTower, simulated
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.events import list_events
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.partitions import make_partitions
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Event, EventKind
from tests.support.fill import roll_up
from tests.support.households import households

DAYS = 90
FAULT_DAY = 70
HOURLY_FROM = 30
UNIT_CODES = {Service.WATER: 13, Service.ELECTRICITY: 30}


@cache
def tower(kind: str, amount: float) -> SimulatedTower:
    fault = Fault("leak" if kind == "leak" else "share", amount, FAULT_DAY)
    setting = Setting(flats=12, days=DAYS, unmetered_sd_l=10.0, outage_a_day=0.0, changes=0)
    return simulated(households(12), fault, Random(3), setting)


class World:
    """A society with one tower, read to the end of a simulated one."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.zone = open_store(conn).zone
        self.now = midnight(FIRST + DAYS * DAY, self.zone) + timedelta(hours=4)
        self.society_id = self._one("INSERT INTO society (name) VALUES ('S') RETURNING society_id")

    def _one(self, text: str, *values: object) -> int:
        row = self.conn.execute(text.encode(), values).fetchone()
        assert row is not None
        return int(row[0])

    def hang(
        self, tower: SimulatedTower, service: Service = Service.WATER, *, bulk: bool = True
    ) -> None:
        """Store what the meters of a tower showed, and roll it up."""
        start = midnight(FIRST, self.zone)
        stretch = range(int(start.timestamp()), int(self.now.timestamp()) + 1, 86400)
        make_partitions(self.conn, StoreCache(), stretch)
        channels = [
            self._meter(name, "unit", service, [own[FIRST + n * DAY] for n in range(DAYS)])
            for name, own in tower.hours.meters.items()
        ]
        if bulk:
            hours = [tower.hours.bulk[FIRST + n * DAY] for n in range(DAYS)]
            channels.append(self._meter("T", "bulk", service, hours))
        roll_up(self.conn, channels, FIRST - DAY, FIRST + DAYS * DAY)

    def _meter(
        self, subject: str, kind: str, service: Service, hours: Sequence[Sequence[float]]
    ) -> int:
        start = midnight(FIRST, self.zone)
        meter = self._one(
            "INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, 'M', %s) "
            "RETURNING meter_id",
            self.society_id,
            f"{service}-{subject}",
        )
        self.conn.execute(
            "INSERT INTO assignment (society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, legacy, valid_from, author, reason, recorded_at)"
            " VALUES (%s, 'A', %s, %s, %s, %s, 'inlet', %s, false, %s, 'me', 'test', now())",
            (self.society_id, kind, subject, subject, service, meter, start),
        )
        channel = self._one(
            "INSERT INTO channel (meter_id, obis, unit, scaler, kind) VALUES (%s, %s, %s, %s,"
            " 'register') RETURNING channel_id",
            meter,
            str(BILLED_REGISTER[service]),
            UNIT_CODES[service],
            -3 if service is Service.WATER else 0,
        )
        shown = list(accumulate((int(each) for day in hours for each in day), initial=1000))
        numbers = [n for n in range(len(shown)) if n % 24 == 0 or n >= HOURLY_FROM * 24]
        self.conn.execute(
            "INSERT INTO reading (channel_id, ts, raw, origin) SELECT %s, ts, raw, 1 "
            "FROM unnest(%s::timestamptz[], %s::bigint[]) AS own (ts, raw)",
            (channel, [start + timedelta(hours=n) for n in numbers], [shown[n] for n in numbers]),
        )
        return channel

    def judge(self) -> Changes:
        return refresh_towers(self.conn, self.zone, self.now)

    def flags(self) -> dict[EventKind, Event]:
        return {each.event.kind: each.event for each in list_events(self.conn)}


@pytest.fixture
def world(store_dsn: str) -> Iterator[World]:
    with connect(store_dsn) as conn:
        yield World(conn)


def test_a_tower_that_loses_water_is_flagged_once(world: World) -> None:
    world.hang(tower("leak", 25.0))
    assert world.judge() == Changes(raised=1)
    assert world.judge() == Changes()
    loss = world.flags()[EventKind.TOWER_LOSS]
    assert (loss.subject.id, loss.service) == ("A", Service.WATER)
    assert abs(loss.since - midnight(FIRST + FAULT_DAY * DAY, world.zone)) <= 2 * DAY
    assert (
        float(str(loss.evidence["least_litres_a_day"]))
        < 600
        < float(str(loss.evidence["most_litres_a_day"]))
    )
    assert "No meter is accused" in loss.message


def test_a_stopped_meter_has_a_flag_of_its_own(world: World) -> None:
    stopped = tower("share", 1.0)
    world.hang(stopped)
    world.judge()
    named = world.flags()[EventKind.STOPPED_METER]
    assert named.unit is not None
    assert (named.unit.id, named.evidence["serial"]) == (stopped.flat, f"water-{stopped.flat}")
    assert "has counted nothing since" in named.message


def test_electricity_is_told_in_kwh(world: World) -> None:
    world.hang(tower("leak", 25.0), Service.ELECTRICITY)
    world.judge()
    loss = world.flags()[EventKind.TOWER_LOSS]
    assert loss.evidence["litres_a_day"] is None
    assert 0.3 < float(str(loss.evidence["kwh_a_day"])) < 0.9


def test_a_tower_without_a_bulk_meter_has_no_flag(world: World) -> None:
    world.hang(tower("leak", 25.0), bulk=False)
    assert world.judge() == Changes()


def test_a_flag_ends_when_the_bulk_meter_goes(world: World) -> None:
    world.hang(tower("leak", 25.0))
    world.judge()
    world.conn.execute(
        "UPDATE assignment SET valid_to = %s WHERE subject_type = 'bulk'",
        (world.now - timedelta(days=2),),
    )
    assert world.judge() == Changes(cleared=1)
