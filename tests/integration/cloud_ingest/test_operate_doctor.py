# SPDX-License-Identifier: MIT
"""The doctor beside real servers: it finds what is wrong with them, and changes nothing."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.ingest.broker import Broker as Address
from cloud_ingest.ingest.subscribe import Link
from cloud_ingest.ingest.topics import SUBSCRIPTIONS
from cloud_ingest.operate import broker_checks
from cloud_ingest.operate.checks import Check
from cloud_ingest.operate.doctor import examine
from cloud_ingest.operate.upkeep import upkeep
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.connection import Connection, connect, edition
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.server_facts import read_parts
from deploy.demo.postgres import local_postgres
from shared_schema.access import Login, Rights
from tests.support.fill import fill
from tests.support.pages import block
from tests.support.servers import Broker, MosquittoWith, MqttServer
from tests.support.store import Site, as_role, database_at, every, local, role_at, unit_line


def look(dsn: str, *, now: datetime | None = None, zone: str | None = None) -> dict[str, Check]:
    settings = CloudSettings(broker_host="127.0.0.1", broker_port=1, zone=zone)
    found = examine(settings, dsn, lambda: now or datetime.now(UTC))
    return {check.name: check for check in found}


def test_a_store_that_is_well(conn: Connection, store_dsn: str) -> None:
    found = look(store_dsn)
    kind = edition(conn)
    for name in ("database", "server", "clock", "zone", "store", "rollups", "rollup marks"):
        assert found[name].level == "ok", found[name]
    if kind != "plain":
        assert found["extension"].level == "ok"
        assert found["jobs"].level == "ok"
        assert "2.28" in found["edition"].said
    assert {"timescale": "Community", "apache": "Apache", "plain": "no TimescaleDB"}[kind] in (
        found["edition"].said
    )
    assert ("licence" in found) == (kind == "apache")
    assert (found["role"].level, found["broker"].level) == ("warn", "fail")


def test_odd_settings_are_found() -> None:
    odd = {
        "autovacuum": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "shared_buffers": "1MB",
        "work_mem": "64kB",
        "maintenance_work_mem": "1MB",
        "effective_cache_size": "8MB",
        "max_connections": "8",
        "max_locks_per_transaction": "10",
        "superuser_reserved_connections": "1",
        "max_wal_senders": "0",
    }
    with local_postgres(durable=False, settings=odd) as server, connect(server.dsn) as conn:
        migrate(conn)
        conn.execute("DROP TABLE reading CASCADE")
        conn.execute("CREATE TABLE reading (ts int PRIMARY KEY) PARTITION BY LIST (ts)")
        for part in range(12):
            text = f"CREATE TABLE reading_{part} PARTITION OF reading FOR VALUES IN ({part})"
            conn.execute(text.encode())
        assert (read_parts(conn).count, read_parts(conn).relations) == (12, 24)
        found = look(server.dsn)
    wrong = {name for name, check in found.items() if check.level == "fail"}
    assert wrong == {"fsync", "full_page_writes", "synchronous_commit", "autovacuum", "broker"}
    poor = {name for name, check in found.items() if check.level == "warn"}
    assert poor >= {
        "shared_buffers",
        "work_mem",
        "maintenance_work_mem",
        "effective_cache_size",
        "locks",
        "role",
    }
    assert "the machine has" in found["shared_buffers"].said


@contextmanager
def role(conn: Connection, *words: str) -> Iterator[dict[str, str]]:
    name = f"role_{secrets.token_hex(4)}"
    conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'".encode())
    try:
        for word in words:
            conn.execute(word.format(name).encode())
        yield {"user": name, "password": name}
    finally:
        conn.execute(f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}".encode())
        conn.execute(f"DROP ROLE {name}".encode())


def test_a_role_without_its_rights(plain_store_dsn: str) -> None:
    with connect(plain_store_dsn) as conn:
        with role(conn, "GRANT USAGE ON SCHEMA metering TO {}") as words:
            found = look(make_conninfo(plain_store_dsn, **words))
            assert (found["role"].level, "belong to postgres" in found["role"].said) == (
                "fail",
                True,
            )
            assert found["database"].level == "fail"
            assert "does not allow it" in found["database"].said
            assert "server" in found
        with role(conn, "ALTER ROLE {} SET default_transaction_read_only = on") as words:
            found = look(make_conninfo(plain_store_dsn, **words))
            assert (found["role"].level, "only read" in found["role"].said) == ("fail", True)


def test_an_owner_without_superuser_is_well(database: str) -> None:
    with connect(database) as conn:
        grants = f"GRANT CREATE ON DATABASE {conn.info.dbname} TO {{}}"
        with role(conn, grants) as words:
            dsn = make_conninfo(database, **words)
            with connect(dsn) as own:
                migrate(own)
            found = look(dsn)
            assert found["role"].level == "ok", found["role"]
            assert found["store"].level == "ok"


def test_the_administrators_store_is_given_to_the_service(store_server: str) -> None:
    with (
        role_at(store_server) as name,
        database_at(store_server) as dsn,
        connect(dsn) as conn,
    ):
        migrate(conn)
        fill(conn, "Lake View", 2, date(2026, 6, 1), days=40, dense=1)
        conn.execute(f"GRANT USAGE ON SCHEMA metering TO {name}".encode())
        found = look(as_role(dsn, name))["role"]
        assert (found.level, f"belong to {conn.info.user}" in found.said) == ("fail", True)
        assert ("REASSIGN" in found.advice, "own-database.md" in found.advice) == (False, True)
        statement = block("howto/own-database.md", "sql").replace("TO metering", f"TO {name}")
        conn.execute(f"RESET search_path; {statement}".encode())
        assert look(as_role(dsn, name))["role"].level == "ok"
        with connect(as_role(dsn, name)) as own:
            migrate(own, restored=True)
            own.execute("INSERT INTO dirty (day, channels) VALUES ('2026-06-05', '{1}')")
            assert refresh(own, datetime.now(UTC)).days == 1
            upkeep(own, datetime.now(UTC))


def test_a_store_that_does_not_fit(database: str) -> None:
    assert "run cloud-ingest migrate" in look(database)["store"].said
    with connect(database) as conn:
        migrate(conn)
        other = look(database, zone="Europe/Berlin")["store"]
        assert (other.level, "of Asia/Kolkata, not of Europe/Berlin" in other.said) == (
            "fail",
            True,
        )
        conn.execute(
            "UPDATE migration SET name = '9999_future', oldest = 9999"
            " WHERE name = '0007_meter_events'"
        )
        newer = look(database)["store"]
        assert (newer.level, "run the newer" in newer.said) == ("fail", True)
        conn.execute("UPDATE store SET zone = 'Mars/Olympus'")
        lost = look(database)
        assert (lost["zone"].level, "Mars/Olympus" in lost["zone"].said) == ("fail", True)
        assert "store" not in lost


def test_clocks_that_differ_and_marks_that_nothing_takes(site: Site, store_dsn: str) -> None:
    assert site.units(unit_line("A-1", "S-1")).added == 1
    site.deliver("S-1", every(local("2026-06-01 00:00"), local("2026-06-01 01:00"), 0, 10))
    assert look(store_dsn)["rollup marks"].level == "ok"
    site.conn.execute("UPDATE dirty SET marked_at = marked_at - interval '2 hours'")
    late = look(store_dsn)["rollup marks"]
    assert (late.level, "for 120 minutes" in late.said) == ("fail", True)
    wrong = look(store_dsn, now=datetime.now(UTC) + timedelta(seconds=60))["clock"]
    assert (wrong.level, "behind" in wrong.said) == ("fail", True)


@pytest.mark.parametrize(
    "store_server", [pytest.param("timescale", marks=pytest.mark.timescale)], indirect=True
)
def test_a_policy_that_somebody_added(conn: Connection, store_dsn: str) -> None:
    conn.execute("SELECT add_retention_policy('reading', INTERVAL '10 years')")
    conn.execute("SELECT add_continuous_aggregate_policy('reading_day_c', NULL, NULL, '1 hour')")
    jobs = [check for name, check in look(store_dsn).items() if name.startswith("job ")]
    assert [check.level for check in jobs] == ["fail", "warn"]
    assert jobs[0].said.endswith("drops what rollups need: use keep-readings")
    assert {check.said.split(" runs")[0] for check in jobs} == {
        "policy_retention of reading",
        "policy_refresh_continuous_aggregate of reading_day_c",
    }
    for check in jobs:
        conn.execute(check.advice.encode())
    assert look(store_dsn)["jobs"].level == "ok"


def test_a_database_away_does_not_hide_the_broker() -> None:
    found = look("postgresql://me:hush1@127.0.0.1:1/x")
    assert [(name, check.level) for name, check in found.items()] == [
        ("database", "fail"),
        ("broker", "fail"),
    ]
    assert "hush1" not in repr(found)


def look_at_broker(
    server: MqttServer, user: Login, folder: Path, password: str | None = None
) -> dict[str, Check]:
    file = folder / "password"
    file.write_text(password or user.password)
    file.chmod(0o600)
    settings = CloudSettings(
        broker_host=server.host,
        broker_port=server.port,
        broker_username=user.name,
        broker_password_file=file,
    )
    found = examine(settings, "host=/nowhere", lambda: datetime.now(UTC))
    return {check.name: check for check in found}


def test_the_broker_is_tried_and_left_as_it_was(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"doctor-{secrets.token_hex(4)}"
    monkeypatch.setattr(broker_checks, "CLIENT", name)
    monkeypatch.setattr(secrets, "token_hex", lambda _: "1")
    good = look_at_broker(broker.server, broker.cloud, tmp_path)
    assert (good["broker"].level, good["broker roles"].level) == ("ok", "ok")
    assert "takes the login" in good["broker"].said
    wrong = look_at_broker(broker.server, broker.cloud, tmp_path, "hush-hush")["broker"]
    assert (wrong.level, "refuses" in wrong.said, "hush" in repr(wrong)) == ("fail", True, False)

    async def session_of(client_id: str) -> bool:
        own = Address(
            broker.host,
            broker.port,
            username=broker.cloud.name,
            password=broker.cloud.password,
            client_id=client_id,
            session_expiry_s=0,
        )
        async with Link(own, SUBSCRIPTIONS) as link:
            return link.session_present

    assert asyncio.run(session_of(f"{name}-1")) is False


def test_a_broker_that_grants_more_than_a_role_is_a_warning(
    mosquitto_with: MosquittoWith, tmp_path: Path
) -> None:
    everything = Login("ingest", Rights(("#",), ("#",)), "word")
    with mosquitto_with([everything]) as server:
        found = look_at_broker(server, everything, tmp_path)
    assert (found["broker"].level, found["broker roles"].level) == ("ok", "warn")


def test_the_command_says_what_failed(plain_store_dsn: str) -> None:
    words = ["doctor", "--dsn", plain_store_dsn, "--broker", "127.0.0.1:1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert {line[:6] for line in lines} <= {"ok    ", "warn  ", "fail  ", "      "}
    failed = sum(line.startswith("fail") for line in lines)
    checks = sum(not line.startswith(" ") for line in lines)
    assert result.stderr == f"cloud-ingest: {failed} of {checks} checks failed\n"
    result = CliRunner().invoke(app, [*words, "--json"])
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], len(document["checks"])) == (2, False, checks)
    assert set(document["checks"][0]) == {"level", "name", "said", "advice"}


def test_advice_alone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from cloud_ingest.cli import store

    only = [Check("warn", "role", "a superuser", "make another")]
    monkeypatch.setattr(store, "examine", lambda *_: iter(only))
    result = CliRunner().invoke(app, ["doctor", "--dsn", "host=/nowhere"])
    assert (result.exit_code, result.stdout) == (
        0,
        "warn  role: a superuser\n      make another\n",
    )
