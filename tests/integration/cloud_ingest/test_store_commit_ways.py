# SPDX-License-Identifier: MIT
"""The straight way into the readings: what somebody else stored meanwhile, what is forgotten."""

import itertools
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from cloud_ingest.errors import StoreError
from cloud_ingest.store import commit as module
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import CommitResult, commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.readings_write import ORIGIN_NUMBERS, Rows, store_rows
from shared_schema.quality import Origin
from tests.support.gateway import block_line
from tests.support.store import QUARTER, Site, every, local, unit_line

START = local("2026-07-01 00:00")
HOUR = timedelta(hours=1)
LATER = START + timedelta(days=2)


class Worker:
    """One connection with what it has learnt, as a worker of the ingest has it."""

    def __init__(self, site: Site, conn: Connection) -> None:
        self.site = site
        self.conn = conn
        self.known = StoreCache()

    def commit(self, *blocks: bytes) -> CommitResult:
        sealed = self.site.gateway.seal(*blocks)
        return commit(self.conn, [self.site.verdict(sealed, LATER)], cache=self.known)

    def went_straight(self) -> bool:
        """Say whether no commit of this connection has needed the temporary table."""
        row = self.conn.execute("SELECT to_regclass('pg_temp.incoming') IS NULL").fetchone()
        assert row is not None
        return bool(row[0])


@pytest.fixture
def flats(site: Site) -> Site:
    site.units(unit_line("A-1204", "1"), unit_line("A-1205", "2"))
    return site


@pytest.fixture
def workers(flats: Site, store_dsn: str) -> Iterator[tuple[Worker, Worker]]:
    with connect(store_dsn) as one, connect(store_dsn) as two:
        yield Worker(flats, one), Worker(flats, two)


def stored(site: Site) -> list[tuple[str, int]]:
    return site.all(
        "SELECT serial, raw FROM reading JOIN channel USING (channel_id) "
        "JOIN meter USING (meter_id) ORDER BY serial, ts"
    )


def block(serial: str, hour: int) -> bytes:
    """The four quarters of an hour."""
    start = START + hour * HOUR + QUARTER
    return block_line(serial, every(start, start + 3 * QUARTER, 4 * hour, 1))


def test_rows_newer_than_all_are_copied_straight(workers: tuple[Worker, Worker]) -> None:
    worker, other = workers
    worker.commit(block("1", 0))
    worker.conn.execute("DROP TABLE pg_temp.incoming")
    assert [worker.commit(block("1", number)).new for number in range(1, 6)] == [4] * 5
    assert worker.went_straight()
    other.commit(block("1", 6))
    assert not other.went_straight()


def test_a_straight_copy_of_a_stored_row_falls_back(
    flats: Site, workers: tuple[Worker, Worker]
) -> None:
    one, two = workers
    for worker in workers:
        worker.commit(block("1", 0), block("2", 0))
    assert two.commit(block("1", 1)).new == 4
    done = one.commit(block("1", 1), block("2", 1))
    assert (done.new, done.duplicates, done.conflicts) == (4, 4, 0)
    assert one.commit(block("1", 2), block("2", 2)).new == 8
    done = two.commit(
        block_line("1", [(START + 2 * HOUR + QUARTER, 99), (START + 4 * HOUR, 16)]), block("2", 2)
    )
    assert (done.new, done.duplicates, done.conflicts) == (1, 4, 1)
    expected = [*range(12)]
    assert stored(flats) == [
        *(("1", raw) for raw in [*expected, 16]),
        *(("2", raw) for raw in expected),
    ]
    assert flats.all("SELECT raw FROM claim") == [(99,)]


def test_a_copy_waits_for_an_uncommitted_row(flats: Site, workers: tuple[Worker, Worker]) -> None:
    one, two = workers
    for worker in workers:
        worker.commit(block("1", 0))
    sealed = [flats.gateway.seal(block("1", 1)) for _ in workers]
    verdicts = [flats.verdict(each, LATER) for each in sealed]
    results: list[CommitResult] = []
    second = threading.Thread(
        target=lambda: results.append(commit(two.conn, [verdicts[1]], cache=two.known))
    )
    with one.conn.transaction():
        results.append(commit(one.conn, [verdicts[0]], cache=one.known))
        second.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted"
        while flats.one(waiting, two.conn.info.backend_pid) == 0:
            assert second.is_alive()
    second.join()
    assert [(each.batches, each.new, each.duplicates) for each in results] == [(1, 4, 0), (1, 0, 4)]
    assert [raw for _, raw in stored(flats)] == [*range(8)]


def test_a_failed_commit_empties_the_cache(
    flats: Site, workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, _ = workers
    worker.commit(block("1", 0))
    assert worker.known.newest

    def fail(*_: object) -> None:
        raise StoreError("after the readings")

    sealed = flats.gateway.seal(block("1", 1), block("2", 1))
    verdict = flats.verdict(sealed, LATER)
    with monkeypatch.context() as patched:
        patched.setattr(module, "store_meter_events", fail)
        with pytest.raises(StoreError):
            commit(worker.conn, [verdict], cache=worker.known)
    assert worker.known == StoreCache()
    assert len(stored(flats)) == 4
    assert commit(worker.conn, [verdict], cache=worker.known).new == 8
    assert len(stored(flats)) == 12
    assert flats.one("SELECT count(*) FROM channel") == 2


def test_a_running_connection_learns_of_a_new_meter(
    flats: Site, workers: tuple[Worker, Worker]
) -> None:
    worker, other = workers
    worker.commit(block("1", 0), block("2", 0))
    flats.units(*(unit_line(f"A-120{n}", str(n - 3)) for n in (4, 5, 6)))
    assert worker.commit(block("1", 1), block("3", 1)).new == 8
    assert other.commit(block("3", 2)).new == 4
    assert worker.commit(block("3", 2), block("3", 3)).new == 4
    assert [raw for serial, raw in stored(flats) if serial == "3"] == [*range(4, 16)]
    assert flats.one("SELECT count(*) FROM channel") == 3


@pytest.mark.parametrize("newest", [{}, dict.fromkeys((1, 2), 0)], ids=["by a table", "straight"])
def test_copied_rows_come_back_as_given(conn: Connection, newest: dict[int, int]) -> None:
    ends = (0, 1, -1, 4711, 2**63 - 1, -(2**63))
    start = int(START.timestamp())
    meter = ORIGIN_NUMBERS[Origin.METER]
    rows: Rows = {
        channel: [
            (start + channel + number, meter, raw, status)
            for number, (raw, status) in enumerate(itertools.product(ends, (None, *ends)))
        ]
        for channel in (1, 2)
    }
    cache = StoreCache(newest=dict(newest))
    make_partitions(conn, cache, [start + 1])
    with conn.transaction():
        stored_now = store_rows(conn, rows, cache, source="test", at=LATER)
    assert stored_now.new == 2 * 42
    went_straight = conn.execute("SELECT to_regclass('pg_temp.incoming') IS NULL").fetchone()
    assert went_straight == (bool(newest),)
    found = conn.execute(
        "SELECT channel_id, extract(epoch FROM ts)::bigint, origin, raw, status FROM reading"
        " ORDER BY channel_id, ts"
    )
    assert found.fetchall() == [(channel, *row) for channel, own in rows.items() for row in own]
