# SPDX-License-Identifier: MIT
"""What the rules look at next: nothing that was judged is lost, and nothing is told twice."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.rule_marks import (
    Changed,
    changed_registers,
    clear_rule_marks,
    oldest_rule_marks,
)
from shared_schema.catalogue import ACTIVE_IMPORT, WATER_VOLUME, Unit
from shared_schema.obis import Obis
from shared_schema.readings import Column
from tests.support.store import Site, every, local, unit_line

LITRES = Column(obis=WATER_VOLUME, scaler=0, unit=Unit.LITRE)
START = local("2026-02-10 00:00")
HOUR = timedelta(hours=1)
NOW = datetime(2026, 2, 20, tzinfo=UTC)


@pytest.fixture
def homes(site: Site) -> Site:
    site.units(
        unit_line("A-1", "w-1", service="water", source="inlet-1"),
        unit_line("A-2", "w-2", service="water", source="inlet-1"),
        unit_line("A-1", "e-1"),
    )
    return site


def changed(site: Site, obis: Obis = WATER_VOLUME) -> list[Changed]:
    """What is marked, some at a time; channels are made in the order in which meters speak."""
    marks = oldest_rule_marks(site.conn, 1000)
    parts = changed_registers(site.conn, marks, obis, 1)
    return [each for part in parts for each in part]


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def test_a_register_is_marked_once_it_was_judged(homes: Site) -> None:
    homes.deliver("w-1", every(START, START + 2 * HOUR, 100, 5, HOUR), column=LITRES)
    homes.deliver("e-1", every(START, START + HOUR, 100, 5))
    assert changed(homes) == []
    refresh(homes.conn, NOW)
    (water,) = changed(homes)
    assert water[1:] == (seconds(START), seconds(START + 2 * HOUR))
    (energy,) = changed(homes, ACTIVE_IMPORT)
    assert energy.channel_id != water.channel_id


def test_changes_of_one_register_are_joined(homes: Site) -> None:
    for serial, begin in (("w-1", START), ("w-2", START), ("w-1", START - 9 * HOUR)):
        homes.deliver(serial, every(begin, begin + HOUR, 100, 0, HOUR), column=LITRES)
    refresh(homes.conn, NOW)
    first, second = changed(homes)
    assert first[1:] == (seconds(START - 9 * HOUR), seconds(START + HOUR))
    assert second[1:] == (seconds(START), seconds(START + HOUR))


def test_what_is_marked_meanwhile_stays(homes: Site) -> None:
    homes.deliver("w-1", every(START, START + HOUR, 100, 5, HOUR), column=LITRES)
    refresh(homes.conn, NOW)
    seen = oldest_rule_marks(homes.conn, 1000)
    homes.deliver("w-2", every(START, START + HOUR, 100, 5, HOUR), column=LITRES)
    refresh(homes.conn, NOW)
    clear_rule_marks(homes.conn, seen)
    assert [each.channel_id for each in changed(homes)] == [
        homes.one("SELECT max(channel_id) FROM channel")
    ]


def test_an_election_marks_its_moment(homes: Site) -> None:
    rows = every(START, START + 20 * HOUR, 1000, 5, HOUR)
    lie = rows[10][0]
    homes.deliver("w-1", [row if row[0] != lie else (lie, 5) for row in rows], column=LITRES)
    refresh(homes.conn, NOW)
    assert homes.one("SELECT count(*) FROM verdict") == 1
    numbers = oldest_rule_marks(homes.conn, 1000)
    spans = [
        [each[1:] for part in changed_registers(homes.conn, [n], WATER_VOLUME, 9) for each in part]
        for n in numbers
    ]
    assert [(seconds(lie), seconds(lie))] in spans


def test_the_same_again_marks_nothing(homes: Site) -> None:
    rows = every(START, START + HOUR, 100, 5, HOUR)
    homes.deliver("w-1", rows, column=LITRES)
    refresh(homes.conn, NOW)
    clear_rule_marks(homes.conn, oldest_rule_marks(homes.conn, 1000))
    homes.deliver("w-1", rows, column=LITRES)
    refresh(homes.conn, NOW)
    assert changed(homes) == []
