# SPDX-License-Identifier: MIT
"""How long it takes to close a month of 10,000 units: first, again, and after late readings.

The goal is 10 s on a machine that does nothing else. What passes or fails is the CPU time of the
program and of its session, as a ratio to something measured in the same run: to look up both
borders of every register and to write a message for each of them, nothing around it. A machine
that is busy with other things changes both alike.
"""

import os
import time
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from cloud_ingest.core.month import month_of
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.quality import Origin
from tests.support.fill import fill
from tests.support.store import SOCIETY, ZONE

UNITS = 10_000
JULY = month_of(2026, 7, ZONE)
NOW = JULY.end + timedelta(days=2)
LOOK_UP = "SELECT r.* FROM unnest(%s::int[]) AS c JOIN reading AS r ON channel_id = c AND ts = %s"
MOST = {"plain": 45, "apache": 45, "timescale": 50}
"""How many times the CPU of the look-ups and messages alone, the best of three, a closing takes.

It is the CPU time of this program and of its own session; at the limit that is less than 10 s on a
machine that does nothing else. On two idle cores: 3.7, 4.0 and 4.9 s on plain PostgreSQL, 4.8, 5.0
and 7.4 s on TimescaleDB.
"""


def test_close(edition: str, empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        migrate(conn)
        fill(conn, SOCIETY, UNITS, date(2026, 6, 28), days=37, dense=2)
        measure(edition, conn)


def measure(edition: str, conn: Connection) -> None:
    """Print the figures of one edition and hold the ratio."""
    channels = [row[0] for row in conn.execute("SELECT channel_id FROM channel")]
    alone = min((least(conn, channels) for _ in range(3)), key=lambda took: took.cpu_s)
    first, closed = timed(conn)
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
    told = {
        "closed for the first time": first,
        "closed again, nothing new": again,
        "after a late row of each": rolled_up,
    }
    print(
        f"\nclosing, {edition}: a month of {UNITS:,} units, each read once a day"
        f"\n  borders and messages alone   {alone}"
    )
    for what, took in told.items():
        print(f"  {what:29}{took}, {took.cpu_s / alone.cpu_s:.1f} x (limit {MOST[edition]})")
    assert max(took.cpu_s for took in told.values()) < MOST[edition] * alone.cpu_s


_BY = Origin.METER


class Took(NamedTuple):
    """How long something took."""

    wall_s: float
    cpu_s: float
    """Of the program and of its session, if that is on this machine."""

    def __str__(self) -> str:
        return f"{self.wall_s:8.2f} s, CPU {self.cpu_s:6.2f} s"


def spent(conn: Connection) -> Took:
    """Return the time, and the CPU time until now."""
    cpu_s = time.process_time()
    session = Path(f"/proc/{conn.info.backend_pid}/stat")
    if session.exists():
        figures = session.read_text().rpartition(")")[2].split()
        cpu_s += (int(figures[11]) + int(figures[12])) / os.sysconf("SC_CLK_TCK")
    return Took(time.perf_counter(), cpu_s)


def since(conn: Connection, began: Took) -> Took:
    now = spent(conn)
    return Took(now.wall_s - began.wall_s, now.cpu_s - began.cpu_s)


def least(conn: Connection, channels: list[int]) -> Took:
    """Return how long it takes to look up every border and to write a message for each."""
    began = spent(conn)
    for border in (JULY.start, JULY.end):
        assert len(conn.execute(LOOK_UP, (channels, border)).fetchall()) == len(channels)
    with conn.transaction(force_rollback=True), conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO outbox (topic, payload, created_at) VALUES (%s, %s, now())",
            [(f"t/{each}", b"m" * 600) for each in channels],
        )
    return since(conn, began)


def timed(conn: Connection) -> tuple[Took, Closed]:
    began = spent(conn)
    closed = close_month(conn, SOCIETY, str(JULY), NOW)
    return since(conn, began), closed
