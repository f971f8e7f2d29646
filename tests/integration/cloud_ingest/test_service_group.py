# SPDX-License-Identifier: MIT
"""Two workers that share the messages of one broker: each batch once, one leader at a time."""

import signal
import subprocess
from datetime import timedelta
from functools import partial
from pathlib import Path

from psycopg import sql

from cloud_ingest.store import outbox
from cloud_ingest.store.connection import Connection, edition
from cloud_ingest.store.locks import Lock
from tests.support.gateway import Sealer, block_line
from tests.support.service_site import (
    GATEWAYS,
    NOW,
    OTHER,
    SOCIETY,
    Site,
    each_site,
    mosquitto,
    quarters,
    rolled_up,
    site,
    wait_until,
)
from tests.support.workers import Workers

__all__ = ["each_site", "mosquitto", "site"]

KILLED_S = 10
"""Within so long another leads after a leader was killed."""


def hours(sealer: Sealer, first: int, count: int) -> list[bytes]:
    """Batches of an hour each, the newest last."""
    ends = [NOW - timedelta(hours=200 - n) for n in range(first, first + count)]
    return [sealer.seal(block_line("1", quarters(4, end))) for end in ends]


def test_two_workers_store_each_batch_once(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[0])
    workers = Workers(site)
    with workers.worker("one"), workers.worker("two"):
        wait_until(lambda: workers.leaders() == 1)
        gateway.publish(sealer.topic, *hours(sealer, 0, 120))
        assert gateway.wait_receipt(sealer, site.key, 120).ranges == ((1, 120),)
        assert (site.count("batch"), site.count("reading")) == (120, 480)
        assert (site.count("claim"), site.count("quarantine")) == (0, 0)
        wait_until(lambda: site.count("dirty") == 0 and site.count("reading_day") > 0)
        assert workers.leaders() == 1
        assert workers.leads("one") != workers.leads("two")
    ended = [log.read_text().splitlines()[-1] for log in workers.logs.values()]
    assert all("batches" in line for line in ended), ended  # both had a share


def compressed(conn: Connection) -> int:
    row = conn.execute(
        "SELECT count(*) FROM timescaledb_information.chunks"
        " WHERE hypertable_name = 'reading' AND is_compressed"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_another_leads_when_the_leader_is_killed(each_site: Site) -> None:
    site = each_site
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[1])
    reader = site.client(OTHER, "metering/v1/society/#")
    workers = Workers(site)
    old = NOW - timedelta(days=40)
    with workers.worker("one") as leader:
        wait_until(lambda: workers.leads("one"))
        with workers.worker("two"):
            gateway.publish(sealer.topic, sealer.seal(block_line("1", quarters(4, old))))
            gateway.publish(sealer.topic, *hours(sealer, 0, 5))
            gateway.wait_receipt(sealer, site.key, 6)
            assert not workers.leads("two")
            leader.kill()
            leader.wait()
            later = hours(sealer, 5, 6)
            outbox.enqueue(site.conn, "metering/v1/society/x/billing/2026-10/manifest", b"M")
            wait_until(lambda: workers.leads("two"), KILLED_S)
            assert workers.leaders() == 1
            assert reader.wait(1)[0][1] == b"M"
            if edition(site.conn) == "timescale":
                wait_until(lambda: compressed(site.conn) == 1)
            later.append(sealer.seal(block_line("1", quarters(4, old - timedelta(hours=1)))))

            # What the broker holds for the dead one is not waited for. It deals by turns: of seven
            # each comes to the living one in the end.
            def sent_again() -> bool:
                gateway.publish(sealer.topic, *later)
                return site.count("batch") == 13

            wait_until(sent_again)
            gateway.wait_receipt(sealer, site.key, 13)
            wait_until(lambda: site.count("dirty") == 0)
            assert rolled_up(site.conn) == (52, 52)


def test_a_worker_that_stops_leaves_no_message_behind(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[2])
    workers = Workers(site)
    with workers.worker("one") as one, workers.worker("two"):
        gateway.publish(sealer.topic, *hours(sealer, 0, 10))
        gateway.wait_receipt(sealer, site.key, 10)
        one.send_signal(signal.SIGTERM)
        assert one.wait(20) == 0
        gateway.publish(sealer.topic, *hours(sealer, 10, 40))
        receipt = gateway.wait_receipt(sealer, site.key, 50)
        assert receipt.ranges == ((1, 50),)
        assert site.count("batch") == 50


def test_a_cut_session_is_an_outage_and_no_fault(site: Site) -> None:
    site.meter("1")
    workers = Workers(site)
    with workers.worker("one"):
        wait_until(lambda: workers.leads("one"))
        cut = site.conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND classid = 0 AND objid = %s AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())",
            (Lock.LEADER,),
        ).fetchall()
        assert cut == [(True,)]
        log = workers.logs["one"]
        wait_until(lambda: log.read_bytes().count(b"This worker leads") == 2, 60)
        # An outage is told once, by the loop that meets it first.
        assert b"action=outage" in log.read_bytes()
        assert b"action=fault" not in log.read_bytes()
        assert workers.leaders() == 1


def cut_sessions(site: Site) -> None:
    """End all sessions of the database but the test's own, as a restart does."""
    site.conn.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def outages_ended(log: Path) -> bool:
    """Say whether an outage was told, and after the last one that all works again."""
    told = log.read_text()
    return 0 < told.rfind("action=outage") < told.rfind("action=recovered")


def test_every_loop_heals_when_all_sessions_are_cut(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[3])
    workers = Workers(site)
    with workers.worker("one"):
        for turn in range(1, 4):
            wait_until(lambda: workers.leaders() == 1)
            cut_sessions(site)
            gateway.publish(sealer.topic, *hours(sealer, turn, 1))
            gateway.wait_receipt(sealer, site.key, turn)
            wait_until(partial(_is_rolled_up, site, 4 * turn))
            wait_until(partial(outages_ended, workers.logs["one"]))


def _is_rolled_up(site: Site, readings: int) -> bool:
    return rolled_up(site.conn) == (readings, readings)


def test_a_primary_that_became_a_standby_is_waited_for(site: Site) -> None:
    site.meter("1")
    sealer, gateway = site.gateway(GATEWAYS[4])
    workers = Workers(site)
    read_only = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format
    name = sql.Identifier(site.conn.info.dbname)
    with workers.worker("one"):
        log = workers.logs["one"]
        wait_until(lambda: workers.leads("one"))
        site.conn.execute(read_only(name, sql.SQL("on")))
        cut_sessions(site)
        gateway.publish(sealer.topic, *hours(sealer, 0, 1))
        wait_until(lambda: b"takes no changes now" in log.read_bytes())
        assert (workers.leaders(), site.count("batch")) == (0, 0)
        site.conn.execute(read_only(name, sql.SQL("off")))
        gateway.wait_receipt(sealer, site.key, 1, timeout_s=60)
        wait_until(partial(_is_rolled_up, site, 4), timeout_s=60)
        wait_until(partial(outages_ended, log))


def test_a_month_closes_beside_a_running_ingest(site: Site) -> None:
    site.meter("1")
    month = f"{(NOW.replace(day=1) - timedelta(days=1)):%Y-%m}"
    workers = Workers(site)
    with workers.worker("one"):
        wait_until(lambda: workers.leaders() == 1)
        closed = subprocess.run(
            site.command("close-month", month, "--society", SOCIETY, "--dsn", site.dsn),
            capture_output=True,
            timeout=60,
            check=False,
            text=True,
        )
    assert (closed.returncode, "withheld" in closed.stdout) == (0, True), closed.stderr
