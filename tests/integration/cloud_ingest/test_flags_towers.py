# SPDX-License-Identifier: MIT
"""Flags of a tower on a real database: raised by its rollups, named, and cleared."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random

import pytest

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.flags.tower_days import Stretch, read_hours, read_towers
from cloud_ingest.flags.towers import refresh_towers
from cloud_ingest.scoring.tower_sim import FIRST, Fault, Setting, SimulatedTower, simulated
from cloud_ingest.store.connection import connect
from shared_schema.catalogue import Service
from shared_schema.events import EventKind
from tests.support.households import households
from tests.support.tower_store import TowerStore

DAYS = 90
FAULT_DAY = 70
HOURLY_FROM = 30


@cache
def tower(kind: str, amount: float) -> SimulatedTower:
    fault = Fault("leak" if kind == "leak" else "share", amount, FAULT_DAY, 0)
    setting = Setting(flats=12, days=DAYS, unmetered_sd_l=10.0, outage_a_day=0.0, changes=0)
    return simulated(households(12), fault, Random(3), setting)


def hang(
    store: TowerStore,
    tower: SimulatedTower,
    service: Service = Service.WATER,
    *,
    bulk: bool = True,
) -> None:
    days = [FIRST + n * DAY for n in range(DAYS)]
    for name, own in tower.hours.meters.items():
        store.hang(name, "unit", service, [own[day] for day in days])
    if bulk:
        store.hang("T", "bulk", service, [tower.hours.bulk[day] for day in days])
    store.roll_up()


def judge(store: TowerStore) -> Changes:
    return refresh_towers(store.conn, store.zone, store.now)


@pytest.fixture
def store(store_dsn: str) -> Iterator[TowerStore]:
    with connect(store_dsn) as conn:
        yield TowerStore(conn, DAYS, hourly_from=HOURLY_FROM)


def test_a_tower_that_loses_water_is_flagged_once(store: TowerStore) -> None:
    hang(store, tower("leak", 25.0))
    assert judge(store) == Changes(raised=1)
    assert judge(store) == Changes()
    loss = store.flags()[EventKind.TOWER_LOSS]
    assert (loss.subject.id, loss.service) == ("A", Service.WATER)
    assert abs(loss.since - midnight(FIRST + FAULT_DAY * DAY, store.zone)) <= 2 * DAY
    assert (
        float(str(loss.evidence["least_litres_a_day"]))
        < 600
        < float(str(loss.evidence["most_litres_a_day"]))
    )
    assert "No meter is accused" in loss.message


def test_a_stopped_meter_has_a_flag_of_its_own(store: TowerStore) -> None:
    stopped = tower("share", 1.0)
    hang(store, stopped)
    judge(store)
    named = store.flags()[EventKind.STOPPED_METER]
    assert named.unit is not None
    assert (named.unit.id, named.evidence["serial"]) == (stopped.flat, f"water-{stopped.flat}")
    assert "has counted nothing since" in named.message


def test_electricity_is_told_in_kwh(store: TowerStore) -> None:
    hang(store, tower("leak", 25.0), Service.ELECTRICITY)
    judge(store)
    loss = store.flags()[EventKind.TOWER_LOSS]
    assert loss.evidence["litres_a_day"] is None
    assert 0.3 < float(str(loss.evidence["kwh_a_day"])) < 0.9


def test_a_tower_without_a_bulk_meter_has_no_flag(store: TowerStore) -> None:
    hang(store, tower("leak", 25.0), bulk=False)
    assert judge(store) == Changes()


def test_a_bulk_meter_alone_loses_nothing(store: TowerStore) -> None:
    whole = tower("leak", 25.0).hours.bulk
    store.hang("T", "bulk", Service.WATER, [whole[FIRST + n * DAY] for n in range(DAYS)])
    store.roll_up()
    assert judge(store) == Changes()


def test_a_flat_whose_meter_was_removed_is_told_so(store: TowerStore) -> None:
    stopped = tower("share", 1.0)
    assert stopped.flat is not None
    hang(store, stopped)
    store.move(stopped.flat, FAULT_DAY)
    judge(store)
    message = store.flags()[EventKind.STOPPED_METER].message
    assert message.startswith(f"No water meter hangs at {stopped.flat}: since 11 Mar 2024")


def test_hours_of_a_place_are_of_what_hung_there(store: TowerStore) -> None:
    leaking = tower("leak", 25.0)
    hang(store, leaking)
    store.move("001", FAULT_DAY, source="tanker")
    stretch = Stretch(FIRST, FIRST + (DAYS - 1) * DAY, store.zone)
    [read] = read_towers(store.conn, store.society_id, stretch)
    hours = read_hours(store.conn, read, stretch)
    for day in (FIRST + (FAULT_DAY - 5) * DAY, FIRST + (FAULT_DAY + 5) * DAY):
        shown = [[int(use) for use in own[day]] for own in leaking.hours.meters.values()]
        found = [own[day] for own in hours.meters.values()]
        assert list(map(sum, zip(*found, strict=True))) == list(map(sum, zip(*shown, strict=True)))
        assert hours.bulk[day] == [int(use) for use in leaking.hours.bulk[day]]


def test_another_bulk_meter_is_known_to_the_rules(store: TowerStore) -> None:
    hang(store, tower("leak", 25.0))
    store.move("T", FAULT_DAY, source="tanker")
    stretch = Stretch(FIRST, FIRST + (DAYS - 1) * DAY, store.zone)
    [read] = read_towers(store.conn, store.society_id, stretch)
    assert read.days.bulk_changes == (FIRST + FAULT_DAY * DAY,)
    assert not read_hours(store.conn, read, stretch).bulk
    later = replace(stretch, first=FIRST + (FAULT_DAY + 1) * DAY)
    assert len(read_hours(store.conn, read, later).bulk) == DAYS - FAULT_DAY - 1


def test_a_flag_ends_when_the_bulk_meter_goes(store: TowerStore) -> None:
    hang(store, tower("leak", 25.0))
    judge(store)
    store.conn.execute(
        "UPDATE assignment SET valid_to = %s WHERE subject_type = 'bulk'",
        (store.now - timedelta(days=2),),
    )
    assert judge(store) == Changes(cleared=1)
