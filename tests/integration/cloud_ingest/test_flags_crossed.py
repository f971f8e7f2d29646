# SPDX-License-Identifier: MIT
"""The flag of crossed meters on a real database."""

from collections.abc import Iterator
from random import Random

import pytest

from cloud_ingest.flags.crossed import WINDOW_DAYS, refresh_crossed
from cloud_ingest.flags.lifecycle import Changes
from cloud_ingest.scoring.crossed_score import dwelling
from cloud_ingest.store.connection import connect
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity
from tests.support.tower_store import TowerStore

FLATS = 8


@pytest.fixture
def store(store_dsn: str) -> Iterator[TowerStore]:
    with connect(store_dsn) as conn:
        yield TowerStore(conn, WINDOW_DAYS)


def hang(store: TowerStore, *, crossed: bool) -> None:
    rng = Random(7)
    for number in range(FLATS):
        water, electricity = dwelling(rng, WINDOW_DAYS)
        other = {2: 6, 6: 2}.get(number, number) if crossed else number
        store.hang(f"{other}01", "unit", Service.WATER, water)
        store.hang(f"{number}01", "unit", Service.ELECTRICITY, electricity)


def judge(store: TowerStore) -> Changes:
    return refresh_crossed(store.conn, store.zone, store.now)


def test_exchanged_meters_are_a_watch_of_both_units(store: TowerStore) -> None:
    hang(store, crossed=True)
    assert judge(store) == Changes(raised=1)
    assert judge(store) == Changes()
    flag = store.flags()[EventKind.CROSSED_METERS]
    assert (flag.subject.id, flag.severity) == ("201", Severity.WATCH)
    assert "601" in flag.message


def test_meters_in_their_place_give_no_flag(store: TowerStore) -> None:
    hang(store, crossed=False)
    assert judge(store) == Changes()


def test_a_hint_ends_when_the_list_is_corrected(store: TowerStore) -> None:
    hang(store, crossed=True)
    judge(store)
    store.conn.execute(
        "UPDATE assignment SET subject = CASE subject WHEN '201' THEN '601' ELSE '201' END "
        "WHERE service = 'water' AND subject IN ('201', '601')"
    )
    assert judge(store) == Changes(cleared=1)
