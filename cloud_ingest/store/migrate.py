# SPDX-License-Identifier: MIT
"""Bring a database to this version of the store, and say whether it is there.

In: a connection. Out: the migrations that were applied, or would be. The files run in the
order of their names, each once, in its own transaction where its header does not say
otherwise (`cloud_ingest.store.migration`); the text of each is remembered by its hash, so that
a file that was changed after the fact is noticed. The kind of the store and its zone are fixed
when it is made. ``{zone}`` in a file becomes the zone as a literal: a continuous aggregate
takes no parameter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from psycopg import errors as pg
from psycopg import sql

from cloud_ingest.errors import ConfigurationError, MigrationRefused, NotMigrated
from cloud_ingest.store.connection import (
    Connection,
    Edition,
    alone,
    edition,
    literal,
    query,
    translating,
)
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.migration import (
    Migration,
    kind_that_is_applied,
    migrations,
    missing,
    statements,
)

DEFAULT_ZONE = "Asia/Kolkata"

Rollups = Literal["continuous", "portable"]
Tables = Literal["hypertable", "partitions"]

_WHY: dict[Edition, str] = {
    "timescale": "TimescaleDB Community is in this database",
    "apache": "TimescaleDB's Apache edition has hypertables and no continuous aggregates",
    "plain": "the database has no TimescaleDB",
}


@dataclass(frozen=True, slots=True)
class Store:
    """What the store says of itself."""

    store_id: UUID
    zone: ZoneInfo
    rollups: Rollups
    tables: Tables
    kept_from: datetime | None = None
    """Readings until then are gone, or going; the border of a month."""


@dataclass(frozen=True, slots=True)
class Step:
    """A migration that is to be applied."""

    name: str
    in_transaction: bool
    resumes_at: int
    """How many of its statements an interrupted run has done; 0 of one in a transaction."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run of `migrate` would do."""

    steps: tuple[Step, ...]
    zone: str
    edition: Edition
    """What the database can do, with the extension where it would be created."""
    creates_extension: bool
    rollups: Rollups
    tables: Tables
    why: str
    """Why these rollups and tables."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run of `migrate` did."""

    applied: tuple[str, ...]
    zone: str
    rollups: Rollups
    renewed: UUID | None = None
    """The new id of a store that was restored from a backup."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What a store has to become."""

    zone: str
    kind: Edition
    why: str
    lacks: tuple[Migration, ...]


@translating
def migrate(
    conn: Connection, *, zone: str | None = None, portable: bool = False, restored: bool = False
) -> Migrated:
    """Apply what is missing; run again it changes nothing.

    Args:
        conn: A connection whose user may create a schema.
        zone: The zone of days and months; None takes the store's own, or Asia/Kolkata.
        portable: Use portable rollups even where TimescaleDB Community is there.
        restored: The store comes from a backup: give it a new id, so that the gateways send
            again what was committed after the backup and is gone.

    Raises:
        MigrationRefused: another zone than the store's, or one whose 00:00 comes twice; a file
            that was changed after it was applied, a store of a newer program, an extension that
            this user may not create, nothing that was restored.
    """
    with alone(conn, Lock.MIGRATION):
        conn.execute(query("migration/tables"))
        if restored and _read_store(conn) is None:
            raise MigrationRefused(
                "the database holds no store that could have a new id: restore the backup first"
            )
        if _wants_extension(conn, portable=portable):
            _create_extension(conn)
        target = _target(conn, zone=zone, portable=portable)
        for migration in target.lacks:
            _apply(conn, migration, target)
        renewed = conn.execute(query("store_renew")).fetchone() if restored else None
    return Migrated(
        tuple(m.name for m in target.lacks),
        target.zone,
        _rollups(target.kind),
        None if renewed is None else renewed[0],
    )


@translating
def plan(conn: Connection, *, zone: str | None = None, portable: bool = False) -> Plan:
    """Say what `migrate` would do with the same arguments, and change nothing.

    An extension that would be created is created and taken back: nothing else tells its edition.

    Raises:
        MigrationRefused: `migrate` would be refused.
    """
    creates = _wants_extension(conn, portable=portable)
    with conn.transaction(force_rollback=True):
        if creates:
            _create_extension(conn)
        target = _target(conn, zone=zone, portable=portable)
        begun = _begun(conn)
        return Plan(
            tuple(Step(m.name, m.in_transaction, _resumes_at(m, begun)) for m in target.lacks),
            target.zone,
            edition(conn),
            creates,
            _rollups(target.kind),
            _tables(target.kind),
            target.why,
        )


@translating
def open_store(conn: Connection, *, zone: str | None = None) -> Store:
    """Return what the store says of itself, where it is of this version and zone.

    Raises:
        NotMigrated: there is no store, or it lacks a migration.
        ConfigurationError: another zone is configured than the store was made with.
        MigrationRefused: a migration was changed, or the store is of a newer program.
    """
    try:
        found = _read_store(conn)
    except pg.UndefinedTable:
        found = None
    if found is None:
        raise NotMigrated("the database holds no store yet: run cloud-ingest migrate")
    store_id, own_zone, rollups, kept_from = found
    if zone is not None and zone != own_zone:
        raise ConfigurationError(_other_zone(zone, own_zone))
    done = _applied(conn)
    kind = _kind_of_store(conn, rollups, done)
    lacks = missing([m for m in migrations() if kind in m.kinds], done)
    if lacks:
        raise NotMigrated(f"the store lacks {lacks[0].name}: run cloud-ingest migrate")
    return Store(store_id, ZoneInfo(own_zone), rollups, _tables(kind), kept_from)


def _target(conn: Connection, *, zone: str | None, portable: bool) -> _Target:
    found = _read_store(conn)
    done = _applied(conn)
    if found is None:
        chosen = _known_zone(conn, zone or DEFAULT_ZONE)
        kind = edition(conn)
        why = _WHY[kind]
        if kind == "timescale" and portable:
            kind, why = "plain", "--portable was given"
    else:
        _, chosen, rollups, _ = found
        if zone is not None and zone != chosen:
            raise MigrationRefused(_other_zone(zone, chosen))
        kind = _kind_of_store(conn, rollups, done)
        why = "the store was made so"
    wanted = [m for m in migrations() if kind in m.kinds]
    return _Target(chosen, kind, why, tuple(missing(wanted, done)))


def _kind_of_store(conn: Connection, rollups: Rollups, done: Mapping[str, str]) -> Edition:
    """Say of which kind a store is; until it has a table of one kind alone, what it can be."""
    if rollups == "continuous":
        return "timescale"
    applied = kind_that_is_applied(migrations(), done)
    return applied or ("apache" if edition(conn) == "apache" else "plain")


def _rollups(kind: Edition) -> Rollups:
    return "continuous" if kind == "timescale" else "portable"


def _tables(kind: Edition) -> Tables:
    return "partitions" if kind == "plain" else "hypertable"


def _apply(conn: Connection, migration: Migration, target: _Target) -> None:
    text = migration.text.replace("{zone}", sql.Literal(target.zone).as_string(conn))
    if not migration.in_transaction:
        _run_one_by_one(conn, migration, statements(text))
    with conn.transaction():
        if migration.in_transaction:
            conn.execute(literal(text))
        conn.execute(query("migration_done"), (migration.name, migration.checksum))
        conn.execute(query("migration/step_clear"), (migration.name,))
        conn.execute(query("store_make"), {"zone": target.zone, "rollups": _rollups(target.kind)})


def _run_one_by_one(conn: Connection, migration: Migration, parts: list[str]) -> None:
    begun = _begun(conn)
    resumes_at = _resumes_at(migration, begun)
    if migration.name in begun:
        conn.execute(query("migration/index_invalid_drop"))
    for number, part in enumerate(parts[resumes_at:], start=resumes_at):
        step = {"name": migration.name, "checksum": migration.checksum, "done": number}
        conn.execute(query("migration/step_put"), step)
        conn.execute(literal(part))
    step = {"name": migration.name, "checksum": migration.checksum, "done": len(parts)}
    conn.execute(query("migration/step_put"), step)


def _resumes_at(migration: Migration, begun: Mapping[str, tuple[str, int]]) -> int:
    checksum, done = begun.get(migration.name, (migration.checksum, 0))
    if checksum != migration.checksum:
        raise MigrationRefused(
            f"migration {migration.name} was begun with another text: "
            "let the cloud-ingest that began it end it"
        )
    return done


def _begun(conn: Connection) -> dict[str, tuple[str, int]]:
    """Return of each migration that was interrupted its checksum and how much is done."""
    if not _is_table(conn, "migration_step"):
        return {}
    return {row[0]: (row[1], row[2]) for row in conn.execute(query("migration/step_list"))}


def _applied(conn: Connection) -> dict[str, str]:
    if not _is_table(conn, "migration"):
        return {}
    return {row[0]: row[1] for row in conn.execute(query("migration_list"))}


def _read_store(conn: Connection) -> tuple[UUID, str, Rollups, datetime | None] | None:
    """Return id, zone, rollups, and from when on readings are kept."""
    if not _is_table(conn, "store"):
        return None
    found = conn.execute(query("store_read")).fetchone()
    return None if found is None else (found[0], found[1], found[2], found[3])


def _is_table(conn: Connection, name: str) -> bool:
    row = conn.execute(query("table_exists"), (name,)).fetchone()
    return row is not None and bool(row[0])


def _known_zone(conn: Connection, zone: str) -> str:
    known = conn.execute(query("zone_known"), (zone,)).fetchone() is not None
    if not known or zone not in available_timezones():
        raise MigrationRefused(
            f"{zone!r} is not a time zone that the database and this program both know: "
            f"give a name such as {DEFAULT_ZONE}"
        )
    if repeats_midnight(ZoneInfo(zone)):
        raise MigrationRefused(
            f"the clocks of {zone} go back over 00:00, so that a day would begin twice: "
            "give a zone whose 00:00 comes once a day"
        )
    return zone


def repeats_midnight(zone: ZoneInfo) -> bool:
    """Say whether a local 00:00 comes twice on some day of 2024 to 2037; pure.

    The database takes the second one for the border of the day, but counts what lies between
    them to the day that has begun: no bucket would hold it rightly.
    """
    first = datetime(2024, 1, 1, tzinfo=zone)
    midnights = (first + timedelta(days=number) for number in range(14 * 365))
    return any(at.astimezone(UTC) < at.replace(fold=1).astimezone(UTC) for at in midnights)


def _wants_extension(conn: Connection, *, portable: bool) -> bool:
    """Say whether a new store should have the extension, and the server has it ready.

    Without the preload CREATE EXTENSION would end the connection: it is looked at first.
    """
    if portable or _read_store(conn) is not None or edition(conn) != "plain":
        return False
    row = conn.execute(query("facts/timescale_ready")).fetchone()
    return row is not None and bool(row[0])


def _create_extension(conn: Connection) -> None:
    try:
        conn.execute(query("timescale_create"))
    except pg.InsufficientPrivilege:
        raise MigrationRefused(
            "TimescaleDB is on this server, but this user may not create the extension: "
            "have an administrator run CREATE EXTENSION timescaledb in this database, "
            "or give --portable"
        ) from None


def _other_zone(given: str, stored: str) -> str:
    return (
        f"the store's days and months are of {stored}, not of {given}: "
        f"give {stored}, or use another database"
    )
