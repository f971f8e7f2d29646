# SPDX-License-Identifier: MIT
"""A store is made once, is the same on a second run, and is refused where it does not fit."""

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from zoneinfo import ZoneInfo

import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.errors import (
    ConfigurationError,
    MigrationRefused,
    NotMigrated,
    StoreError,
    StoreUnavailable,
)
from cloud_ingest.store.connection import Connection, connect, describe, edition
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import migrate, open_store, plan
from cloud_ingest.store.migration import Migration, migrations

CATALOGUE = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE n.nspname = 'metering'
ORDER BY 1, 2
"""

EVERYTHING = """
SELECT relname, relfilenode, oid FROM pg_class
UNION ALL SELECT extname, oid, extnamespace FROM pg_extension
UNION ALL SELECT nspname, oid, nspowner FROM pg_namespace
ORDER BY 1, 2, 3
"""


def test_a_second_run_changes_nothing(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        first = migrate(conn)
        before = conn.execute(CATALOGUE).fetchall()
        kept = conn.execute("SELECT * FROM store").fetchall()
        assert migrate(conn, zone="Asia/Kolkata").applied == ()
        assert conn.execute(CATALOGUE).fetchall() == before
        assert conn.execute("SELECT * FROM store").fetchall() == kept
        kind = edition(conn)
    assert list(first.applied) == [m.name for m in migrations() if kind in m.kinds]


def test_a_restored_store_gets_a_new_id_and_keeps_the_rest(empty_dsn: str) -> None:
    run = CliRunner()
    words = ["migrate", "--restored", "--dsn", empty_dsn]
    refused = run.invoke(app, words)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)
    assert "restore the backup first" in refused.stderr
    with connect(empty_dsn) as conn:
        migrate(conn, zone="Asia/Tokyo")
        old = open_store(conn)
        conn.execute("INSERT INTO society (name) VALUES ('S')")
        done = run.invoke(app, words)
        new = open_store(conn)
        assert done.exit_code == 0, done.stderr
        assert str(new.store_id) in done.stdout
        assert "send again" in done.stdout
        assert new.store_id != old.store_id
        assert (new.zone, new.rollups) == (old.zone, old.rollups)
        assert conn.execute("SELECT count(*) FROM society").fetchone() == (1,)
        assert run.invoke(app, ["migrate", "--dsn", empty_dsn]).exit_code == 0
        assert open_store(conn) == new


def test_rollups_look_alike_on_every_edition(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        kind = migrate(conn).rollups
        assert (kind == "continuous") == (edition(conn) == "timescale")
        columns = [
            (table, name, type_)
            for table, name, type_, *_ in conn.execute(CATALOGUE)
            if table in {"reading_day", "reading_month"}
        ]
    assert [f"{name} {type_}" for table, name, type_ in columns if table == "reading_day"] == [
        "channel_id integer",
        "count bigint",
        "day date",
        "first_raw bigint",
        "last_raw bigint",
        "max_raw bigint",
        "max_ts timestamp with time zone",
        "min_raw bigint",
        "min_ts timestamp with time zone",
        "sum_raw numeric",
    ]
    months = [(name, type_) for table, name, type_ in columns if table == "reading_month"]
    days = [(name, type_) for table, name, type_ in columns if table == "reading_day"]
    assert sorted(months) == sorted(
        ("month" if name == "day" else name, type_) for name, type_ in days
    )


def test_portable_rollups_can_be_asked_for(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        assert migrate(conn, portable=True).rollups == "portable"
        assert migrate(conn).applied == ()
        assert open_store(conn).rollups == "portable"


def test_another_zone_is_refused(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        with pytest.raises(MigrationRefused, match="'Mars/Olympus' is not a time zone"):
            migrate(conn, zone="Mars/Olympus")
        migrate(conn, zone="Europe/Berlin")
        assert open_store(conn, zone="Europe/Berlin").zone == ZoneInfo("Europe/Berlin")
        with pytest.raises(ConfigurationError, match="of Europe/Berlin, not of Asia/Kolkata"):
            open_store(conn, zone="Asia/Kolkata")
        with pytest.raises(MigrationRefused, match="of Europe/Berlin, not of Asia/Kolkata"):
            migrate(conn, zone="Asia/Kolkata")


def test_a_store_of_another_version_is_refused(database: str) -> None:
    with connect(database) as conn:
        with pytest.raises(NotMigrated, match="run cloud-ingest migrate"):
            open_store(conn)
        migrate(conn)
        conn.execute("DELETE FROM migration WHERE name = '0005_months'")
        with pytest.raises(NotMigrated, match="lacks 0005_months"):
            open_store(conn)
        conn.execute("INSERT INTO migration VALUES ('0005_months', 'abc')")
        with pytest.raises(MigrationRefused, match="not the one that was applied"):
            open_store(conn)
        conn.execute("UPDATE migration SET name = '9999_future' WHERE name = '0005_months'")
        with pytest.raises(MigrationRefused, match="run the newer"):
            open_store(conn)


def test_a_failed_migration_leaves_nothing_behind(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cloud_ingest.store import migrate as module

    whole = migrations()
    broken = Migration("0002_readings", "CREATE TABLE half (); SELECT 1 / 0;")
    monkeypatch.setattr(module, "migrations", lambda: [whole[0], broken])
    with connect(database) as conn:
        with pytest.raises(Exception, match="division by zero"):
            migrate(conn)
        monkeypatch.undo()
        assert migrate(conn).applied[0] == "0002_readings"
        assert conn.execute("SELECT to_regclass('metering.half')").fetchone() == (None,)


def run(*words: str, dsn: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words), env={"IOT_UTILITY_DSN": dsn})
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("", "no database is named: give --dsn"),
        ("host=/nowhere password=hush1", "cannot reach database"),
        ("postgresql://me:hush1@127.0.0.1:1/x", "database x at 127.0.0.1:1: connection refused"),
        ("certainly no DSN hush1", "the DSN cannot be read"),
        ("postgresql://me:hush1@[::1/x", "the DSN cannot be read"),
        ("postgresql://me:hush1@\udcff/x", "the DSN cannot be read"),
    ],
)
def test_no_database_is_one_line(dsn: str, says: str) -> None:
    for command in (["migrate"], ["report", "2026-07", "--society", "Lake View"]):
        code, output = run(*command, dsn=dsn)
        assert code == 2
        assert says in output
        assert output.count("\n") == 1
        assert "hush1" not in output
        assert "Traceback" not in output


def test_an_absent_database_is_one_line(database: str) -> None:
    code, output = run("migrate", dsn=make_conninfo(database, dbname="absent"))
    assert (code, output.count("\n")) == (2, 1)
    assert "has no such database" in output


def test_a_wrong_password_is_one_line_without_it(database: str) -> None:
    code, output = run("migrate", dsn=f"{database}&password=hush-hush")
    assert (code, output.count("\n")) == (2, 1)
    assert "the password is wrong" in output
    assert "hush-hush" not in output


def test_a_database_without_a_store_says_what_to_do(database: str) -> None:
    code, output = run("report", "2026-07", "--society", "Lake View", dsn=database)
    assert (code, output) == (
        2,
        "cloud-ingest: the database holds no store yet: run cloud-ingest migrate\n",
    )


def test_an_unprivileged_user_is_told_so(database: str) -> None:
    name = f"weak_{secrets.token_hex(4)}"
    words = {"user": name, "password": name}
    with connect(database) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
        try:
            code, output = run("migrate", dsn=make_conninfo(database, **words))
        finally:
            conn.execute(f"DROP ROLE {name}")
    assert (code, output.count("\n")) == (2, 1)
    assert "the database does not allow it" in output


def test_what_may_be_shown_of_a_dsn() -> None:
    assert describe("postgresql://me:hush@db.example:5433/x") == "database x at db.example:5433"
    with pytest.raises(StoreUnavailable):
        connect("postgresql://me:hush@127.0.0.1:1/x")


def test_a_plan_says_what_migrate_does(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        before = conn.execute(EVERYTHING).fetchall()
        found = plan(conn, zone="Asia/Tokyo")
        assert conn.execute(EVERYTHING).fetchall() == before
        code, output = run("migrate", "--plan", "--json", "--zone", "Asia/Tokyo", dsn=empty_dsn)
        assert (code, json.loads(output)["zone"]) == (0, "Asia/Tokyo")
        assert conn.execute(EVERYTHING).fetchall() == before
        done = migrate(conn, zone="Asia/Tokyo")
        assert found.steps == done.applied
        assert found.edition == edition(conn)
        store = open_store(conn)
        assert (found.zone, found.rollups, found.tables) == (
            "Asia/Tokyo",
            store.rollups,
            store.tables,
        )
        assert found.creates_extension == (found.edition != "plain")
        again = plan(conn)
        assert (again.steps, again.creates_extension) == ((), False)
        assert (again.rollups, again.tables) == (store.rollups, store.tables)
        with pytest.raises(MigrationRefused, match="of Asia/Tokyo, not of Europe/Berlin"):
            plan(conn, zone="Europe/Berlin")
    code, output = run("migrate", "--plan", dsn=empty_dsn)
    assert (code, "nothing is missing" in output) == (0, True)
    code, output = run("migrate", "--json", dsn=empty_dsn)
    assert (code, "give it with --plan" in output) == (2, True)


def test_tables_follow_the_edition(empty_dsn: str) -> None:
    with connect(empty_dsn) as conn:
        migrate(conn)
        store = open_store(conn)
        assert (store.rollups, store.tables) == {
            "timescale": ("continuous", "hypertable"),
            "apache": ("portable", "hypertable"),
            "plain": ("portable", "partitions"),
        }[edition(conn)]
        if edition(conn) != "plain":
            row = conn.execute("SELECT hypertable_name FROM timescaledb_information.hypertables")
            assert ("reading",) in row.fetchall()


@pytest.mark.parametrize(("files", "preloaded"), [(True, False), (False, True)])
def test_an_extension_that_is_not_ready_is_never_created(
    database: str, *, files: bool, preloaded: bool
) -> None:
    with connect(database) as conn:
        # Views that answer as such a server would, in a schema that is looked at first.
        conn.execute("CREATE SCHEMA fake")
        for view in (
            f"pg_available_extensions AS SELECT 'timescaledb' AS name WHERE {files}",
            f"pg_settings AS SELECT 'timescaledb.license' AS name, '' AS setting WHERE {preloaded}",
        ):
            conn.execute(f"CREATE VIEW fake.{view}".encode())
        conn.execute("SET search_path = fake, pg_catalog")
        assert plan(conn).creates_extension is False
        if files:
            conn.execute(
                "CREATE OR REPLACE VIEW fake.pg_settings AS "
                "SELECT 'timescaledb.license' AS name, '' AS setting"
            )
            # This server has none: that it is tried shows that it was not tried before.
            with pytest.raises(StoreError, match="timescaledb"):
                plan(conn)


def test_a_migration_that_waits_holds_no_snapshot(database: str) -> None:
    with connect(database) as first, connect(database) as second, ThreadPoolExecutor() as pool:
        migrate(first)
        with advisory_lock(first, Lock.MIGRATION):
            waiting = pool.submit(migrate, second)
            _await(
                first,
                "SELECT FROM pg_stat_activity WHERE query LIKE %s AND pid = %s",
                "%pg_try_advisory_lock%",
                second.info.backend_pid,
            )
            # It waits for every snapshot that could see the table.
            first.execute("SET statement_timeout = '60s'")
            first.execute("CREATE INDEX CONCURRENTLY ON outbox (topic)")
        assert waiting.result(timeout=60).applied == ()


def test_two_that_migrate_at_once_apply_each_file_once(database: str) -> None:
    with connect(database) as first, connect(database) as second, ThreadPoolExecutor() as pool:
        runs = [pool.submit(migrate, conn) for conn in (first, second)]
        applied = [run_.result(timeout=60).applied for run_ in runs]
    assert () in applied
    assert [*applied[0], *applied[1]] == [m.name for m in migrations() if "plain" in m.kinds]


def test_an_interrupted_migration_is_applied_later(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cloud_ingest.store import migrate as module

    slow = Migration("9998_slow", "CREATE TABLE half (); SELECT pg_sleep(60);")
    with connect(database) as conn, connect(database) as dying, ThreadPoolExecutor() as pool:
        migrate(conn)
        monkeypatch.setattr(module, "migrations", lambda: [*migrations(), slow])
        assert plan(conn).steps == ("9998_slow",)
        run_ = pool.submit(migrate, dying)
        _await(conn, "SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE TABLE half%'")
        conn.execute("SELECT pg_terminate_backend(%s)", (dying.info.backend_pid,))
        with pytest.raises(StoreUnavailable):
            run_.result(timeout=60)
        assert conn.execute("SELECT to_regclass('metering.half')").fetchone() == (None,)
        with pytest.raises(NotMigrated, match="lacks 9998_slow"):
            open_store(conn)
        quick = Migration("9998_slow", "CREATE TABLE half ();")
        monkeypatch.setattr(module, "migrations", lambda: [*migrations(), quick])
        assert migrate(conn).applied == ("9998_slow",)
        assert (migrate(conn).applied, plan(conn).steps) == ((), ())


def _await(conn: Connection, statement: str, *parameters: object) -> None:
    deadline = time.monotonic() + 60
    while conn.execute(statement.encode(), parameters or None).fetchone() is None:
        assert time.monotonic() < deadline, statement
        # A transaction is shown the activity of its first look, over and over.
        conn.execute("SELECT pg_stat_clear_snapshot()")
        time.sleep(0.02)
