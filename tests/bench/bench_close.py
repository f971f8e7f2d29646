# SPDX-License-Identifier: MIT
"""How long it takes to close a month of 10,000 units: first, again, and after late readings.

The goal is 10 s on a machine that does nothing else. The limit that passes or fails is a ratio to
something measured in the same run: to look up both borders of every register and to write a
message for each of them, nothing around it.
"""

import os
import time
from datetime import date, timedelta

import pytest

from cloud_ingest.core.month import month_of
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.quality import Origin
from tests.support.fill import fill
from tests.support.store import SOCIETY, TEST_DSN, ZONE, database_at

UNITS = 10_000
JULY = month_of(2026, 7, ZONE)
NOW = JULY.end + timedelta(days=2)
LOOK_UP = "SELECT r.* FROM unnest(%s::int[]) AS c JOIN reading AS r ON channel_id = c AND ts = %s"
MOST = 60
"""Times as long as the look-ups and messages alone."""


@pytest.mark.parametrize("edition", ["plain", "timescale"])
def test_close(edition: str, request: pytest.FixtureRequest) -> None:
    if edition == "plain":
        fill_and_measure(edition, request.getfixturevalue("database"))
    elif server := os.environ.get(TEST_DSN):
        with database_at(server) as dsn:
            fill_and_measure(edition, dsn)
    else:
        pytest.skip(f"needs TimescaleDB Community behind {TEST_DSN}")


def fill_and_measure(edition: str, dsn: str) -> None:
    with connect(dsn) as conn:
        migrate(conn)
        fill(conn, SOCIETY, UNITS, date(2026, 6, 28), days=37, dense=2)
        measure(edition, conn)


def measure(edition: str, conn: Connection) -> None:
    """Print the figures of one edition and hold the ratio."""
    channels = [row[0] for row in conn.execute("SELECT channel_id FROM channel")]
    alone = least(conn, channels)
    began = time.process_time()
    first, closed = timed(conn)
    cpu = time.process_time() - began
    assert (len(closed.numbers), closed.published, closed.withheld) == (UNITS, UNITS, ())
    again, same = timed(conn)
    assert same.published == 0
    late = [
        NewReading(each, int((JULY.start + timedelta(days=9, hours=1)).timestamp()), raw, None, _BY)
        for each, raw in conn.execute(
            "SELECT channel_id, raw FROM reading WHERE ts = %s", (JULY.start + timedelta(days=9),)
        )
    ]
    store_readings(conn, late, source="bench", at=NOW)
    rolled_up, once_more = timed(conn)
    assert (len(once_more.numbers), once_more.published) == (UNITS, 0)
    print(
        f"\nclosing, {edition}: a month of {UNITS:,} units, each read once a day"
        f"\n  borders and messages alone   {alone:8.2f} s"
        f"\n  closed for the first time    {first:8.2f} s (goal 10, {first / alone:.0f} x)"
        f"\n    of which this program's CPU  {cpu:8.2f} s"
        f"\n  closed again, nothing new    {again:8.2f} s"
        f"\n  after a late row of each     {rolled_up:8.2f} s, with its refresh"
    )
    assert first < MOST * alone


_BY = Origin.METER


def least(conn: Connection, channels: list[int]) -> float:
    """Return how long it takes to look up every border and to write a message for each."""
    began = time.perf_counter()
    for border in (JULY.start, JULY.end):
        assert len(conn.execute(LOOK_UP, (channels, border)).fetchall()) == len(channels)
    with conn.transaction(force_rollback=True), conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outbox (topic, payload, created_at) VALUES (%s, %s, now())",
            [(f"t/{each}", b"m" * 600) for each in channels],
        )
    return time.perf_counter() - began


def timed(conn: Connection) -> tuple[float, Closed]:
    began = time.perf_counter()
    closed = close_month(conn, SOCIETY, str(JULY), NOW)
    return time.perf_counter() - began, closed
