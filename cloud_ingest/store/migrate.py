# SPDX-License-Identifier: MIT
"""Migrations of a database: bring a store to this version, and say whether it is there.

The files run in the order of their names, each once, in a transaction of its own
(`cloud_ingest.store.migration`). The store remembers each text by its hash, so that a file that was
changed after the fact is noticed, and which programs can serve it beside this one. Workers may go
on meanwhile where a file allows it. The kind of the store and its zone are fixed when it is made.
``{zone}`` in a file becomes the zone as a literal: a continuous aggregate takes no parameter.

It stands here instead of a migration tool: the files depend on the edition of the server and on the
zone, which a tool for plain SQL does not know, and it is small.

In: a connection. Out: the migrations that were applied, or would be.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

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
)
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migration import (
    Applied,
    Migration,
    applicable,
    kind_that_is_applied,
    migrations,
    missing,
    newest,
)
from cloud_ingest.store.roles import renew_rights
from cloud_ingest.store.rows import all_rows, scalar
from cloud_ingest.store.serving import versions_that_serve
from cloud_ingest.store.zone import DEFAULT_ZONE, known_zone, other_zone

LOCK_WAIT_MS = 2000
"""So long a migration waits for a lock while workers serve: who comes behind it waits as long."""
LOCK_TRIES = 30

Tables = Literal["hypertable", "partitions"]
When = Literal["beside", "after", "stopped"]
"""``beside`` the workers, ``after`` the last former one, or while all of them are ``stopped``."""

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
    waiting: tuple[str, ...] = ()
    """Migrations that wait until no worker of a former version serves."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The migrations that a run of `migrate` would apply, and to which kind of store."""

    steps: tuple[str, ...]
    """The migrations that the store lacks, in order."""
    when: tuple[When, ...]
    """When each of them may be applied; of a new store nothing, for nobody serves it."""
    serving: Mapping[int, int]
    """How many workers of which version serve the store now."""
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
    waiting: tuple[str, ...] = ()
    """Those that wait until no worker of a former version serves: run it again then."""
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
            that was changed after it was applied, a store of a newer program, workers that have
            to be stopped first, an extension that this user may not create, nothing that was
            restored.
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
        serving = versions_that_serve(conn)
        wanted = applicable(target.lacks, serving)
        for migration in wanted:
            if serving:
                _apply_beside(conn, migration, target)
            else:
                _apply(conn, migration, target)
        renew_rights(conn)
        renewed = renew_identity(conn) if restored else None
    return Migrated(
        tuple(m.name for m in wanted),
        target.zone,
        _rollups(target.kind),
        tuple(m.name for m in target.lacks[len(wanted) :]),
        renewed,
    )


@translating
def plan(conn: Connection, *, zone: str | None = None, portable: bool = False) -> Plan:
    """Say what `migrate` would do with the same arguments, and change nothing.

    An extension that would be created is created and taken back: nothing else tells its edition.
    What aggregates while it is there would leave its functions in the session's memory, gone.

    Raises:
        MigrationRefused: `migrate` would be refused.
    """
    creates = _wants_extension(conn, portable=portable)
    serving = versions_that_serve(conn)
    with conn.transaction(force_rollback=True):
        if creates:
            _create_extension(conn)
        target = _target(conn, zone=zone, portable=portable)
        return Plan(
            tuple(migration.name for migration in target.lacks),
            () if read_identity(conn) is None else tuple(map(_when, target.lacks)),
            serving,
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
        raise ConfigurationError(other_zone(zone, found.zone))
    done = _applied(conn)
    kind = _kind_of_store(conn, found.rollups, done)
    lacks = missing([m for m in migrations() if kind in m.kinds], done, newest())
    for migration in lacks:
        if not migration.can_wait:
            raise NotMigrated(f"the store lacks {migration.name}: run cloud-ingest migrate")
    zone_ = ZoneInfo(found.zone)
    waiting = tuple(migration.name for migration in lacks)
    return Store(found.store_id, zone_, found.rollups, _tables(kind), found.kept_from, waiting)


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
        chosen = known_zone(conn, zone or DEFAULT_ZONE)
        kind = edition(conn)
        why = _WHY[kind]
        if kind == "timescale" and portable:
            kind, why = "plain", "--portable was given"
    else:
        chosen = found.zone
        if zone is not None and zone != chosen:
            raise MigrationRefused(other_zone(zone, chosen))
        kind = _kind_of_store(conn, found.rollups, done)
        why = "the store was made so"
    wanted = [m for m in migrations() if kind in m.kinds]
    return _Target(chosen, kind, why, tuple(missing(wanted, done, newest())))


def _kind_of_store(conn: Connection, rollups: Rollups, done: Mapping[str, Applied]) -> Edition:
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
            "INSERT INTO migration (name, checksum, oldest) VALUES (%s, %s, %s)",
            (migration.name, migration.checksum, migration.oldest),
        )
        make_identity(conn, target.zone, _rollups(target.kind))


def _apply_beside(conn: Connection, migration: Migration, target: _Target) -> None:
    """Apply a migration while workers serve: they never wait long behind one that waits.

    Raises:
        MigrationRefused: somebody holds a table that it changes, over and over.
    """
    conn.execute(f"SET lock_timeout = '{LOCK_WAIT_MS}ms'")
    try:
        for _ in range(LOCK_TRIES):
            try:
                return _apply(conn, migration, target)
            except pg.LockNotAvailable:
                time.sleep(LOCK_WAIT_MS / 1000)
    finally:
        conn.execute("RESET lock_timeout")
    raise MigrationRefused(
        f"migration {migration.name} got no lock in {LOCK_TRIES} tries: run cloud-ingest migrate "
        "again when no long query runs"
    )


def _when(migration: Migration) -> When:
    if migration.can_wait:
        return "after"
    return "beside" if migration.oldest < migration.number else "stopped"


def _applied(conn: Connection) -> dict[str, Applied]:
    """Return the applied migrations; a store of a former program does not tell the oldest."""
    if not has_table(conn, "migration"):
        return {}
    rows = all_rows(
        conn,
        Applied,
        """
        SELECT name, checksum, (to_jsonb(migration) ->> 'oldest')::int AS oldest
        FROM migration
        """,
    )
    return {each.name: each for each in rows}


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
