# SPDX-License-Identifier: MIT
"""What it costs to judge the newest day of many electricity meters, by edition.

Each meter has a register and twelve weeks of days, one reading a day. One flat in forty takes
nothing any more, which is known. All meters are due at once, as they are after midnight: the turns
of the leader go on until none is. A goal of an hour for 100,000 meters stands beside the figures.
"""

import os
import time
from dataclasses import dataclass
from datetime import timedelta

from cloud_ingest.flags.electricity import refresh_loads
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.rows import scalar
from tests.support.store import ZONE, database_at, local

SIZES = [1_000, int(os.environ.get("IOT_UTILITY_BENCH_METERS", "10000"))]
DAYS = 86
MIDNIGHT = local("2026-07-22 00:00")
MORNING = MIDNIGHT + timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Cost:
    """What judging took."""

    meters: int
    turns: int
    took_s: float
    longest_s: float
    """Of a turn."""
    python_s: float


def fill(conn: Connection, meters: int) -> None:
    """Store meters with days, rolled up."""
    conn.execute("INSERT INTO society (name) VALUES ('Lake View')")
    conn.execute(
        "INSERT INTO meter (society_id, manufacturer, serial, last_reading_at) "
        "SELECT 1, 'M', n::text, %s FROM generate_series(1, %s) AS n",
        (MORNING, meters),
    )
    conn.execute(
        "INSERT INTO assignment_version (society_id, subject_type, subject, label, service, "
        "source, meter_id, valid_from, author, reason, recorded_at) "
        "SELECT 1, 'unit', serial, serial, 'electricity', 'grid', meter_id, "
        "'2026-01-01Z', 'me', 'bench', '2026-01-01Z' FROM meter"
    )
    conn.execute(
        "INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s) "
        "SELECT meter_id, '1.0.1.8.0.255', 30, 0, 'register', 900 FROM meter ORDER BY meter_id"
    )
    times = [MIDNIGHT - timedelta(days=number) for number in range(DAYS)]
    make_partitions(conn, StoreCache(), {int(at.timestamp()) for at in times})
    for number, at in enumerate(reversed(times)):
        conn.execute(
            "INSERT INTO reading (channel_id, ts, raw, origin) "
            "SELECT channel_id, %(at)s, 6000 * CASE channel_id %% 40 WHEN 0 "
            "THEN least(%(number)s, 82) ELSE %(number)s END + channel_id %% 40, 1 FROM channel",
            {"at": at, "number": number},
        )
        conn.execute(
            "INSERT INTO dirty (day, channels) SELECT %s, array_agg(channel_id) FROM channel",
            ((at - timedelta(hours=1)).astimezone(ZONE).date(),),
        )
    refresh(conn, MORNING)
    conn.execute("ANALYZE")


def cost(dsn: str, meters: int) -> Cost:
    with connect(dsn) as conn:
        migrate(conn)
        fill(conn, meters)
        _judge_all(conn)  # raises the flags of what takes nothing
        conn.execute("UPDATE meter SET load_judged = load_judged - 1")
        took, ran = _judge_all(conn)
        assert scalar(conn, "SELECT count(*) FROM event WHERE state = 'open'") == meters // 40
    return Cost(meters, len(took), sum(took), max(took), ran)


def _judge_all(conn: Connection) -> tuple[list[float], float]:
    """Judge until no meter is due; return the seconds of each turn, and those in Python."""
    took: list[float] = []
    behind, ran = True, time.process_time()
    while behind:
        began = time.perf_counter()
        behind = refresh_loads(conn, ZONE, MORNING).behind
        took.append(time.perf_counter() - began)
    return took, time.process_time() - ran


def test_the_newest_day(edition: str, store_server: str) -> None:
    costs = []
    for meters in SIZES:
        with database_at(store_server) as dsn:
            costs.append(cost(dsn, meters))
    print(f"\nelectricity, {edition}: the newest day of each meter, twelve weeks before it")
    for each in costs:
        print(
            f"  {each.meters:9,} meters  {each.took_s:7.2f} s, {each.python_s:6.2f} s in Python; "
            f"{each.turns} turns, the longest {each.longest_s:5.2f} s"
        )
    last = costs[-1]
    turns = last.turns * 1e5 / last.meters
    hour = (turns * 15 + last.took_s * 1e5 / last.meters) / 60
    print(f"  100,000, by the last, a turn each 15 s after the last: {hour:.0f} min (goal: 60)")
    assert last.python_s / last.meters < 2 * costs[0].python_s / costs[0].meters
