# SPDX-License-Identifier: MIT
"""The cloud's worker for weeks: what gateways send in a day, stored, rolled up and judged.

The batches are signed as gateways sign them; intake, commit, rollups, flags, quarantine, partitions
and upkeep are the product's own, called in the order in which the service calls them, in the
batches' own time. Junk comes each hour.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.quota import DEFAULT_QUOTAS
from cloud_ingest.flags.bindings import refresh_bindings
from cloud_ingest.flags.electricity import refresh_loads
from cloud_ingest.flags.gateways import refresh_clocks, refresh_disks
from cloud_ingest.flags.missing_batches import refresh_missing_batches
from cloud_ingest.flags.quotas import refresh_quotas
from cloud_ingest.flags.silence import refresh_silence
from cloud_ingest.ingest.intake import Intake
from cloud_ingest.ingest.small_messages import Received
from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate
from shared_schema.readings import read_header
from tests.soak.measures import Meter
from tests.soak.verdict import Day
from tests.support.load import register, signed_batches

START: Final = datetime(2026, 7, 1, tzinfo=UTC)
ZONE: Final = ZoneInfo("Asia/Kolkata")
GATEWAYS: Final = 2
JUDGED_EVERY: Final = 6
"""Hours between two looks at the flags."""


class CloudSoak:
    """The run; `days` yields the measures of each day, the growth of the database among them."""

    def __init__(self, dsn: str, meters: int) -> None:
        self.dsn = dsn
        self.meters = meters
        self.intake = Intake()

    def days(self, days: int, meter: Meter) -> Iterator[Day]:
        with connect(self.dsn) as conn:
            migrate(conn)
            register(conn, gateways=GATEWAYS, meters=self.meters, since=START)
            load = signed_batches(
                gateways=GATEWAYS, meters=self.meters, start=START, hours=24 * days
            )
            stored, size, wal = 0, _size(conn), _wal(conn)
            hours = groupby(load, lambda each: read_header(each[1]).created_at)
            for number in range(1, days + 1):
                meter.begin()
                for hour in range(24):
                    at, messages = next(hours)
                    self._hour(conn, hour, at + timedelta(minutes=1), list(messages))
                upkeep(conn, at + timedelta(minutes=2))
                now_stored, now_size = _readings(conn), _size(conn)
                now_wal = _wal(conn)
                measured = meter.end(
                    number,
                    kept=now_size - size,
                    work=now_stored - stored,
                    waiting=_marks(conn),
                    remark="",
                )
                yield replace(measured, written=now_wal - wal)
                stored, size, wal = now_stored, now_size, now_wal

    def _hour(
        self, conn: Connection, hour: int, now: datetime, messages: list[tuple[str, bytes]]
    ) -> None:
        received = [Received(topic, payload, retained=False) for topic, payload in messages]
        junk = Received(messages[0][0], b"junk of " + str(now).encode(), retained=False)
        self.intake.store(conn, [*received, junk], now)
        refresh(conn, now)
        if hour % JUDGED_EVERY == 0:
            refresh_silence(conn, ZONE, now, None)
            refresh_bindings(conn, now)
            refresh_loads(conn, ZONE, now)
            refresh_quotas(conn, DEFAULT_QUOTAS, now)
            refresh_missing_batches(conn, now)
            refresh_disks(conn, now)
            refresh_clocks(conn, now)


def _size(conn: Connection) -> int:
    return _number(conn, "SELECT pg_database_size(current_database())")


def _wal(conn: Connection) -> int:
    """Return the bytes that the server has written ahead; the tables follow them."""
    return _number(conn, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")


def _readings(conn: Connection) -> int:
    return _number(conn, "SELECT count(*) FROM reading")


def _marks(conn: Connection) -> int:
    return _number(conn, "SELECT count(*) FROM dirty")


def _number(conn: Connection, statement: str) -> int:
    row = conn.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])
