# SPDX-License-Identifier: MIT
"""Days and months say what the readings say, however the readings came; on both editions."""

import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import migrate, open_store
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.quality import Origin
from tests.support.store import Site, every, local, unit_line

NOW = datetime(2026, 12, 1, tzinfo=UTC)
START = local("2026-07-01 00:00")
DAY = timedelta(days=1)

Rows = dict[tuple[int, datetime], int]


def oracle(rows: Rows, zone: ZoneInfo, *, month: bool) -> list[tuple[object, ...]]:
    """Roll up in the plainest way: by local time, where 00:00 closes the day before."""
    buckets: dict[tuple[int, date], list[tuple[datetime, int]]] = {}
    for (channel, ts), raw in sorted(rows.items()):
        day = (ts.astimezone(zone) - timedelta(microseconds=1)).date()
        if ts.astimezone(zone).time() != datetime.min.time():
            day = ts.astimezone(zone).date()
        buckets.setdefault((channel, day.replace(day=1) if month else day), []).append((ts, raw))
    found: list[tuple[object, ...]] = []
    for (channel, day), points in sorted(buckets.items()):
        raws = [raw for _, raw in points]
        times = [ts for ts, _ in points]
        ends = (raws[0], raws[-1], times[0], times[-1])
        found.append((channel, day, *ends, len(raws), sum(raws), min(raws), max(raws)))
    return found


def stored(conn: Connection, what: str) -> list[tuple[object, ...]]:
    statement = (
        f"SELECT channel_id, {what}, first_raw, last_raw, min_ts, max_ts, count, sum_raw, "  # noqa: S608
        f"min_raw, max_raw FROM reading_{what} ORDER BY 1, 2"
    )
    return conn.execute(statement.encode()).fetchall()


def hold(conn: Connection, rows: Rows, zone: ZoneInfo) -> None:
    refresh(conn, NOW)
    assert stored(conn, "day") == oracle(rows, zone, month=False)
    assert stored(conn, "month") == oracle(rows, zone, month=True)
    assert conn.execute("SELECT count(*) FROM dirty").fetchone() == (0,)


def put(conn: Connection, rows: Iterable[tuple[tuple[int, datetime], int]]) -> None:
    claims = [
        NewReading(channel, int(ts.timestamp()), raw, None, Origin.METER)
        for (channel, ts), raw in rows
    ]
    store_readings(conn, claims, source="test", at=NOW)


@pytest.mark.parametrize(
    "zone_name",
    ["Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"],
)
def test_rollups_are_what_the_oracle_says(empty_dsn: str, zone_name: str) -> None:
    dice = random.Random(zone_name)
    zone = ZoneInfo(zone_name)
    begin = datetime(2026, 2, 25, tzinfo=zone).astimezone(UTC)
    rows: Rows = {}
    for channel in range(1, 4):
        for number in range(60 * 8):
            rows[channel, begin + timedelta(hours=3) * number] = dice.randrange(-5, 10**12)
        for number in range(0, 60, 7):
            midnight = datetime(2026, 2, 25, tzinfo=zone) + DAY * number
            rows[channel, midnight.astimezone(UTC)] = dice.randrange(10**6)
            rows[channel, midnight.astimezone(UTC) + timedelta(seconds=1)] = dice.randrange(10**6)
    order = list(rows.items())
    dice.shuffle(order)
    known: Rows = {}
    with connect(empty_dsn) as conn:
        migrate(conn, zone=zone_name)
        for at in range(0, len(order), len(order) // 5):
            part = order[at : at + len(order) // 5]
            put(conn, part)
            known.update(part)
            hold(conn, known, zone)


def test_late_rows_show_after_a_refresh(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", every(START, START + 40 * DAY, 1000, 10, timedelta(hours=1)))
    refresh(site.conn, NOW)
    late = START + 3 * DAY + timedelta(minutes=30)
    site.deliver("1", [(late, 1725)])
    site.deliver("1", [(START - 100 * DAY, 1)])
    found = site.all("SELECT channel_id, ts, raw FROM reading")
    rows = {(channel, ts): raw for channel, ts, raw in found}
    hold(site.conn, rows, ZoneInfo("Asia/Kolkata"))
    assert site.one("SELECT min_raw FROM reading_day WHERE day = '2026-07-04'") == 1725
    assert site.one("SELECT count(*) FROM reading_month") == 4


def test_a_late_row_of_the_first_reaches_its_month(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    june, august = START - 30 * DAY, START + 40 * DAY
    site.deliver("1", every(june, august, 1000, 10, timedelta(hours=6)))
    refresh(site.conn, NOW)
    counts = "SELECT count FROM reading_month ORDER BY month"
    (_may, june_before, july_before, _august) = (count for (count,) in site.all(counts))
    hour = timedelta(hours=1)
    site.deliver("1", [(START - 2 * DAY - hour, 2115), (START + 7 * hour, 2215)])
    refresh(site.conn, NOW)
    months = [count for (count,) in site.all(counts)]
    assert months[1:3] == [june_before + 1, july_before + 1]


RAW_DAYS = """
CREATE MATERIALIZED VIEW raw_days WITH (timescaledb.continuous) AS
SELECT channel_id, time_bucket('1 day', ts, 'Asia/Kolkata') AS bucket, count(*) AS count
FROM reading GROUP BY 1, 2 WITH NO DATA
"""
"""Days without the offset of ours: 2.28.3 loses rows of them (timescaledb#10296)."""


def test_days_keep_all_rows_of_a_bulk_write(site: Site) -> None:
    continuous = open_store(site.conn).rollups == "continuous"
    if continuous:
        site.conn.execute(RAW_DAYS.encode())
    site.units(unit_line("A-1204", "1", since="2025-01-01"))
    midnights = every(START - 200 * DAY, START - 59 * DAY, 1000, 10, DAY)
    assert len(midnights) == 142
    site.deliver("1", [(START, 9000)])
    refresh(site.conn, NOW)
    window = (START - 210 * DAY, START + DAY)
    again = b"CALL refresh_continuous_aggregate('raw_days', %s, %s)"
    if continuous:
        site.conn.execute(again, window)
    site.deliver("1", midnights)  # 142 rows of 21 chunks in one statement
    refresh(site.conn, NOW)
    days = "SELECT count(*), sum(count) FROM reading_day WHERE last_raw < 9000"
    assert site.one(days) == (142, 142)
    assert site.one("SELECT sum(count) FROM reading_month") == 143
    if continuous:
        site.conn.execute(again, window)
        raw = site.one("SELECT sum(count) FROM raw_days")
        print(f"days without our offset have {raw} of 143 rows")


def test_an_elected_claim_shows_after_a_refresh(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", [(START, 100), (START + DAY, 200)])
    refresh(site.conn, NOW)
    channel = site.one("SELECT channel_id FROM channel")
    edit = NewReading(channel, int((START + DAY).timestamp()), 150, None, Origin.EDIT)
    store_readings(site.conn, [edit], source="edit", at=NOW)
    refresh(site.conn, NOW)
    assert site.one("SELECT last_raw FROM reading_day WHERE day = '2026-07-01'") == 150
    assert site.one("SELECT last_raw FROM reading_month WHERE month = '2026-07-01'") == 150


def test_the_mark_of_a_future_day_waits(site: Site) -> None:
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", [(START + 10 * DAY, 100)])
    assert refresh(site.conn, START).marks == 0
    assert refresh(site.conn, START + 10 * DAY).marks == 1
    assert refresh(site.conn, NOW).marks == 0


def test_marks_that_come_during_a_refresh_outlive_it(site: Site, store_dsn: str) -> None:
    site.units(unit_line("A-1204", "1"))
    site.deliver("1", [(START, 100)])
    with connect(store_dsn) as other, other.transaction():
        channel = site.one("SELECT channel_id FROM channel")
        reading = NewReading(channel, int(START.timestamp()) - 60, 90, None, Origin.METER)
        store_readings(other, [reading], source="other", at=NOW)
        refresh(site.conn, NOW)
    assert site.one("SELECT count(*) FROM dirty") == 1
    refresh(site.conn, NOW)
    assert site.one("SELECT first_raw, count FROM reading_day") == (90, 2)


def test_a_refresh_without_marks_does_nothing(conn: Connection) -> None:
    assert refresh(conn, NOW).days == 0
