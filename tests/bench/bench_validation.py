# SPDX-License-Identifier: MIT
"""What validation costs: a store in which nothing is wrong, at the commit and in the refresh.

A day of quarter hours of 2,000 meters comes at once, then one more row of each. The time of a
refresh is shown beside its part that judges.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from cloud_ingest.rollup import refresh as module
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.readings_write import Rows, store_rows
from tests.support.store import local

METERS, CHANNELS, METERS_A_COMMIT = 2_000, 3, 100
START = local("2026-07-01 00:00")
STEPS = 96


def fill_registry(conn: Connection) -> list[list[int]]:
    conn.execute("INSERT INTO society (name) VALUES ('Lake View')")
    conn.execute(
        "INSERT INTO meter (society_id, manufacturer, serial) "
        "SELECT 1, 'M', n::text FROM generate_series(1, %s) AS n",
        (METERS,),
    )
    conn.execute(
        "INSERT INTO assignment_version (society_id, subject_type, subject, label, service, "
        "source, meter_id, valid_from, author, reason, recorded_at) "
        "SELECT 1, 'unit', meter_id::text, meter_id::text, 'electricity', 'grid', meter_id, "
        "'2026-01-01Z', 'me', 'bench', '2026-01-01Z' FROM meter"
    )
    conn.execute(
        "INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s) "
        "SELECT meter_id, obis, 30, 0, 'register', 900 FROM meter, "
        "unnest(ARRAY['1.0.1.8.0.255', '1.0.2.8.0.255', '1.0.9.8.0.255']) AS c (obis)"
    )
    found: dict[int, list[int]] = {}
    for meter, channel in conn.execute("SELECT meter_id, channel_id FROM channel ORDER BY 1, 2"):
        found.setdefault(meter, []).append(channel)
    return list(found.values())


def rows_of(meters: list[list[int]], first: int, last: int) -> Rows:
    start = int(START.timestamp())
    return {
        channel: [(start + 900 * n, 1, 10**6 + 10 * n, None) for n in range(first, last + 1)]
        for own in meters
        for channel in own
    }


def store(conn: Connection, meters: list[list[int]], cache: StoreCache, steps: range) -> float:
    """Store in commits; return the rows a second."""
    count, took = 0, 0.0
    for at in range(0, METERS, METERS_A_COMMIT):
        rows = rows_of(meters[at : at + METERS_A_COMMIT], steps.start, steps.stop - 1)
        make_partitions(conn, cache, {row[0] for own in rows.values() for row in own})
        began = time.perf_counter()
        with conn.transaction():
            store_rows(conn, rows, cache, source="x", at=START)
        took += time.perf_counter() - began
        count += sum(map(len, rows.values()))
    return count / took


@contextmanager
def judging(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    spent: list[float] = []
    name = "judge_waiting" if hasattr(module, "judge_waiting") else "judge_days"
    own = getattr(module, name)

    def timed(*args: object) -> object:
        began = time.perf_counter()
        try:
            return own(*args)
        finally:
            spent.append(time.perf_counter() - began)

    monkeypatch.setattr(module, name, timed)
    yield spent
    monkeypatch.undo()


def test_a_store_in_which_nothing_is_wrong(empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(empty_dsn) as conn:
        migrate(conn)
        meters = fill_registry(conn)
        cache = StoreCache()
        store(conn, meters, cache, range(1))
        module.refresh(conn, START + timedelta(days=2))
        print()
        for what, steps in (
            ("a day at once", [range(1, STEPS)]),
            ("a row of each", [range(n, n + 1) for n in range(STEPS, STEPS + 4)]),
        ):
            for own in steps:
                rate = store(conn, meters, cache, own)
                with judging(monkeypatch) as spent:
                    began = time.perf_counter()
                    module.refresh(conn, datetime(2026, 7, 4, tzinfo=START.tzinfo))
                    took = time.perf_counter() - began
                print(
                    f"  {what}: stored {rate:9,.0f} rows/s; refresh {took:6.3f} s, "
                    f"of which judging {sum(spent):6.3f} s"
                )
        assert conn.execute("SELECT count(*) FROM verdict").fetchone() == (0,)
