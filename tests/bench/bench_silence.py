# SPDX-License-Identifier: MIT
"""What a look for read failures costs while every meter is silent, by edition.

All gateways were lost a day and an hour ago, each with 63 meters. The first look makes a flag for
each gateway; the looks after it find the same again. A look that is longer than the leader's pause
of 15 s makes other flags late, so that the later ones have a goal: 5 s for 100,000 meters.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cloud_ingest.flags.silence import refresh_silence
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.rows import scalar
from shared_schema.gateway import Status
from tests.support.store import ZONE, database_at

METERS = 63
GATEWAYS = [16, 160, int(os.environ.get("IOT_UTILITY_BENCH_METERS", "100000")) // METERS + 1]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOST = NOW - timedelta(hours=25)
LOOK = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Cost:
    """What looks took."""

    meters: int
    first_s: float
    later_s: float
    python_s: float
    """Of a later look."""


def fill(conn: Connection, gateways: int) -> None:
    """Store gateways that were lost, and their meters."""
    word = Status(gateway="gw", session=UUID(int=1), state="offline", at=LOST, poll_period_s=900)
    conn.execute("INSERT INTO society (name) VALUES ('Lake View')")
    conn.execute(
        "INSERT INTO gateway (society_id, name, tower, enrolled_at) "
        "SELECT 1, 'gw-' || n, 'T' || n, '2026-01-01Z' FROM generate_series(1, %s) AS n",
        (gateways,),
    )
    conn.execute(
        "INSERT INTO gateway_status (gateway_id, session, state, at, payload, heard_at, lost_at) "
        "SELECT gateway_id, gen_random_uuid(), 'offline', %(at)s, %(word)s::jsonb, %(at)s, %(at)s "
        "FROM gateway",
        {"at": LOST, "word": word.model_dump_json(by_alias=True)},
    )
    conn.execute(
        "INSERT INTO meter (society_id, manufacturer, serial, last_reading_at, gateway_id) "
        "SELECT 1, 'M', n::text, %s - n * interval '1 ms', 1 + (n - 1) / %s "
        "FROM generate_series(1, %s) AS n",
        (LOST, METERS, gateways * METERS),
    )
    conn.execute(
        "INSERT INTO assignment_version (society_id, tower, subject_type, subject, label, service, "
        "source, meter_id, valid_from, author, reason, recorded_at) "
        "SELECT 1, 'T' || gateway_id, 'unit', serial, serial, 'water', 'inlet', meter_id, "
        "'2026-01-01Z', 'me', 'bench', '2026-01-01Z' FROM meter"
    )
    conn.execute(
        "INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s) "
        "SELECT meter_id, '8.0.1.0.0.255', 19, 0, 'register', 900 FROM meter"
    )
    conn.execute("ANALYZE")


def look(conn: Connection, number: int) -> tuple[float, float]:
    """Look once; return seconds, and those in Python."""
    began = time.perf_counter(), time.process_time()
    refresh_silence(conn, ZONE, NOW + number * LOOK)
    return time.perf_counter() - began[0], time.process_time() - began[1]


def cost(dsn: str, gateways: int) -> Cost:
    with connect(dsn) as conn:
        migrate(conn)
        fill(conn, gateways)
        first, _ = look(conn, 0)
        later, ran = min(look(conn, number) for number in range(1, 4))
        told = "SELECT count(*) FROM event_change WHERE what = 'raised' AND version = 1"
        assert scalar(conn, told) == gateways
        assert scalar(conn, "SELECT count(*) FROM event_change") == gateways
    return Cost(gateways * METERS, first, later, ran)


def test_every_meter_is_silent(edition: str, store_server: str) -> None:
    costs = []
    for gateways in GATEWAYS:
        with database_at(store_server) as dsn:
            costs.append(cost(dsn, gateways))
    print(f"\nread failures, {edition}: every meter is silent, one flag a gateway")
    for each in costs:
        print(
            f"  {each.meters:9,} meters  first look {each.first_s:6.2f} s; later "
            f"{each.later_s:6.2f} s, {each.python_s:6.2f} s in Python"
        )
    last = costs[-1]
    print(
        f"  a million, by the last: {last.later_s * 1e6 / last.meters:.0f} s (goal: 100,000 in 5 s)"
    )
    assert last.python_s / last.meters < 2 * costs[1].python_s / costs[1].meters
