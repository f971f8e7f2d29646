# SPDX-License-Identifier: MIT
"""What being watched costs: counting in a commit, reading the store's facts, a scrape."""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cloud_ingest.core.accept import Accepted
from cloud_ingest.service.metrics import Durations, Metrics, WorkerFacts, render
from cloud_ingest.service.store_metrics import store_families
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.metric_facts import read_facts, read_yesterday
from cloud_ingest.store.migrate import migrate, open_store
from tests.support.fill import fill
from tests.support.gateway import block_line
from tests.support.store import QUARTER, ZONE, Site, every, local, unit_line

METERS, GATEWAYS, WAITING = 20_000, 1_000, 50_000
COMMITS, BLOCKS = 100, 100
MOST_OF_A_COMMIT = 0.01
_R = TypeVar("_R")


def timed(work: Callable[[], _R]) -> tuple[float, _R]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def worker_facts(commits: Durations) -> WorkerFacts:
    return WorkerFacts(
        version="1",
        ready=True,
        database_up=True,
        broker_up=True,
        leads=True,
        totals={"messages": 1},
        commits=commits,
        waiting_bytes=0,
        succeeded={},
        failing=(),
        certificates={},
    )


def count(totals: Counter[str], commits: Durations) -> None:
    """Do what the service does for metrics around one commit."""
    began = time.monotonic()
    commits.add(time.monotonic() - began)
    totals.update(messages=1, accepted=1, refused=0, batches=1, readings=1)


def test_counting_is_a_small_part_of_a_commit(empty_dsn: str, edition: str, tmp_path: Path) -> None:
    totals, commits = Counter[str](), Durations()
    took_s: list[float] = []
    start = local("2026-07-01 00:00")
    with connect(empty_dsn) as conn:
        migrate(conn, zone=ZONE.key)
        site, cache = Site(conn, tmp_path), StoreCache()
        meters = [f"S-{number}" for number in range(BLOCKS)]
        site.units(*(unit_line(f"A-{each}", each) for each in meters))
        for number in range(COMMITS):
            at = start + QUARTER * number
            lines = (block_line(each, every(at, at, 1000 + number, 1)) for each in meters)
            accepted = site.verdict(site.gateway.seal(*lines), at + QUARTER)
            assert isinstance(accepted, Accepted)
            seconds, _ = timed(lambda: commit(conn, [accepted], cache=cache))  # noqa: B023
            took_s.append(seconds)
    began = time.perf_counter()
    for _ in range(10_000):
        count(totals, commits)
    part = (time.perf_counter() - began) / 10_000 / statistics.median(took_s)
    print(f"\n{edition}: counting takes {part:.3%} of a commit of {BLOCKS} meters' rows")
    assert part < MOST_OF_A_COMMIT


def crowd(conn: Connection) -> None:
    """Add gateways that told all, and a queue of what waits."""
    conn.execute(
        "WITH made AS (INSERT INTO gateway (name, society_id) SELECT 'gw-' || n,"
        " (SELECT min(society_id) FROM society) FROM generate_series(1, %s) AS n"
        " RETURNING gateway_id), keyed AS (INSERT INTO gateway_key (gateway_id, key_id, public_key)"
        " SELECT gateway_id, 'k', decode(repeat('00', 32), 'hex') FROM made)"
        " INSERT INTO gateway_status (gateway_id, session, state, at, heard_at, lost_at, payload)"
        " SELECT gateway_id, gen_random_uuid(), 'online', now(), now(), now(), jsonb_build_object("
        " 'spooled', 1, 'meters', 100, 'spool_bytes', 1000, 'clock_synchronised', true,"
        " 'machine', jsonb_build_object('disk_free_bytes', 1, 'disk_total_bytes', 2))  FROM made",
        (GATEWAYS,),
    )
    conn.execute(
        "INSERT INTO outbox (topic, payload) SELECT 't', '' FROM generate_series(1, %s)",
        (WAITING,),
    )
    conn.execute("ANALYZE")


def test_the_facts_of_a_large_store(empty_dsn: str, edition: str) -> None:
    now = datetime.now(UTC)
    with connect(empty_dsn) as conn:
        migrate(conn, zone=ZONE.key)
        zone = open_store(conn).zone
        fill(conn, "Lake", METERS, now.astimezone(zone).date() - timedelta(days=2), days=2, dense=0)
        crowd(conn)
        facts_s, facts = timed(lambda: read_facts(conn, now))
        day_s, day = timed(lambda: read_yesterday(conn, zone, now))
    assert facts.meters[0].meters == METERS
    assert day.societies[0].expected == 96 * METERS
    text_s, text = timed(lambda: render(store_families(facts, day, zone, now, facts_s)))
    commits = Durations()
    metrics = Metrics(lambda: worker_facts(commits), lambda: text)
    scrape_s, scraped = timed(metrics.text)
    print(
        f"\n{edition}: {METERS} meters, {GATEWAYS} gateways, {WAITING} messages: "
        f"read in {facts_s:.2f} s, yesterday in {day_s:.2f} s, rendered in {1000 * text_s:.0f} ms; "
        f"a scrape {1000 * scrape_s:.1f} ms, {len(scraped) // 1000} kB"
    )
    assert scrape_s < text_s, "a scrape renders nothing of the store"
