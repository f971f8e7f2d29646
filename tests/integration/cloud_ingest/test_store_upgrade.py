# SPDX-License-Identifier: MIT
# ruff: noqa: E501 - a row is a line
"""A store of each older version becomes the one that is made today, with its data."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud_ingest.rollup.recompute import recompute
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store import migrate as module
from cloud_ingest.store.connection import Connection, connect
from cloud_ingest.store.event_changes import tell_due
from cloud_ingest.store.events import list_events
from cloud_ingest.store.evidence import payload, unpack
from cloud_ingest.store.evidence_months import move_batches
from cloud_ingest.store.migrate import migrate
from cloud_ingest.store.migration import Migration, migrations
from cloud_ingest.store.outbox import hand_out
from shared_schema.events import Event, SubjectType, Unit
from shared_schema.readings import Header, line_hash
from tests.support.catalogue import catalogue, differences
from tests.support.former_store import CLOSED_AT, restore, what_it_says
from tests.support.gateway import Sealer, block_line
from tests.support.store import database_at, every, local

START = local("2026-07-05 09:00")
FORMER_STORE = Path(__file__).parents[2] / "vectors" / "store.json"
"""Filled by the version before the folders; `tests.support.former_store` says how."""

NO_COMMON_METER = ("2026-08", "Tower 1", "water")
"""Of that store: July, which was closed there, is not sent again for it."""


@dataclass(frozen=True)
class Row:
    """A row that a store of some version can hold; the tables that stay alike in all of them."""

    since: str
    table: str
    columns: str
    values: str


ROWS = (
    Row("0001", "society", "name", "'Lake View'"),
    Row("0001", "gateway", "name, society_id, tower", "'gw-a', 1, 'Tower 1'"),
    Row("0001", "gateway_key", "gateway_id, key_id, public_key", "1, 'k', decode(repeat('ab', 32), 'hex')"),
    Row("0001", "meter", "society_id, manufacturer, serial", "1, 'M', 'S-1'"),
    Row(
        "0001",
        "assignment",
        "society_id, subject_type, subject, service, source, meter_id, valid_from",
        "1, 'unit', 'A-1', 'electricity', 'grid', 1, '2026-01-01Z'",
    ),
    Row("0002", "channel", "meter_id, obis, unit, scaler, kind", "1, '1.0.1.8.0.255', 30, 0, 'register'"),
    Row("0002", "epoch", "channel_id, starts_at, offset_raw, reason, author, recorded_at", "1, '2026-06-10Z', 100, 'reset', 'me', '2026-06-11Z'"),
    Row("0002", "claim", "channel_id, ts, raw, origin, received_at, source", "1, '2026-06-10Z', 7, 2, '2026-06-11Z', 'x'"),
    Row("0002", "election", "channel_id, ts, old_raw, old_origin, new_raw, new_origin, at", "1, '2026-06-10Z', 7, 2, 8, 1, '2026-06-11Z'"),
    # Nothing is booked before days and months are there: the ingest would refuse the store.
    Row("0005", "reading", "channel_id, ts, raw, status, origin", "1, '2026-06-01 00:15Z', 4711, NULL, 1"),
    Row("0005", "reading", "channel_id, ts, raw, status, origin", "1, '2026-06-20 00:15Z', 4811, 3, 2"),
    Row("0005", "self_read", "society_id, assignment_id, channel_id, read_at, value, raw, entered_by, entered_at", "1, 1, 1, '2026-06-20Z', 4.811, 4811, 'me', '2026-06-20Z'"),
    Row("0005", "month_close", "society_id, month, closed_at, last_closed_at, manifest", "1, '2026-06', '2026-07-01Z', '2026-07-01Z', 'm'"),
    Row("0005", "month_number", "society_id, month, subject_type, subject, service, version, quantity, quality, message, sha256, closed_at", "1, '2026-06', 'unit', 'A-1', 'electricity', 1, 0.1, 'M', 'm', 's', '2026-07-01Z'"),
    Row("0005", "outbox", "topic, payload, created_at", "'t', 'p', '2026-07-01Z'"),
    Row("0005", "event", "event_id, society_id, kind, subject_type, subject, service, state, since, raised_at, message", "'00000000-0000-4000-8000-000000000001', 1, 'leak', 'unit', 'A-1', 'water', 'open', '2026-07-01Z', '2026-07-01Z', 'm'"),
    Row("0006", "command", "command_id, gateway_id, kind, payload, issued_by, issued_at, expires_at", "'00000000-0000-4000-8000-000000000002', 1, 'read_now', 'p', 'me', '2026-07-01Z', '2026-07-02Z'"),
    Row("0007", "meter_event", "meter_id, log, ts, code, received_at", "1, '0.0.99.98.0.255', '2026-07-01Z', 101, '2026-07-01Z'"),
    Row("0008", "batch", "gateway_id, stream, seq, header_hash, evidence, received_at", "1, '00000000-0000-4000-8000-000000000003', 1, 'h', '{', '2026-07-01Z'"),
    Row("0014", "dial_reading", "society_id, assignment_id, meter_id, read_at, dial, register, reason, entered_by, entered_at", "1, 1, 1, '2026-07-01Z', 12.5, 12.4, 'seen', 'me', '2026-07-01Z'"),
    Row("0020", "verdict", "channel_id, ts, origin, raw, rule, parameters, neighbours, judged_at", "1, '2026-06-10Z', 2, 7, 'fall', '{}', '{}', '2026-06-11Z'"),
    Row("0020", "register_break", "meter_id, obis, ts, rule, parameters, neighbours, judged_at", "1, '1.0.1.8.0.255', '2026-06-10Z', 'ceiling', '{}', '{}', '2026-06-11Z'"),
    Row("0020", "ruling", "channel_id, ts, origin, raw, kind, author, reason, ruled_at", "1, '2026-06-10Z', 2, 7, 'set_aside', 'me', 'a false row', '2026-06-12Z'"),
    Row("0021", "meter", "society_id, manufacturer, serial, phases, max_current_a, q4_m3_h", "1, 'M', 'S-2', 3, 60, NULL"),
)  # fmt: skip


def put(conn: Connection, rows: tuple[Row, ...]) -> None:
    has = "SELECT to_regproc('metering.make_reading_partition') IS NOT NULL"
    if conn.execute(has).fetchone() == (True,):
        conn.execute("SELECT make_reading_partition('2026-06-01')")
    versions = conn.execute("SELECT to_regclass('metering.assignment_version') IS NOT NULL")
    has_versions = versions.fetchone() == (True,)
    for row in rows:
        columns, values = row.columns, row.values
        if row.table == "assignment" and has_versions:
            columns += ", label, author, reason, recorded_at"
            values += ", 'A-1', 'me', 'r', '2026-01-01Z'"
        statement = f"INSERT INTO {row.table} ({columns}) VALUES ({values})"  # noqa: S608
        conn.execute(statement.encode())


def kept(conn: Connection) -> list[list[str]]:
    return [
        sorted(map(repr, conn.execute(f"SELECT {row.columns} FROM {row.table}".encode())))  # noqa: S608
        for row in ROWS
    ]


def test_every_older_store_becomes_the_one_of_today(
    store_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database_at(store_server) as dsn, connect(dsn) as conn:
        applied = migrate(conn).applied
        put(conn, ROWS)
        wanted, rows = catalogue(conn), kept(conn)
    everything = migrations()
    for count in range(1, len(applied)):
        older = _until(everything, applied[count - 1])
        with database_at(store_server) as dsn, connect(dsn) as conn:
            monkeypatch.setattr(module, "migrations", lambda older=older: older)
            assert migrate(conn).applied == applied[:count]
            had = tuple(row for row in ROWS if row.since <= applied[count - 1])
            put(conn, had)
            monkeypatch.undo()
            assert migrate(conn).applied == applied[count:]
            put(conn, tuple(row for row in ROWS if row not in had))
            assert differences(wanted, catalogue(conn)) == [], f"from {applied[count - 1]}"
            assert kept(conn) == rows, f"from {applied[count - 1]}"


def test_old_batches_and_marks_outlive_their_tables(
    store_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = migrations()
    older = _until(everything, "0007_meter_events")
    sealer = Sealer("gw-a")
    payloads = [
        sealer.seal(*(block_line("S-1", every(START, START, n, 0)) for n in range(blocks)))
        for blocks in (1, 12)
    ]
    with database_at(store_server) as dsn, connect(dsn) as conn:
        monkeypatch.setattr(module, "migrations", lambda: older)
        migrate(conn)
        put(conn, tuple(row for row in ROWS if row.since <= "0007"))
        for sent in payloads:
            put_as_0007(conn, sent)
        conn.execute("DELETE FROM dirty")
        conn.execute(
            "INSERT INTO dirty (channel_id, day) VALUES (1, '2026-06-01'), (1, '2026-06-20')"
        )
        monkeypatch.undo()
        migrate(conn)
        kept = "SELECT evidence FROM batch_evidence ORDER BY batch_id"
        for moved in (0, 1, 1, 0):
            assert move_batches(conn, moved) == moved
            rows = conn.execute(kept.encode()).fetchall()
            assert [payload(unpack(evidence)) for (evidence,) in rows] == payloads
        marks = conn.execute("SELECT channels, day::text FROM dirty ORDER BY day").fetchall()
        assert marks == [([1], "2026-06-01"), ([1], "2026-06-20")]
        refresh(conn, START)
        days = conn.execute("SELECT day::text, last_raw FROM reading_day ORDER BY day").fetchall()
        assert days == [("2026-06-01", 4711), ("2026-06-20", 4811)]
        assert conn.execute("SELECT count(*) FROM dirty").fetchone() == (0,)


def test_older_assignments_become_versions(
    store_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = _until(migrations(), "0021_suspects")
    with database_at(store_server) as dsn, connect(dsn) as conn:
        monkeypatch.setattr(module, "migrations", lambda: older)
        migrate(conn)
        put(conn, ROWS)
        monkeypatch.undo()
        migrate(conn)
        versions = conn.execute(
            "SELECT subject, label, author, reason, recorded_at = created_at, superseded_at"
            " FROM assignment_version, store"
        ).fetchall()
        assert versions == [
            ("A-1", "A-1", "unit management", "imported before versions were kept", True, None)
        ]
        refers = (
            "SELECT count(*) FROM assignment JOIN self_read USING (assignment_id)"
            " JOIN dial_reading USING (assignment_id)"
        )
        assert conn.execute(refers).fetchone() == (1,)


def test_open_flags_stay_open_and_are_told_once_more(
    store_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = _until(migrations(), "0029_restored")
    evidence = json.dumps({"subject_type": "unit", "subject": "A-1", "tower": "T1"})
    with database_at(store_server) as dsn, connect(dsn) as conn:
        monkeypatch.setattr(module, "migrations", lambda: older)
        migrate(conn)
        conn.execute("INSERT INTO society (name) VALUES ('Lake View')")
        conn.execute(
            "INSERT INTO event SELECT gen_random_uuid(), 1, 'read_failure', 'meter', 'M 7', 'water',"
            " state, '2026-07-01Z', '2026-07-02Z', ended, 'It was last read.', %s"
            " FROM (VALUES ('open', NULL), ('cleared', '2026-07-03Z'::timestamptz))"
            " AS v (state, ended)",
            (evidence,),
        )
        monkeypatch.undo()
        migrate(conn)
        now = datetime.now(UTC)
        assert tell_due(conn, now) == 1
        assert tell_due(conn, now) == 0
        (flag,) = list_events(conn)
        assert flag.event.unit == Unit(type=SubjectType.UNIT, id="A-1", tower="T1")
        (parcel,) = hand_out(conn, now)
        sent = Event.from_line(parcel.payload)
        assert (sent.id, sent.version, sent.unit) == (flag.event.id, 2, flag.event.unit)
        assert parcel.retain
        assert len(list_events(conn, state=None)) == 2


def test_a_store_of_the_former_version_gives_the_same_numbers(store_server: str) -> None:
    former = json.loads(FORMER_STORE.read_text(encoding="utf-8"))
    with database_at(store_server) as dsn, connect(dsn) as conn:
        migrate(conn)
        conn.execute("CREATE TABLE migration_step (name text PRIMARY KEY, checksum text, done int)")
        for name, checksum in former["migrations"].items():
            conn.execute("UPDATE migration SET checksum = %s WHERE name = %s", (checksum, name))
        restore(conn, former["rows"])
        assert migrate(conn).applied == ()
        assert conn.execute("SELECT to_regclass('metering.migration_step')").fetchone() == (None,)
        recompute(conn, date(2026, 6, 1), date(2026, 8, 5), CLOSED_AT)
        said = what_it_says(conn)
        told_of = former["says"]
        told_of["reconciliations"] = list(map(without_zeros, told_of["reconciliations"]))
        for what, told in told_of.items():
            assert as_far_as_told(said[what], told) == told, what


def without_zeros(told: str) -> str:
    """Say "no meter" where the former version said that common areas without a meter took 0."""
    balance = json.loads(told)
    if (balance["month"], balance["tower"], balance["service"]) == NO_COMMON_METER:
        balance["common"] = None
    return json.dumps(balance, separators=(",", ":"), ensure_ascii=False)


def as_far_as_told(said: Any, told: Any) -> Any:
    """Leave out of what is said the fields that the former version did not know.

    The hash of a message is of its bytes, which have these fields.
    """
    if isinstance(told, str) and told.startswith("{") and said != told:
        return json.dumps(
            as_far_as_told(json.loads(said), json.loads(told)),
            separators=(",", ":"),
            ensure_ascii=False,
        )
    if isinstance(told, list) and len(said) == len(told):
        return [as_far_as_told(*pair) for pair in zip(said, told, strict=True)]
    if isinstance(told, dict):
        return {
            key: value if key == "sha256" else as_far_as_told(said.get(key), value)
            for key, value in told.items()
        }
    return said


def put_as_0007(conn: Connection, sent: bytes) -> None:
    """Keep a batch as a store of that version did: its lines one by one."""
    header, *blocks, signature = sent.split(b"\n")
    about = Header.from_line(header)
    row = conn.execute(
        "INSERT INTO batch (gateway_id, stream, seq, header, header_hash, signature, received_at)"
        " VALUES (1, %s, %s, %s, %s, %s, %s) RETURNING batch_id",
        (about.stream, about.seq, header, bytes.fromhex(line_hash(header)), signature, START),
    ).fetchone()
    assert row is not None
    for ordinal, line in reversed(list(enumerate(blocks))):
        conn.execute("INSERT INTO block VALUES (%s, %s, 1, %s)", (*row, ordinal, line))


def _until(everything: Sequence[Migration], last: str) -> list[Migration]:
    return [migration for migration in everything if migration.name <= last]


def test_the_catalogue_tells_a_difference(store_server: str) -> None:
    with database_at(store_server) as dsn, connect(dsn) as conn:
        migrate(conn)
        before = catalogue(conn)
        assert differences(before, catalogue(conn)) == []
        for change, part in (
            ("CREATE INDEX ON outbox (topic)", "indexes"),
            ("ALTER TABLE outbox ALTER attempts SET DEFAULT 1", "columns"),
            ("COMMENT ON TABLE outbox IS 'x'", "comments"),
            ("ALTER TABLE outbox ADD CHECK (attempts >= 0)", "constraints"),
            ("CREATE VIEW v AS SELECT 1", "views"),
            ("ALTER SEQUENCE outbox_outbox_id_seq CACHE 7", "sequences"),
        ):
            conn.execute(change.encode())
            after = catalogue(conn)
            assert any(line.startswith(f"+ {part}: ") for line in differences(before, after)), part
            before = after
        if "hypertables" in before:
            conn.execute("SELECT set_chunk_time_interval('reading', INTERVAL '3 days')")
            assert any("hypertables" in line for line in differences(before, catalogue(conn)))
