# SPDX-License-Identifier: MIT
"""When what is gathered is sealed: in time, in size, and whatever the clocks and the disk do."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.decode.rows import MeterRows
from edge_agent.errors import SpoolFull
from edge_agent.spool.sealer import Sealer
from edge_agent.spool.spool import Spool
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE
from shared_schema.message import MeterId
from shared_schema.readings import Column, open_batch
from shared_schema.signing import generate_key

KEY = generate_key()
NOW = datetime(2026, 11, 24, 0, 15, tzinfo=UTC)
COLUMN = Column(obis=ACTIVE_IMPORT, scaler=0, unit=30)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool.open(tmp_path / "spool.db") as opened:
        yield opened


def sealer(spool: Spool, gather_s: float = 10) -> Sealer:
    return Sealer(spool, gateway="gw-1", key=KEY, gather_s=gather_s)


def polls(spool: Spool, number: int, *, rows: int = 1, at: datetime = NOW) -> None:
    """Gather a poll of meter ``number``."""
    start = int(at.timestamp()) - 900 * rows
    spool.append(
        MeterId(manufacturer="LNT", serial=f"L{number}"),
        [
            MeterRows(
                BLOCK_LOAD_PROFILE,
                900,
                (COLUMN,),
                tuple((start + 900 * index, None, 10**12 + index) for index in range(rows)),
            )
        ],
        watermarks={},
        at=at,
        historical=False,
    )


def batches(spool: Spool) -> list[int]:
    """Return how many meters each batch holds, the first one first."""
    found = sorted(spool.due(999), key=lambda each: each.seq)
    opened = [open_batch(each.payload, lambda *_: KEY.public_key()) for each in found]
    return [len(each.block_lines) for each in opened]


def test_steady_polling_seals_every_ten_seconds(spool: Spool) -> None:
    it = sealer(spool)
    for second in range(200):
        polls(spool, second)
        for turn in range(5):
            it.seal_due(second + turn / 5)
    it.seal_due(1000.0)
    assert sum(batches(spool)) == 200
    assert set(batches(spool)[:-1]) == {11}


def test_the_oldest_line_says_when(spool: Spool) -> None:
    it = sealer(spool)
    it.seal_due(50.0)
    polls(spool, 1)
    it.seal_due(100.0)
    polls(spool, 2)
    it.seal_due(109.9)
    assert batches(spool) == []
    it.seal_due(110.0)
    assert batches(spool) == [2]
    polls(spool, 3)
    it.seal_due(110.2)
    it.seal_due(120.1)
    assert batches(spool) == [2], "the next line waits as long"
    it.seal_due(120.2)
    assert batches(spool) == [2, 1]


def test_nothing_waits_where_nothing_shall(spool: Spool) -> None:
    it = sealer(spool, gather_s=0)
    for number in range(3):
        polls(spool, number)
        it.seal_due(100.0 + number)
    assert batches(spool) == [1, 1, 1]


def test_what_fills_a_batch_does_not_wait(spool: Spool) -> None:
    it = sealer(spool)
    polls(spool, 1, rows=1000)
    it.seal_due(100.0)
    assert batches(spool) == []
    polls(spool, 2, rows=1500)
    it.seal_due(100.2)
    assert sum(batches(spool)) == 2
    assert spool.gathered_bytes() == 0


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_wall_clock_that_jumps_holds_nothing(spool: Spool, jump: timedelta) -> None:
    it = sealer(spool)
    polls(spool, 1)
    it.seal_due(100.0)
    polls(spool, 2, at=NOW + jump)
    it.seal_due(110.0)
    assert batches(spool) == [2]


def test_somebody_who_must_not_wait_seals_at_once(spool: Spool) -> None:
    it = sealer(spool)
    polls(spool, 1)
    it.seal()
    assert batches(spool) == [1]
    it.seal()
    assert batches(spool) == [1]


def test_a_full_disk_keeps_lines_and_logs_once(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "edge_agent.spool.sealer")
    it = sealer(spool)
    polls(spool, 1)
    with monkeypatch.context() as patch:

        def full(**_: object) -> None:
            raise SpoolFull("the disk is full")

        patch.setattr(spool, "seal", full)
        for turn in range(200):
            it.seal_due(100 + turn / 5)
    told = [each.levelno for each in caplog.records if getattr(each, "action", "") == "not_sealed"]
    assert told[0] == logging.ERROR
    assert set(told[1:]) == {logging.DEBUG}
    assert batches(spool) == []
    it.seal_due(200.0)
    it.seal_due(210.0)
    assert batches(spool) == [1]


def test_what_sealing_drops_reaches_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Spool.open(tmp_path / "spool.db", max_bytes=404_096) as spool:
        it = sealer(spool)
        dropped: set[int] = set()
        for number in range(1440):  # many small lines: their hashes take more than they free
            polls(spool, number, rows=300 if number < 120 else 1)
            if number % 120 and number > 120:
                continue
            before = {each.seq for each in spool.due(9999)}
            it.seal()
            dropped |= before - {each.seq for each in spool.due(9999)}
    told = [each for each in caplog.records if getattr(each, "action", "") == "readings_dropped"]
    ranges = [batches.split("-") for each in told for batches in vars(each)["batches"]]
    named = {seq for first, last in ranges for seq in range(int(first), int(last) + 1)}
    assert dropped
    assert dropped <= named
