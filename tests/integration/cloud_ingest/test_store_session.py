# SPDX-License-Identifier: MIT
"""A session sets what it relies on: a server that is set up oddly gives the same store."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.month.close import close_month
from cloud_ingest.operate.upkeep import keep_months, upkeep
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import outbox, quarantine
from cloud_ingest.store.commit import commit
from cloud_ingest.store.connection import SESSION, Connection, connect
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.completeness import completeness
from cloud_ingest.views.latest import latest
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Service, Unit
from shared_schema.readings import Column
from tests.support.catalogue import catalogue, differences
from tests.support.gateway import block_line
from tests.support.store import SOCIETY, ZONE, Site, database_at, every, local, unit_line

ODD = {
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Apia",
    "array_nulls": "off",
    "bytea_output": "escape",
    "client_encoding": "SQL_ASCII",
    "client_min_messages": "debug1",
    "default_transaction_isolation": "serializable",
    "extra_float_digits": "-15",
    "plan_cache_mode": "force_generic_plan",
    "search_path": "pg_catalog",
    "standard_conforming_strings": "off",
}
HARMLESS = {
    "backslash_quote": "on",
    "check_function_bodies": "off",
    "escape_string_warning": "on",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "xmlbinary": "hex",
}
"""What no statement of ours depends on."""
START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
INTERVAL_WH = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)


def set_up_oddly(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        for setting, value in {**ODD, **HARMLESS}.items():
            statement = sql.SQL("ALTER DATABASE {} SET {} = {}")
            conn.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    with psycopg.connect(dsn, autocommit=True) as conn:
        seen = conn.execute("SELECT current_setting('DateStyle')").fetchone()
    assert seen in {("SQL, DMY",), (b"SQL, DMY",)}


@pytest.fixture
def odd_dsn(store_server: str) -> Iterator[str]:
    """An empty database each of whose sessions begins with odd settings."""
    with database_at(store_server) as dsn:
        set_up_oddly(dsn)
        yield dsn


def test_every_setting_of_a_session_is_tried_oddly() -> None:
    assert ODD.keys() == SESSION.keys() - {"jit"}  # jit costs time and changes nothing


def test_a_session_has_its_own_settings(odd_dsn: str) -> None:
    with connect(odd_dsn) as conn:
        for name, value in SESSION.items():
            found = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
            assert found == (value,), name


def month_of_a_flat(conn: Connection, folder: Path) -> list[Any]:
    """What a flat's July is in a store, read and written in every way that has a value of time."""
    migrate(conn)
    site = Site(conn, folder)
    site.units(unit_line("A-1204", "1"), unit_line("Łódź", "2"))
    site.deliver("1", every(START - 48 * HOUR, END + 48 * HOUR, 1000, 10, HOUR))
    site.deliver("1", every(START + HOUR, END, 10, 0, HOUR), column=INTERVAL_WH, period_s=3600)
    site.deliver("1", [(START + 5 * HOUR, 4711)])  # another claim
    unknown = site.gateway.seal(block_line("9", every(START, START + HOUR, 0, 1)))
    commit(conn, [site.verdict(unknown, START + HOUR)])
    self_read(
        conn, SOCIETY, NamedMeter("Łódź", Service.ELECTRICITY),
        value=Decimal("12.5"), at=START, by="Zoë", now=NOW, force_because="new",
    )  # fmt: skip
    self_read(
        conn, SOCIETY, NamedMeter("Łódź", Service.ELECTRICITY),
        value=Decimal("20.25"), at=END, by="Zoë", now=NOW, force_because="new",
    )  # fmt: skip
    refresh(conn, NOW)
    closed = close_month(conn, SOCIETY, "2026-07", NOW)
    parcels = outbox.hand_out(conn, NOW)
    outbox.mark_published(conn, [parcel.outbox_id for parcel in parcels], NOW)
    keep_months(conn, 13)
    society_id = find_society(conn, SOCIETY)
    return [
        closed.numbers,
        closed.withheld,
        [(parcel.topic, parcel.payload) for parcel in parcels],
        len(outbox.hand_out(conn, NOW + HOUR)),
        upkeep(conn, NOW),
        latest(conn, SOCIETY, NOW),
        completeness(conn, society_id, month_of(2026, 7, ZONE), ZONE, NOW),
        [(e.reason, e.detail, e.first_at) for e in quarantine.list_entries(conn)],
        site.all("SELECT * FROM reading_day ORDER BY channel_id, day"),
        site.all("SELECT * FROM reading_month ORDER BY channel_id, month"),
        site.all("SELECT channel_id, ts, raw, source FROM claim ORDER BY 1, 2, 3"),
    ]


COMMANDS = (
    ("usage", "A-1204", "--month", "2026-07", "--days", "--society", SOCIETY, "--json"),
    ("usage", "A-1204", "--month", "2026-07", "--curve", "--society", SOCIETY, "--json"),
    ("completeness", "--month", "2026-07", "--gaps", "--society", SOCIETY, "--json"),
    ("report", "2026-07", "--society", SOCIETY, "--json"),
    ("events", "list", "--society", SOCIETY, "--json"),
    ("quarantine", "list", "--json"),
    ("recompute", "--from", "2026-07-01", "--to", "2026-07-03", "--json"),
    ("keep-readings",),
)


def test_an_odd_database_gives_the_same_month(odd_dsn: str, store_dsn: str, tmp_path: Path) -> None:
    found: list[list[Any]] = []
    told: list[list[str]] = []
    for name, dsn in (("odd", odd_dsn), ("plain", store_dsn)):
        folder = tmp_path / name
        folder.mkdir()
        with connect(dsn) as conn:
            found.append(month_of_a_flat(conn, folder))
        answers = [CliRunner().invoke(app, [*words, "--dsn", dsn]) for words in COMMANDS]
        assert [answer.exit_code for answer in answers] == [0] * len(answers), answers
        told.append([answer.output for answer in answers])
    for odd, plain in zip(*found, strict=True):
        assert odd == plain
    for odd, plain in zip(*told, strict=True):
        assert odd == plain


def test_an_odd_database_gets_the_same_tables(odd_dsn: str, store_dsn: str) -> None:
    with connect(odd_dsn) as odd, connect(store_dsn) as plain:
        migrate(odd)
        migrate(plain)
        odd.execute("SET quote_all_identifiers = off")  # it is about how a definition is shown
        assert differences(catalogue(plain), catalogue(odd)) == []


def test_the_doctor_examines_an_odd_database(odd_dsn: str) -> None:
    with connect(odd_dsn) as conn:
        migrate(conn)
    answer = CliRunner().invoke(app, ["doctor", "--json", "--dsn", odd_dsn])
    levels = {check["name"]: check["level"] for check in json.loads(answer.stdout)["checks"]}
    assert levels["database"] == levels["rollup marks"] == "ok", answer.stdout
