# SPDX-License-Identifier: MIT
"""A month closes at the first go while readings keep coming, and bills none that nobody judged."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest

from cloud_ingest.errors import CloseRefused
from cloud_ingest.month import close as module
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import Store
from cloud_ingest.store.readings_write import NewReading, store_readings
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import judge_suspects
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Unit
from shared_schema.quality import Origin, Reason
from shared_schema.readings import Column
from tests.support.fill import fill
from tests.support.store import QUARTER, SOCIETY, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = START - timedelta(days=2), END + timedelta(days=2)
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
HOURS = 31 * 24
OTHERS = 2_000
ROWS_A_TICK = 250
LATE_A_TICK = 8
TICK_S = 0.25
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)


def put(dsn: str, channel: int, rows: list[tuple[datetime, int]]) -> None:
    """Commit readings of a channel over a connection of their own."""
    with connect(dsn) as other:
        claims = [
            NewReading(channel, int(at.timestamp()), raw, None, Origin.METER) for at, raw in rows
        ]
        store_readings(other, claims, source="late", at=NOW)


def close(site: Site, said: list[str] | None = None) -> Closed:
    return close_month(
        site.conn, SOCIETY, "2026-07", NOW, progress=(said if said is not None else []).append
    )


def quantities(closed: Closed) -> dict[str, object]:
    return {number.subject.id: number.quantity for number in closed.numbers}


@pytest.fixture
def flat(site: Site) -> Site:
    """One flat whose meter counts 10 Wh an hour, before, in and after July."""
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(BEFORE, AFTER, 1000, 10, HOUR))
    return site


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, dsn: str, channel: int, rows: list[tuple[datetime, int]]
) -> None:
    """Let readings arrive after the refresh of a closing and before its snapshot."""

    def refresh_then_put(conn: Connection, now: datetime) -> None:
        refresh(conn, now)
        put(dsn, channel, rows)

    monkeypatch.setattr(module, "refresh", refresh_then_put)


def test_late_readings_need_no_second_refresh(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    channel = flat.one("SELECT channel_id FROM channel")
    meanwhile(monkeypatch, store_dsn, channel, [(START + timedelta(minutes=30), 1485)])
    assert quantities(close(flat, said)) == {"A-1": kwh(10 * HOURS)}
    assert flat.one("SELECT count(*) FROM dirty") == 1
    assert not any("judging" in line for line in said)


def test_a_false_reading_that_nobody_judged_is_not_billed(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    flat.conn.execute("DELETE FROM reading WHERE ts = %s", (END,))
    channel = flat.one("SELECT channel_id FROM channel")
    meanwhile(monkeypatch, store_dsn, channel, [(END, 100_000_000)])
    closed = close(flat, said)
    assert "2026-07: judging what came in meanwhile" in said
    assert flat.one("SELECT raw FROM claim") == 100_000_000
    assert all(number.quantity <= kwh(10 * HOURS) for number in closed.numbers)


def test_a_late_fall_is_seen_before_it_is_rolled_up(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = flat
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    site.deliver("2", [(START, 900_000), (END, 901_000)])
    refresh(site.conn, NOW)
    channel = site.one(
        "SELECT channel_id FROM channel JOIN meter USING (meter_id) WHERE serial = '2'"
    )
    day = [(START + timedelta(days=9, hours=n), 20 + n) for n in range(12)]
    meanwhile(monkeypatch, store_dsn, channel, day)
    closed = close(site)
    assert quantities(closed)["A-1"] == kwh(10 * HOURS)
    assert quantities(closed).get("A-2") in {None, kwh(1_000)}


def test_late_intervals_count_in_the_sum_check(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flat.deliver("1", every(START + HOUR, END - HOUR, 10, 0, HOUR), column=INTERVAL_WH)
    refresh(flat.conn, NOW)
    channel = flat.one("SELECT channel_id FROM channel WHERE kind = 'interval'")
    flat.conn.execute("UPDATE channel SET period_s = 3600 WHERE channel_id = %s", (channel,))
    meanwhile(monkeypatch, store_dsn, channel, [(END, 90_000)])
    closed = close(flat)
    assert [set(each.reasons) for each in closed.withheld] == [{Reason.SUM_CHECK}]


def test_false_readings_that_keep_coming_refuse_the_closing(
    flat: Site, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = flat.one("SELECT channel_id FROM channel")
    quarters = iter(range(1, 100))

    def lie() -> None:
        at = START + timedelta(days=10) + next(quarters) * HOUR + QUARTER
        put(store_dsn, channel, [(at, 0)])

    def judge_then_lie(
        conn: Connection, found: list[Suspect], store: Store, now: datetime
    ) -> object:
        marks = judge_suspects(conn, found, store, now)
        lie()
        return marks

    refresh(flat.conn, NOW)
    lie()
    monkeypatch.setattr(module, "refresh", lambda _conn, _now: None)
    monkeypatch.setattr(module, "judge_suspects", judge_then_lie)
    with pytest.raises(CloseRefused, match="false readings of 2026-07 keep arriving"):
        close(flat)
    monkeypatch.undo()
    assert quantities(close(flat)) == {"A-1": kwh(10 * HOURS)}


@contextmanager
def ingest(dsn: str, late: int, others: list[int]) -> Iterator[None]:
    """Commit 1,000 rows a second of today, and quarters of July that one meter gives late.

    Beside it the rollups are refreshed without a rest, as the service does.
    """
    stop, committed = threading.Event(), threading.Event()
    today = int((NOW - timedelta(hours=6)).timestamp())
    july = every(START + QUARTER, END - QUARTER, 2_001, 1)

    def rows(tick: int) -> Iterator[NewReading]:
        first = tick * ROWS_A_TICK % OTHERS
        for c in others[first : first + ROWS_A_TICK]:
            yield NewReading(c, today + tick, 1_000 * c + 40_000 + tick, None, Origin.METER)
        for at, raw in july[tick * LATE_A_TICK :][:LATE_A_TICK]:
            yield NewReading(late, int(at.timestamp()), raw, None, Origin.METER)

    def write() -> None:
        with connect(dsn) as conn:
            began, tick = time.monotonic(), 0
            while not stop.wait(began + tick * TICK_S - time.monotonic()):
                store_readings(conn, rows(tick), source="ingest", at=NOW)
                committed.set()
                tick += 1

    def roll_up() -> None:
        with connect(dsn) as conn:
            while not stop.wait(TICK_S):
                refresh(conn, NOW)

    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(write), pool.submit(roll_up)]
        try:
            assert committed.wait(30)
            yield
        finally:
            stop.set()
        for each in done:
            each.result()


def test_a_close_under_steady_ingest_goes_through(site: Site, store_dsn: str) -> None:
    fill(site.conn, "Other", OTHERS, date(2026, 7, 30), days=4, dense=0)
    others = [row[0] for row in site.all("SELECT channel_id FROM channel ORDER BY channel_id")]
    site.units(unit_line("A-1", "1"), unit_line("A-2", "2"))
    site.deliver("1", every(BEFORE, AFTER, 1_000, 10, HOUR))
    site.deliver("2", [(START, 2_000), (END, 2_000 + 31 * 96)])
    late = site.one("SELECT max(channel_id) FROM channel")
    refresh(site.conn, NOW)
    said: list[str] = []
    with ingest(store_dsn, late, others):
        for _ in range(3):
            closed = close(site, said)
            assert quantities(closed) == {"A-1": kwh(10 * HOURS), "A-2": kwh(31 * 96)}
    assert not any("judging" in line for line in said)
    assert site.one("SELECT count(*) FROM reading WHERE channel_id = %s", late) > 2
