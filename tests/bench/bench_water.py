# SPDX-License-Identifier: MIT
"""What it costs to judge the newest quarter hour of many water meters, by edition.

Each meter has a state of three weeks of quarter hours, and one new reading: one that ends an hour,
which costs most, and then one that ends none, as three of four do. Two meters in forty leak, which
is known: their flags stand before. Each sixtieth is the bulk meter of a tower. One process judges
them all, as the leader does; its memory is the most that this process held. The limit, measured in
the same run, is what cannot be left out: the rules themselves, and one look-up of each new reading.

A goal of 30 s and 300 MiB for 100,000 meters stands beside the figures. More meters:
IOT_UTILITY_BENCH_METERS=1000000. Editions compare only where both servers write durably or neither
does: 100,000 states are 126 MB, so that fsync stands beside them.
"""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.flags.water import refresh_water
from cloud_ingest.flags.water_states import WaterRules
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.rows import scalar
from tests.support.store import ZONE, database_at, local

SIZES = [1_000, 10_000, int(os.environ.get("IOT_UTILITY_BENCH_METERS", "100000"))]
LIKELY_MIB = 300
QUARTERS = 21 * 96 - 1
"""The first is at a full hour, so that hours of a meter end at one."""
BEFORE = local("2026-07-22 08:45")
NEWEST = BEFORE + timedelta(minutes=15)
NEXT = NEWEST + timedelta(minutes=15)
KINDS = 40
"""So many different households; each stands for many meters."""
TOWER = 60
"""Each of so many meters is a tower's bulk meter."""
RULES = WaterRules(ZONE)
METER = WaterMeter(Decimal(1), ZONE)
PROGRAM = """
import resource, time
from datetime import timedelta
from cloud_ingest.store.connection import connect
from cloud_ingest.flags.water import refresh_water
from tests.bench.bench_water import NEXT, RULES
with connect({!r}) as conn:
    began = time.perf_counter(), time.process_time()
    refresh_water(conn, RULES, NEXT + timedelta(minutes=1))
    print(time.perf_counter() - began[0], time.process_time() - began[1],
          resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one pass took."""

    meters: int
    took_s: float
    between_s: float
    """Where no hour ends."""
    python_s: float
    peak_mib: float
    limit_s: float


def households() -> Iterator[tuple[bytes, int]]:
    """Yield packed states, and the register that each shows next; the first one leaks."""
    newest = int(BEFORE.timestamp())
    for kind in range(KINDS):
        dice = random.Random(kind)
        raw, readings = 100_000, list[tuple[int, int]]()
        for n in range(QUARTERS):
            raw += dice.choice([0, 0, 0, 0, 1, 9, 30]) + (2 if kind == 0 else 0)
            readings.append((newest - 900 * (QUARTERS - n), raw))
        state = State()
        advance(state, readings, METER, RULES.point)
        yield state.pack(), raw + 5


def fill(conn: Connection, meters: int) -> None:
    """Store meters with a state and one new reading each, and mark the readings."""
    conn.execute("INSERT INTO society (name) VALUES ('Lake View')")
    conn.execute(
        "INSERT INTO meter (society_id, manufacturer, serial, last_reading_at) "
        "SELECT 1, 'M', n::text, %s FROM generate_series(1, %s) AS n",
        (NEWEST, meters),
    )
    conn.execute(
        "INSERT INTO assignment_version (society_id, subject_type, subject, label, tower, service, "
        "source, meter_id, valid_from, author, reason, recorded_at) "
        "SELECT 1, CASE meter_id %% %(tower)s WHEN 0 THEN 'bulk' ELSE 'unit' END, meter_id::text, "
        "meter_id::text, (meter_id / %(tower)s)::text, 'water', 'inlet', meter_id, "
        "'2026-01-01Z', 'me', 'bench', '2026-01-01Z' FROM meter",
        {"tower": TOWER},
    )
    conn.execute(
        "INSERT INTO channel (meter_id, obis, unit, scaler, kind, period_s) "
        "SELECT meter_id, '8.0.1.0.0.255', 19, 0, 'register', 900 FROM meter ORDER BY meter_id"
    )
    make_partitions(conn, StoreCache(), {int(NEWEST.timestamp())})
    for kind, (packed, _) in enumerate(households()):
        conn.execute(
            "INSERT INTO rule_state (channel_id, rules, assigned_from, newest, state) "
            "SELECT channel_id, %s, '2026-01-01Z', %s, %s FROM channel WHERE channel_id %% %s = %s",
            (RULES.name, int(BEFORE.timestamp()) - 900, packed, KINDS, kind),
        )


def read(conn: Connection, at: datetime, kinds: range) -> None:
    """Store and mark a reading of the meters of some households."""
    for kind, (_, raw) in enumerate(households()):
        if kind in kinds:
            conn.execute(
                "INSERT INTO reading (channel_id, ts, raw, origin) "
                "SELECT channel_id, %s, %s, 1 FROM channel WHERE channel_id %% %s = %s",
                (at, raw + (at - BEFORE).seconds // 900, KINDS, kind),
            )
    ts = int(at.timestamp())
    conn.execute(
        "INSERT INTO rule_mark (channels, firsts, lasts) "
        "SELECT array_agg(channel_id), array_agg(%s::bigint), array_agg(%s::bigint) "
        "FROM channel WHERE channel_id %% %s = ANY(%s) GROUP BY channel_id / 500",
        (ts, ts, KINDS, list(kinds)),
    )
    conn.execute("ANALYZE")


def limit_s(conn: Connection, meters: int) -> float:
    """Return what the rules and one look-up of each reading take alone."""
    known = list(households())
    newest = int(NEWEST.timestamp())
    began = time.perf_counter()
    for n in range(meters):
        packed, raw = known[n % KINDS]
        state = State.unpack(packed)
        advance(state, [(newest, raw)], METER, Point.CAREFUL)
        state.pack()
    conn.execute(
        "SELECT c, r.raw FROM generate_series(1, %s) AS c "
        "JOIN reading AS r ON channel_id = c AND ts = %s",
        (meters, NEWEST),
    ).fetchall()
    return time.perf_counter() - began


def one_pass(dsn: str) -> tuple[float, float, float]:
    """Judge what waits in a process of its own; return seconds, those in Python, and MiB."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(dsn)], check=True, capture_output=True, text=True
    )
    took, ran, peak = map(float, done.stdout.split())
    return took, ran, peak


def cost(dsn: str, meters: int) -> Cost:
    with connect(dsn) as conn:
        migrate(conn)
        fill(conn, meters)
        read(conn, BEFORE, range(KINDS))
        refresh_water(conn, RULES, NEWEST)  # raises the flags of what leaks
        read(conn, NEWEST, range(KINDS))
        limit = limit_s(conn, meters)
        took, ran, peak = one_pass(dsn)
        judged = conn.execute(
            "SELECT count(*) FROM rule_state WHERE newest >= %s", (int(BEFORE.timestamp()),)
        ).fetchone()
        assert judged == (meters,)
        read(conn, NEXT, range(KINDS))
        between, _, _ = one_pass(dsn)
    return Cost(meters, took, between, ran, peak, limit)


def test_the_newest_quarter_hour(edition: str, store_server: str) -> None:
    costs = []
    for meters in SIZES:
        with database_at(store_server) as dsn:
            costs.append(cost(dsn, meters))
    size = len(next(households())[0])
    with connect(store_server) as conn:
        fsync = scalar(conn, "SHOW fsync")
    print(
        f"\nwater, {edition}, fsync {fsync}: a new quarter hour of each meter; "
        f"a state of {size} bytes"
    )
    for each in costs:
        print(
            f"  {each.meters:9,} meters  {each.took_s:7.2f} s, {each.python_s:6.2f} s in Python; "
            f"no hour ends {each.between_s:6.2f} s; {each.peak_mib:4.0f} MiB; "
            f"limit {each.limit_s:6.2f} s, {each.took_s / each.limit_s:4.1f} x"
        )
    last = costs[-1]
    print(
        f"  a million, by the last: {last.took_s * 1e6 / last.meters:.0f} s, "
        f"{last.python_s * 1e6 / last.meters:.0f} s in Python (goal: 100,000 in 30 s, "
        f"{LIKELY_MIB} MiB)"
    )
    assert last.took_s < 20 * last.limit_s
    assert last.peak_mib < LIKELY_MIB
    assert last.python_s / last.meters < 2 * costs[1].python_s / costs[1].meters
