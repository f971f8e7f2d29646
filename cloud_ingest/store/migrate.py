# SPDX-License-Identifier: MIT
"""Bring a database to this version of the store, and say whether it is there.

In: a connection. Out: the migrations that were applied. The files of ``migrations/`` run in
the order of their names, each in its own transaction, once; the text of each is remembered
by its hash, so that a file that was changed after the fact is noticed. A file whose header
says ``-- edition: timescale`` or ``-- edition: portable`` belongs to stores of that kind
alone; the kind and the zone are fixed when the store is made. ``{zone}`` in a file becomes
the zone as a literal: a continuous aggregate takes no parameter.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

from psycopg import errors as pg
from psycopg import sql

from cloud_ingest.errors import ConfigurationError, MigrationRefused, NotMigrated
from cloud_ingest.store.connection import Connection, alone, edition, literal, query, translating

DEFAULT_ZONE = "Asia/Kolkata"
LOCK = 0x696F7455
"""Advisory lock of a migration: one at a time in a database."""

Rollups = Literal["continuous", "portable"]
_EDITION_OF: dict[str, Rollups] = {"timescale": "continuous", "portable": "portable"}


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name, its text, and the kind of store that it is for (None: any)."""

    name: str
    text: str
    rollups: Rollups | None

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, in hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Store:
    """What the store says of itself."""

    store_id: UUID
    zone: ZoneInfo
    rollups: Rollups
    kept_from: datetime | None = None
    """Readings until then are gone, or going; the border of a month."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a run of `migrate` did."""

    applied: tuple[str, ...]
    zone: str
    rollups: Rollups
    renewed: UUID | None = None
    """The new id of a store that was restored from a backup."""


def migrations() -> list[Migration]:
    """Return every migration in order."""
    folder = files(__package__).joinpath("migrations")
    found: list[Migration] = []
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            text = file.read_text(encoding="utf-8")
            mark = re.search(r"^-- edition: (\w+)$", text, re.MULTILINE)
            found.append(
                Migration(
                    file.name.removesuffix(".sql"), text, _EDITION_OF[mark[1]] if mark else None
                )
            )
    return found


@translating
def migrate(
    conn: Connection, *, zone: str | None = None, portable: bool = False, restored: bool = False
) -> Migrated:
    """Apply what is missing; run again it changes nothing.

    Args:
        conn: A connection whose user may create a schema.
        zone: The zone of days and months; None takes the store's own, or Asia/Kolkata.
        portable: Use plain rollups even where TimescaleDB Community is there.
        restored: The store comes from a backup: give it a new id, so that the gateways send
            again what was committed after the backup and is gone.

    Raises:
        MigrationRefused: another zone than the store's, or one whose 00:00 comes twice; a file
            that was changed after it was applied, a store of a newer program, an extension that
            this user may not create, nothing that was restored.
    """
    with alone(conn, LOCK):
        conn.execute(query("migration_table"))
        store = _read_store(conn)
        if store is None:
            if restored:
                raise MigrationRefused(
                    "the database holds no store that could have a new id: restore the backup first"
                )
            chosen = _known_zone(conn, zone or DEFAULT_ZONE)
            rollups = "portable" if portable else _prepare_edition(conn)
        else:
            chosen, rollups = store.zone.key, store.rollups
            if zone is not None and zone != chosen:
                raise MigrationRefused(_other_zone(zone, chosen))
        done = _applied(conn)
        wanted = [m for m in migrations() if m.rollups in {None, rollups}]
        applied = _missing(wanted, done)
        for migration in applied:
            _apply(conn, migration, chosen, rollups)
        renewed = conn.execute(query("store_renew")).fetchone() if restored else None
    return Migrated(
        tuple(m.name for m in applied), chosen, rollups, None if renewed is None else renewed[0]
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
        store = _read_store(conn)
    except pg.UndefinedTable:
        store = None
    if store is None:
        raise NotMigrated("the database holds no store yet: run cloud-ingest migrate")
    if zone is not None and zone != store.zone.key:
        raise ConfigurationError(_other_zone(zone, store.zone.key))
    done = _applied(conn)
    missing = _missing([m for m in migrations() if m.rollups in {None, store.rollups}], done)
    if missing:
        raise NotMigrated(f"the store lacks {missing[0].name}: run cloud-ingest migrate")
    return store


def _missing(wanted: Sequence[Migration], done: dict[str, str]) -> list[Migration]:
    """Return what is not applied; pure."""
    unknown = done.keys() - {migration.name for migration in wanted}
    if unknown:
        raise MigrationRefused(
            f"the store has migration {min(unknown)}, which this program does not know: "
            "run the newer cloud-ingest"
        )
    for migration in wanted:
        if done.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationRefused(
                f"migration {migration.name} is not the one that was applied: "
                "run the cloud-ingest that made this store, or a newer release"
            )
    return [migration for migration in wanted if migration.name not in done]


def _apply(conn: Connection, migration: Migration, zone: str, rollups: Rollups) -> None:
    text = migration.text.replace("{zone}", sql.Literal(zone).as_string(conn))
    with conn.transaction():
        conn.execute(literal(text))
        conn.execute(query("migration_done"), (migration.name, migration.checksum))
        conn.execute(query("store_make"), {"zone": zone, "rollups": rollups})


def _applied(conn: Connection) -> dict[str, str]:
    return {row[0]: row[1] for row in conn.execute(query("migration_list"))}


def _read_store(conn: Connection) -> Store | None:
    row = conn.execute(query("table_exists"), ("store",)).fetchone()
    if row is None or not row[0]:
        return None
    found = conn.execute(query("store_read")).fetchone()
    return None if found is None else Store(found[0], ZoneInfo(found[1]), found[2], found[3])


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


def _prepare_edition(conn: Connection) -> Rollups:
    """Create the extension where the server has it ready, and say which rollups to make.

    Without the preload CREATE EXTENSION would end the connection: it is looked at first.
    """
    row = conn.execute(query("timescale_ready")).fetchone()
    if row is not None and row[0]:
        try:
            conn.execute(query("timescale_create"))
        except pg.InsufficientPrivilege:
            raise MigrationRefused(
                "TimescaleDB is on this server, but this user may not create the extension: "
                "have an administrator run CREATE EXTENSION timescaledb in this database, "
                "or give --portable"
            ) from None
    return "continuous" if edition(conn) == "timescale" else "portable"


def _other_zone(given: str, stored: str) -> str:
    return (
        f"the store's days and months are of {stored}, not of {given}: "
        f"give {stored}, or use another database"
    )
