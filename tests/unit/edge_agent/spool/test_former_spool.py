# SPDX-License-Identifier: GPL-2.0-only
"""A spool of an earlier version opens and delivers what is in it."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from edge_agent.clock.samples import samples_of
from edge_agent.clock_policy import Sample
from edge_agent.commands.log import CommandLog
from edge_agent.decode.layout import Captured
from edge_agent.spool.counters import SpoolCounters
from edge_agent.spool.spool import Pending, Spool
from shared_schema.catalogue import ACTIVE_IMPORT, BLOCK_LOAD_PROFILE, DAILY_LOAD_PROFILE
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.signing import SigningKey
from tests.support.samples import FOLDER, as_sample, sample

KEY = SigningKey.from_private_bytes(bytes(range(32)))
TS = 1795478400
ONE = MeterId(manufacturer="LNT", serial="26100001")
TWO = MeterId(manufacturer="Größe & Söhne", serial='W "7"')


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    path = tmp_path / "spool.db"
    database = sqlite3.connect(path)
    database.executescript((FOLDER.parent / "spool.sql").read_text(encoding="utf-8"))
    database.close()
    with Spool.open(path) as opened:
        assert opened.set_aside is None
        yield opened


def test_it_delivers_the_batches_of_before(spool: Spool) -> None:
    assert spool.pending() == Pending(live=1, backlog=1)
    assert [each.seq for each in spool.due(9)] == [2]
    assert spool.seal(gateway="gw-a", key=KEY).seqs == (3,)
    assert [each.seq for each in spool.due(9)] == [3, 2]
    batches = [spool.get(seq) for seq in (1, 2, 3)]
    messages = [(f"batch {each.seq}", each.payload) for each in batches if each is not None]
    assert as_sample(messages) == sample("batches.txt")


def test_it_knows_its_meters(spool: Spool) -> None:
    assert spool.known_meter("riser-1", 17) == ONE
    assert spool.known_meter("riser-1", 18, 2) == TWO
    assert spool.watermarks(ONE) == {BLOCK_LOAD_PROFILE: TS, DAILY_LOAD_PROFILE: TS - 86_400}
    columns = (ACTIVE_IMPORT, Obis.parse("1.0.12.27.0.255"))
    assert spool.captures(ONE) == {BLOCK_LOAD_PROFILE: Captured("0" * 16, columns)}


def test_it_keeps_counters_clocks_and_commands(spool: Spool) -> None:
    counters = SpoolCounters(spool)
    assert counters.is_sure(("riser-1", 1, 17, 48))
    assert counters.reserve(("riser-1", 1, 17, 48), above=0, count=1) == 4711
    with spool.reading() as database:
        assert samples_of(database, ONE) == [Sample(TS, -1.5)]
    log = CommandLog(spool)
    assert log.unsent() == [(UUID(int=1), b'{"result":1}')]
    assert log.unanswered() == [UUID(int=2)]
