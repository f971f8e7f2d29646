# SPDX-License-Identifier: GPL-2.0-only
"""Invocation counters: on disk before they are used, unique over any end of the program."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.invocation_counter import (
    BLOCK,
    Counter,
    Counters,
    VisitStore,
    by_hand,
)
from edge_agent.errors import NoCounter
from edge_agent.spool.counters import SpoolCounters
from edge_agent.spool.spool import Spool

PLACE = ("riser-1", 1, 17, 32)
TITLE = b"IOU12345"


def kept(path: Path) -> int:
    """Return what another program reads in the file."""
    database = sqlite3.connect(path)
    try:
        row = database.execute("SELECT next FROM invocation_counter").fetchone()
    finally:
        database.close()
    return int(row[0])


def test_numbers_are_on_disk_before_use(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        for expected in range(1, 2 * BLOCK + 2):
            assert counter.take() == expected
            assert kept(path) > expected


def test_one_write_for_a_block(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool, spool.reading() as database:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        before = database.total_changes
        for _ in range(4 * BLOCK):
            counter.take()
        assert database.total_changes - before == 4


@given(
    st.lists(
        st.one_of(
            st.just("use"),
            st.just("restart"),
            st.integers(0, 5000),
        ),
        max_size=40,
    )
)
def test_no_number_comes_twice_and_none_falls(steps: list[str | int]) -> None:
    store = VisitStore()
    counter = Counter(store, PLACE, TITLE)
    last = 0
    for step in steps:
        if step == "restart":
            counter = Counter(store, PLACE, TITLE)
        elif isinstance(step, int):
            counter.follow(step)
            last = max(last, step)
        number = counter.take()
        assert number > last
        last = number


def test_a_new_start_goes_on_behind_the_block(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        assert [counter.take() for _ in range(3)] == [1, 2, 3]
        counter.follow(1000)
        assert counter.take() == 1001
    with Spool.open(path) as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        assert counter.take() == 1001 + BLOCK
        other = Counter(SpoolCounters(spool), ("riser-1", 1, 18, 32), TITLE)
        assert other.take() == 1


def test_a_meter_that_is_behind_changes_nothing(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        assert counter.take() == 1
        assert not counter.follow(1)  # it took ours
        assert not counter.follow(0)
        assert not counter.follow(-1)
        assert counter.take() == 2
        assert counter.follow(3)
        assert counter.take() == BLOCK + 1


def test_sureness_outlives_the_program(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with Spool.open(path) as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        assert not counter.is_sure
        counter.take()
        counter.mark(sure=True)
        counter.mark(sure=True)
    with Spool.open(path) as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        assert counter.is_sure
        counter.mark(sure=False)
        assert not Counter(SpoolCounters(spool), PLACE, TITLE).is_sure


def test_the_last_number_of_a_key() -> None:
    counter = Counter(VisitStore(), PLACE, TITLE)
    counter.follow(2**32 - 3)
    assert counter.take() == 2**32 - 2
    assert counter.take() == 2**32 - 1
    with pytest.raises(NoCounter, match="address 17: the invocation counter of client 32"):
        counter.take()
    with pytest.raises(NoCounter):
        Counter(VisitStore(), PLACE, TITLE).follow(2**32 - 1)


def test_on_a_full_disk_no_number_is_given(tmp_path: Path) -> None:
    with Spool.open(tmp_path / "spool.db") as spool:
        counter = Counter(SpoolCounters(spool), PLACE, TITLE)
        with spool.reading() as database:
            pages = database.execute("PRAGMA page_count").fetchone()[0]
            database.execute(f"PRAGMA max_page_count = {pages}")
            _fill(database)
        with pytest.raises(NoCounter, match="the disk is full"):
            counter.take()


def _fill(database: sqlite3.Connection) -> None:
    for length in (500, 50, 20, 8):  # ever smaller rows, until not one more fits
        number = 0
        with contextlib.suppress(sqlite3.OperationalError):
            while True:
                number += 1
                database.execute(
                    "INSERT INTO invocation_counter VALUES (?, 1, 1, 32, 1, 0)",
                    (f"{number:0{length}}",),
                )


def test_each_place_has_a_counter_and_title() -> None:
    counters = Counters(VisitStore(), "gw-1", "riser-1")
    assert counters.of(1, 17, 32) is counters.of(1, 17, 32)
    titles = {counters.of(1, address, client).title for address in (17, 18) for client in (32, 48)}
    titles.add(Counters(VisitStore(), "gw-2", "riser-1").of(1, 17, 32).title)
    titles.add(Counters(VisitStore(), "gw-1", "riser-2").of(1, 17, 32).title)
    assert len(titles) == 6
    assert Counters(VisitStore(), "gw-1", "riser-1").of(1, 17, 32).title in titles


def test_each_visit_by_hand_has_new_titles() -> None:
    assert by_hand("a").of(1, 17, 32).title != by_hand("a").of(1, 17, 32).title
