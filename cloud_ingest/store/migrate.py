# SPDX-License-Identifier: MIT
"""Migrations of a database: bring a store to this version, and say whether it is there.

The files run in the order of their names, each once, in a transaction of its own
(`cloud_ingest.store.migration`). The store remembers each text by its hash, so that a file that was
changed after the fact is noticed. The kind of the store and its zone are fixed when it is made.
``{zone}`` in a file becomes the zone as a literal: a continuous aggregate takes no parameter.

It stands here instead of a migration tool: the files depend on the edition of the server and on the
zone, which a tool for plain SQL does not know, and it is small.

In: a connection. Out: the migrations that were applied, or would be.
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
    edition,
    has_table,
    literal,
    query,
    translating,
)
from cloud_ingest.store.identity import (
    Rollups,
    make_identity,
    read_identity,
    renew_identity,
    server_knows_zone,
)
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migration import Migration, kind_that_is_applied, migrations, missing
from cloud_ingest.store.roles import renew_rights
from cloud_ingest.store.rows import scalar

DEFAULT_ZONE = "Asia/Kolkata"

Tables = Literal["hypertable", "partitions"]

_WHY: dict[Edition, str] = {
    "timescale": "TimescaleDB Community is in this database",
    "apache": "TimescaleDB's Apache edition has hypertables and no continuous aggregates",
    "plain": "the database has no TimescaleDB",
}


@dataclass(frozen=True, slots=True)
class Store:
    """The id, zone and kind of a store of this version."""

    store_id: UUID
    zone: ZoneInfo
    rollups: Rollups
    tables: Tables
    kept_from: datetime | None = None
    """Readings until then are gone, or going; the border of a month."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The migrations that a run of `migrate` would apply, and to which kind of store."""

    steps: tuple[str, ...]
    """The migrations that would be applied, in order."""
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
    """The migrations that a run of `migrate` applied, and to which kind of store."""

    applied: tuple[str, ...]
    zone: str
    rollups: Rollups
    renewed: UUID | None = None
    """The new id of a store that was restored from a backup."""


@dataclass(frozen=True, slots=True)
class _Target:
    """The zone and kind that a store has or gets, and the migrations that it lacks."""

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
    _refuse_stranger(conn)
    with advisory_lock(conn, Lock.MIGRATION):
        conn.execute(query("migration/tables"))
        if restored and read_identity(conn) is None:
            raise MigrationRefused(
                "the database holds no store that could have a new id: restore the backup first"
            )
        if _wants_extension(conn, portable=portable):
            _create_extension(conn)
        target = _target(conn, zone=zone, portable=portable)
        for migration in target.lacks:
            _apply(conn, migration, target)
        renew_rights(conn)
        renewed = renew_identity(conn) if restored else None
    return Migrated(
        tuple(m.name for m in target.lacks),
        target.zone,
        _rollups(target.kind),
        renewed,
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
        return Plan(
            tuple(migration.name for migration in target.lacks),
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
    found = read_identity(conn)
    if found is None:
        raise NotMigrated("the database holds no store yet: run cloud-ingest migrate")
    if zone is not None and zone != found.zone:
        raise ConfigurationError(_other_zone(zone, found.zone))
    done = _applied(conn)
    kind = _kind_of_store(conn, found.rollups, done)
    lacks = missing([m for m in migrations() if kind in m.kinds], done)
    if lacks:
        raise NotMigrated(f"the store lacks {lacks[0].name}: run cloud-ingest migrate")
    zone_ = ZoneInfo(found.zone)
    return Store(found.store_id, zone_, found.rollups, _tables(kind), found.kept_from)


def _refuse_stranger(conn: Connection) -> None:
    owner = scalar(
        conn,
        """
        SELECT nspowner::regrole::text FROM pg_namespace
        WHERE nspname = 'metering' AND NOT pg_has_role(nspowner, 'USAGE')
        """,
    )
    if owner is not None:
        raise MigrationRefused(
            f"the store belongs to {owner}: run cloud-ingest migrate with a --dsn of that role"
        )


def _target(conn: Connection, *, zone: str | None, portable: bool) -> _Target:
    found = read_identity(conn)
    done = _applied(conn)
    if found is None:
        chosen = _known_zone(conn, zone or DEFAULT_ZONE)
        kind = edition(conn)
        why = _WHY[kind]
        if kind == "timescale" and portable:
            kind, why = "plain", "--portable was given"
    else:
        chosen = found.zone
        if zone is not None and zone != chosen:
            raise MigrationRefused(_other_zone(zone, chosen))
        kind = _kind_of_store(conn, found.rollups, done)
        why = "the store was made so"
    wanted = [m for m in migrations() if kind in m.kinds]
    return _Target(chosen, kind, why, tuple(missing(wanted, done)))


def _kind_of_store(conn: Connection, rollups: Rollups, done: Mapping[str, str]) -> Edition:
    """Return the kind of a store; until it has a table of one kind alone, the kind it can be."""
    if rollups == "continuous":
        return "timescale"
    applied = kind_that_is_applied(migrations(), done)
    return applied or ("apache" if edition(conn) == "apache" else "plain")


def _rollups(kind: Edition) -> Rollups:
    return "continuous" if kind == "timescale" else "portable"


def _tables(kind: Edition) -> Tables:
    return "partitions" if kind == "plain" else "hypertable"


def _apply(conn: Connection, migration: Migration, target: _Target) -> None:
    """Apply all of a migration, or nothing."""
    text = migration.text.replace("{zone}", sql.Literal(target.zone).as_string(conn))
    with conn.transaction():
        conn.execute(literal(text))
        conn.execute(
            "INSERT INTO migration (name, checksum) VALUES (%s, %s)",
            (migration.name, migration.checksum),
        )
        make_identity(conn, target.zone, _rollups(target.kind))


def _applied(conn: Connection) -> dict[str, str]:
    """Return the applied migrations and the hashes of their texts."""
    if not has_table(conn, "migration"):
        return {}
    return dict(conn.execute("SELECT name, checksum FROM migration ORDER BY name").fetchall())


def _known_zone(conn: Connection, zone: str) -> str:
    if not server_knows_zone(conn, zone) or zone not in available_timezones():
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

    Without the preload CREATE EXTENSION would end the connection, so this looks at it first.
    """
    if portable or read_identity(conn) is not None or edition(conn) != "plain":
        return False
    return bool(scalar(conn, query("facts/timescale_ready")))


def _create_extension(conn: Connection) -> None:
    try:
        conn.execute("CREATE EXTENSION IF NOT EXISTS timescaledb WITH SCHEMA public")
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
