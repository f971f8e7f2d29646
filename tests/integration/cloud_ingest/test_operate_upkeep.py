# SPDX-License-Identifier: MIT
"""The table of readings is kept in shape, and takes late and better readings all the same."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.errors import CheckViolation
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.errors import UserError
from cloud_ingest.operate.upkeep import UpkeepResult, keep_months, oldest_kept, upkeep
from cloud_ingest.rollup.refresh import Refreshed, refresh
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.readings_write import (
    ORIGIN_NUMBERS,
    NewReading,
    Rows,
    StoredCounts,
    store_readings,
    store_rows,
)
from shared_schema.quality import Origin
from tests.support.store import kept, local

NOW = local("2026-08-20 09:00")
START, END = local("2026-07-02 06:00"), local("2026-07-08 00:00")
"""Within one chunk of TimescaleDB, which are the weeks from Thursday 00:00 UTC on."""
METER, EDIT = ORIGIN_NUMBERS[Origin.METER], ORIGIN_NUMBERS[Origin.EDIT]
QUARTER_S = 900
CHANNELS = range(1, 251)
READINGS = "SELECT channel_id, ts, raw, status, origin FROM reading ORDER BY 1, 2"
NOT_ROLLED_UP = """
WITH fresh AS (
  SELECT channel_id, date_trunc(%(bucket)s, (ts - INTERVAL '1 microsecond')
         AT TIME ZONE 'Asia/Kolkata')::date, count(*)::numeric, min(raw)::numeric,
         max(raw)::numeric, sum(raw)::numeric
  FROM reading GROUP BY 1, 2
), kept AS (
  SELECT channel_id, {bucket}, count::numeric, min_raw::numeric, max_raw::numeric, sum_raw::numeric
  FROM reading_{bucket}
)
(TABLE fresh EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE fresh)
"""


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def put(conn: Connection, rows: Rows, known: StoreCache | None = None) -> StoredCounts:
    known = StoreCache() if known is None else known
    make_partitions(conn, known, {row[0] for own in rows.values() for row in own})
    with conn.transaction():
        return store_rows(conn, rows, known, source="test", at=NOW)


def straight(store_dsn: str, rows: Rows) -> StoredCounts:
    """Store rows over a connection that believes them to be ahead, as after a backlog of days."""
    with connect(store_dsn) as own:
        known = StoreCache(newest={key: min(row[0] for row in rows[key]) - 1 for key in rows})
        stored = put(own, rows, known)
        (table,) = own.execute("SELECT to_regclass('pg_temp.incoming')").fetchone() or ("",)
        assert table is None, "they went by way of the temporary table"
    return stored


def rolled_up(conn: Connection) -> bool:
    """Say whether days and months are what the readings are."""
    return not any(
        conn.execute(NOT_ROLLED_UP.format(bucket=bucket).encode(), {"bucket": bucket}).fetchall()
        for bucket in ("day", "month")
    )


def compressed(conn: Connection) -> int:
    """Return how many chunks are wholly compressed."""
    row = conn.execute(
        "SELECT count(*) FROM _timescaledb_catalog.chunk WHERE status = 1 AND table_name IN "
        "(SELECT chunk_name FROM timescaledb_information.chunks WHERE hypertable_name = 'reading')"
    ).fetchone()
    assert row is not None
    return int(row[0])


@dataclass
class Old:
    """A week of old readings, more than one statement may open of a compressed chunk."""

    conn: Connection
    dsn: str
    missing: Rows
    """One in the middle of each channel, not stored yet."""

    @property
    def compresses(self) -> bool:
        return open_store(self.conn).rollups == "continuous"


@pytest.fixture
def old(conn: Connection, store_dsn: str) -> Iterator[Old]:
    gap = seconds(START) + 300 * QUARTER_S
    times = range(seconds(START) + QUARTER_S, seconds(END) + 1, QUARTER_S)
    rows: Rows = {
        channel: [
            (ts, METER, 1000 * channel + number, None)
            for number, ts in enumerate(times)
            if ts != gap
        ]
        for channel in CHANNELS
    }
    assert sum(map(len, rows.values())) > 100_000
    assert put(conn, rows).new == sum(map(len, rows.values()))
    refresh(conn, NOW)
    missing: Rows = {channel: [(gap, METER, 1000 * channel + 299, None)] for channel in CHANNELS}
    found = Old(conn, store_dsn, missing)
    done = upkeep(conn, NOW)
    assert done.compressed == (1 if found.compresses else 0)
    yield found
    if found.compresses:
        assert upkeep(conn, NOW).compressed <= 1
        assert compressed(conn) == 1


def test_partitions_are_made_ahead_once(conn: Connection) -> None:
    store = open_store(conn)
    plain = store.tables == "partitions"
    done = upkeep(conn, NOW)
    assert done == UpkeepResult(partitions=3 if plain else 0)
    assert upkeep(conn, NOW) == UpkeepResult()
    assert upkeep(conn, NOW + timedelta(days=31)) == UpkeepResult(partitions=1 if plain else 0)
    if plain:
        names = conn.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            "WHERE inhparent = 'metering.reading'::regclass ORDER BY 1"
        ).fetchall()
        assert [name.rpartition("reading_")[2] for (name,) in names] == [
            "2026_08",
            "2026_09",
            "2026_10",
            "2026_11",
        ]


def test_a_partition_holds_its_first_second_and_last_midnight(conn: Connection) -> None:
    upkeep(conn, NOW)
    first, last = seconds(local("2026-08-01 00:00")) + 1, seconds(local("2026-11-01 00:00"))
    rows: Rows = {1: [(first, METER, 1, None), (last, METER, 2, None)]}
    with conn.transaction():
        assert store_rows(conn, rows, StoreCache(), source="test", at=NOW).new == 2
    if open_store(conn).tables == "partitions":
        assert upkeep(conn, NOW) == UpkeepResult()


def test_repeated_rows_leave_a_compressed_chunk_alone(old: Old) -> None:
    before = old.conn.execute(READINGS).fetchall()
    rows: Rows = {}
    for channel_id, ts, raw, status, origin in before:
        rows.setdefault(channel_id, []).append((seconds(ts), origin, raw, status))
    again = put(old.conn, rows)
    assert (again.new, again.duplicates, again.conflicts) == (0, len(before), 0)
    assert old.conn.execute(READINGS).fetchall() == before
    assert old.conn.execute("SELECT count(*) FROM dirty").fetchone() == (0,)
    upkeep(old.conn, NOW)
    assert upkeep(old.conn, NOW) == UpkeepResult()


@pytest.mark.parametrize("way", ["straight", "by a temporary table"])
def test_a_chunk_with_late_rows_is_compressed_again(old: Old, way: str) -> None:
    put_late = put(old.conn, old.missing) if way != "straight" else straight(old.dsn, old.missing)
    assert (put_late.new, put_late.duplicates) == (len(CHANNELS), 0)
    assert not rolled_up(old.conn)
    refresh(old.conn, NOW)
    assert rolled_up(old.conn)
    before = old.conn.execute(READINGS).fetchall()
    assert upkeep(old.conn, NOW).compressed == (1 if old.compresses else 0)
    assert upkeep(old.conn, NOW) == UpkeepResult()
    assert old.conn.execute(READINGS).fetchall() == before
    refresh(old.conn, NOW)
    assert rolled_up(old.conn)


def test_a_copy_into_a_compressed_chunk_falls_back(old: Old) -> None:
    put(old.conn, {1: old.missing[1]})
    upkeep(old.conn, NOW)
    known = StoreCache(newest={key: row[0][0] - 1 for key, row in old.missing.items()})
    stored = put(old.conn, old.missing, known)
    assert (stored.new, stored.duplicates) == (len(CHANNELS) - 1, 1)
    refresh(old.conn, NOW)
    assert rolled_up(old.conn)


def test_an_election_works_on_a_compressed_chunk(old: Old) -> None:
    at = seconds(START) + 200 * QUARTER_S
    edits = [NewReading(channel, at, 7 * channel, None, Origin.EDIT) for channel in CHANNELS]
    done = store_readings(old.conn, edits, source="an operator", at=NOW)
    assert (done.new, done.conflicts) == (0, len(CHANNELS))
    found = old.conn.execute(
        "SELECT channel_id, raw, origin FROM reading WHERE ts = to_timestamp(%s) ORDER BY 1", (at,)
    ).fetchall()
    assert found == [(channel, 7 * channel, EDIT) for channel in CHANNELS]
    former = old.conn.execute("SELECT channel_id, raw, origin FROM claim ORDER BY 1").fetchall()
    assert former == [(channel, 1000 * channel + 199, METER) for channel in CHANNELS]
    elected = old.conn.execute("SELECT count(*) FROM election").fetchone()
    assert elected == (len(CHANNELS),)
    refresh(old.conn, NOW)
    assert rolled_up(old.conn)
    upkeep(old.conn, NOW)
    assert rolled_up(old.conn)
    again = store_readings(old.conn, edits, source="an operator", at=NOW)
    assert (again.new, again.conflicts) == (0, 0)
    assert old.conn.execute("SELECT count(*) FROM election").fetchone() == elected


@pytest.mark.parametrize(
    "store_server", [pytest.param("timescale", marks=pytest.mark.timescale)], indirect=True
)
def test_a_chunk_being_written_is_compressed_later(old: Old) -> None:
    put(old.conn, {1: old.missing[1], 9: [(seconds(YEARS), METER, 1, None)]})
    keep_months(old.conn, 13)
    with connect(old.dsn) as other, other.transaction():
        put(other, {2: old.missing[2]})
        assert upkeep(old.conn, NOW) == UpkeepResult(
            compressed=1, dropped=1
        )  # the chunk of years ago
    assert compressed(old.conn) == 0
    assert upkeep(old.conn, NOW) == UpkeepResult(compressed=1)


YEARS = local("2024-05-15 09:00")


@pytest.mark.parametrize("months", [-1, 0, 1, 12])
def test_at_least_thirteen_months_are_kept(conn: Connection, months: int) -> None:
    with pytest.raises(UserError, match=f"{months} months are too few"):
        keep_months(conn, months)
    with pytest.raises(CheckViolation):
        conn.execute("UPDATE store SET keep_months = %s", (months,))
    assert kept(conn) == (None, None)


@given(st.integers(13, 500), st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_kept_months_can_be_closed(months: int, today: date) -> None:
    oldest = oldest_kept(months, today)
    between = (today.year - oldest.year) * 12 + today.month - oldest.month
    assert (oldest.day, between) == (1, months + 1)
    assert oldest_kept(months, today) <= oldest_kept(months, today + timedelta(days=1))


@pytest.fixture
def years(conn: Connection) -> Connection:
    """Two and a quarter years, one reading a day, rolled up."""
    count = (NOW - YEARS) // timedelta(days=1)
    put(
        conn,
        {1: [(seconds(YEARS) + 86400 * number, METER, number, None) for number in range(count)]},
    )
    refresh(conn, NOW)
    return conn


def readings(conn: Connection) -> int:
    return len(conn.execute(READINGS).fetchall())


def test_without_a_setting_nothing_is_dropped(years: Connection) -> None:
    before = readings(years)
    assert upkeep(years, NOW).dropped == 0
    assert (readings(years), kept(years)) == (before, (None, None))


def test_the_line_never_sinks(years: Connection) -> None:
    keep_months(years, 13)
    assert upkeep(years, NOW).dropped > 0
    line = local("2025-06-01 00:00")
    assert kept(years) == (13, line)
    left = readings(years)
    for months in (20, None):
        keep_months(years, months)
        assert upkeep(years, NOW).dropped == 0
        assert (kept(years), readings(years)) == ((months, line), left)
    keep_months(years, 13)
    assert upkeep(years, NOW - timedelta(days=90)).dropped == 0  # a clock that went back
    assert (kept(years), readings(years)) == ((13, line), left)
    assert upkeep(years, NOW + timedelta(days=31)).dropped > 0
    assert kept(years) == (13, local("2025-07-01 00:00"))


def test_a_waiting_mark_holds_back_the_drop(
    years: Connection, store_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_months(years, 13)
    before = readings(years)
    late: Rows = {1: [(seconds(YEARS) + 60, METER, 1, None)]}

    def refresh_and_then_a_commit(conn: Connection, now: datetime) -> Refreshed:
        done = refresh(conn, now)
        with connect(store_dsn) as other:
            put(other, late)
        return done

    with monkeypatch.context() as patched:
        patched.setattr("cloud_ingest.operate.upkeep.refresh", refresh_and_then_a_commit)
        assert upkeep(years, NOW).dropped == 0
    assert (readings(years), kept(years)) == (before + 1, (13, None))
    assert upkeep(years, NOW).dropped > 0
    day = years.execute("SELECT count FROM reading_day WHERE day = '2024-05-15'").fetchone()
    assert day == (2,)


def test_keep_readings_says_and_sets(years: Connection, store_dsn: str) -> None:
    def run(*words: str) -> tuple[int, list[str]]:
        options = ["keep-readings", *words, "--dsn", store_dsn]
        result = CliRunner().invoke(app, options)
        return result.exit_code, result.output.splitlines()

    assert run() == (0, ["all readings are kept"])
    assert run("25") == (0, ["readings of 25 months are kept"])
    assert run() == (0, ["readings of 25 months are kept"])
    upkeep(years, NOW)
    told = "the oldest are after 2024-06-01"
    assert run() == (0, [f"readings of 25 months are kept; {told}"])
    assert run("--all") == (0, [f"all readings are kept; {told}"])
    for words, said in (
        (["12"], "12 months are too few"),
        (["0"], "0 months are too few"),
        (["25", "--all"], "give a number of months, or --all"),
        (["99999999999"], "99999999999 months"),
        (["30000"], "30000 months"),
    ):
        code, lines = run(*words)
        assert (code, len(lines)) == (2, 1), lines
        assert said in lines[0]
    assert run() == (0, [f"all readings are kept; {told}"])
    assert upkeep(years, NOW).dropped == 0
