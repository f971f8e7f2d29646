# SPDX-License-Identifier: MIT
"""How fast batches of readings are verified and committed, with evidence, dedupe and marks.

The limit is one client's direct binary COPY of the same rows in batches of 5000, with nothing
around it, measured in the same run.
"""

import struct
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cloud_ingest.core.accept import accept
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.registry import load_registry
from tests.support.gateway import block_line
from tests.support.store import QUARTER, Site, local, unit_line

METERS, DAYS, BATCHES_A_COMMIT, ROWS_A_COPY = 40, 20, 32, 5000
START = local("2026-07-01 00:00")
PG_EPOCH_S = 946_684_800
ROW = struct.Struct("!hiiiqiqiih")


def copy_format(rows: list[tuple[int, int, int]]) -> bytes:
    """Pack (channel, seconds, raw) in the binary format, with no status and origin 1."""
    packed = b"".join(
        ROW.pack(5, 4, channel, 8, (at - PG_EPOCH_S) * 1_000_000, 8, raw, -1, 2, 1)
        for channel, at, raw in rows
    )
    return b"PGCOPY\n\xff\r\n\0" + bytes(8) + packed + b"\xff\xff"


def chunks(rows: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    for start in range(0, len(rows), ROWS_A_COPY):
        yield rows[start : start + ROWS_A_COPY]


def test_commit_beside_a_bare_copy(database: str, tmp_path: Path) -> None:
    with connect(database) as conn:
        migrate(conn, portable=True)
        site = Site(conn, tmp_path)
        site.units(*(unit_line(f"A-{meter:04}", str(meter)) for meter in range(METERS)))
        payloads = [
            site.gateway.seal(
                *(
                    block_line(
                        str(meter),
                        [(START + QUARTER * (96 * day + n + 1), 1000 * n) for n in range(96)],
                    )
                    for meter in range(first, first + 8)
                )
            )
            for day in range(DAYS)
            for first in range(0, METERS, 8)
        ]
        received = START + timedelta(days=DAYS + 1)
        registry = load_registry(conn)

        began = time.perf_counter()
        stored = 0
        for start in range(0, len(payloads), BATCHES_A_COMMIT):
            part = payloads[start : start + BATCHES_A_COMMIT]
            verdicts = [accept(site.gateway.topic, each, registry, received) for each in part]
            stored += commit(conn, verdicts).new
        ours = stored / (time.perf_counter() - began)
        assert stored == METERS * DAYS * 96

        conn.execute("CREATE TABLE bare (LIKE reading INCLUDING ALL)")
        rows = conn.execute(
            "SELECT channel_id, extract(epoch FROM ts)::bigint, raw FROM reading ORDER BY 1, 2"
        ).fetchall()
        packed = [copy_format([(r[0], int(r[1]), r[2]) for r in chunk]) for chunk in chunks(rows)]
        began = time.perf_counter()
        for part_of_rows in packed:
            with (
                conn.cursor() as cursor,
                cursor.copy(
                    "COPY bare (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)"
                ) as copy,
            ):
                copy.write(part_of_rows)
        limit = len(rows) / (time.perf_counter() - began)
        assert conn.execute("SELECT count(*) FROM bare").fetchone() == (stored,)
    print(
        f"\nstore: {stored:,} rows in {len(payloads)} signed batches, one worker"
        f"\n  verify and commit  {ours:9,.0f} rows/s"
        f"\n  direct COPY        {limit:9,.0f} rows/s (the limit)"
        f"\n  share              {ours / limit:9.0%}"
    )
    assert ours / limit > 0.05
