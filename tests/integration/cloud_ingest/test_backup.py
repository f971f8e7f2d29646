# SPDX-License-Identifier: MIT
"""A store is lost and comes back from an older backup; the gateways send again what they keep.

Logical (pg_dump, pg_restore) and physical (pg_basebackup, a second cluster), on every edition. The
store is of a role that is no superuser, before and after.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud_ingest.core.accept import accept
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.operate.role_checks import check_role
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.commit import CommitResult, commit
from cloud_ingest.store.connection import Connection, connect, edition
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.receipts import store_id
from cloud_ingest.store.registry import load_registry
from cloud_ingest.store.server_facts import read_role
from tests.support.backup import programs_beside
from tests.support.gateway import block_line
from tests.support.servers import SqlServer
from tests.support.store import (
    SOCIETY,
    Site,
    as_role,
    database_at,
    every,
    local,
    role_at,
    unit_line,
)

HOUR = timedelta(hours=1)
NOW = local("2026-08-05 09:00")
READINGS = """
    SELECT manufacturer, serial, obis, ts, raw, status, origin
    FROM reading JOIN channel USING (channel_id) JOIN meter USING (meter_id) ORDER BY 1, 2, 3, 4
"""
DAYS = """
    SELECT serial, obis, day, first_raw, last_raw, min_ts, max_ts, count, sum_raw, min_raw, max_raw
    FROM reading_day JOIN channel USING (channel_id) JOIN meter USING (meter_id) ORDER BY 1, 2, 3
"""
MONTHS = DAYS.replace("reading_day", "reading_month").replace("day", "month")
CLOSED = """
    SELECT message FROM month_number WHERE month = %s
    UNION ALL SELECT manifest FROM month_close WHERE month = %s ORDER BY 1
"""


class Drill:
    """A society whose gateway keeps everything that it ever sent."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.kept: list[bytes] = []

    def send(self, conn: Connection, serial: str, start: str, end: str, first: int) -> None:
        rows = every(local(start), local(end), first, 10, HOUR)
        payload = self.site.gateway.seal(block_line(serial, rows))
        self.kept.append(payload)
        assert self.deliver(conn, [payload]).new == len(rows)

    def deliver(self, conn: Connection, payloads: list[bytes]) -> CommitResult:
        registry = load_registry(conn)
        topic = self.site.gateway.topic
        return commit(conn, [accept(topic, payload, registry, NOW) for payload in payloads])


def close(conn: Connection, month: str, now: datetime = NOW) -> Closed:
    return close_month(conn, SOCIETY, month, now)


def all_of(conn: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    return conn.execute(statement.encode(), values).fetchall()


def picture(conn: Connection) -> list[list[tuple[Any, ...]]]:
    return [all_of(conn, statement) for statement in (READINGS, DAYS, MONTHS)]


@pytest.fixture
def owner(store_server: str) -> Iterator[str]:
    with role_at(store_server) as role:
        yield role


@pytest.fixture
def store_dsn(store_server: str, owner: str) -> Iterator[str]:
    """A store of a role that is no superuser, as a service has it."""
    with database_at(store_server, owner) as dsn:
        with connect(as_role(dsn, owner)) as own:
            migrate(own)
        yield as_role(dsn, owner)


@pytest.mark.parametrize("way", ["logical", "physical"])
def test_after_a_restore_everything_is_as_it_was(
    site: Site,
    store_server: str,
    store_dsn: str,
    tmp_path: Path,
    postgres_server: SqlServer,
    *,
    owner: str,
    way: str,
) -> None:
    conn = site.conn
    timescale = edition(conn) != "plain"
    programs = programs_beside(None if timescale else postgres_server, store_dsn)
    drill = Drill(site)
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    for serial, first in (("1", 1000), ("2", 5000)):
        drill.send(conn, serial, "2026-05-30 00:00", "2026-07-02 00:00", first)
    june = close(conn, "2026-06")
    assert [number.version for number in june.numbers] == [1, 1]
    with (
        programs.second_cluster(store_dsn, store_server) as second,
        database_at(store_server, owner) as empty,
    ):
        file = tmp_path / "metering.dump"
        if way == "logical":
            programs.dump(store_dsn, file)
        else:
            second.take()

        for serial, first in (("1", 20_000), ("2", 30_000)):
            drill.send(conn, serial, "2026-07-02 01:00", "2026-08-02 00:00", first)
        drill.send(conn, "1", "2026-06-10 00:30", "2026-06-10 05:30", 3650)
        refresh(conn, NOW)
        july = close(conn, "2026-07")
        assert [number.version for number in july.numbers] == [1, 1]
        before = picture(conn)
        june_before = all_of(conn, CLOSED, "2026-06", "2026-06")

        if way == "logical":
            programs.restore(file, empty, owner, timescale=timescale)
        else:
            second.start()
        back = as_role(empty, owner) if way == "logical" else second.dsn
        with connect(back) as restored:
            assert check_role(read_role(restored)).level == "ok"
            assert picture(restored) != before
            assert migrate(restored, restored=True).renewed != store_id(conn)
            drill.deliver(restored, drill.kept)
            refresh(restored, NOW)
            assert picture(restored) == before
            assert all_of(restored, CLOSED, "2026-06", "2026-06") == june_before
            again = close(restored, "2026-07")
            assert [n.quantity for n in again.numbers] == [n.quantity for n in july.numbers]
            assert min(n.version for n in again.numbers) > max(n.version for n in july.numbers)
            june_again = close(restored, "2026-06")
            assert [n.quantity for n in june_again.numbers] == [n.quantity for n in june.numbers]
            assert june_again.published == 2
            assert close(restored, "2026-06").published == 0
            assert drill.deliver(restored, drill.kept).new == 0
