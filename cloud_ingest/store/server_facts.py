# SPDX-License-Identifier: MIT
"""Facts of a database server and of the store in it, for the doctor to judge.

In: a connection. Out: frozen values, one for each query. Never: a change, a judgement.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import LiteralString, TypeVar

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.identity import read_identity
from cloud_ingest.store.rows import all_rows, one_row, scalar

_T = TypeVar("_T")

SETTINGS = (
    "autovacuum",
    "data_checksums",
    "effective_cache_size",
    "fsync",
    "full_page_writes",
    "maintenance_work_mem",
    "max_connections",
    "max_locks_per_transaction",
    "max_parallel_workers",
    "max_prepared_transactions",
    "max_worker_processes",
    "server_version",
    "server_version_num",
    "shared_buffers",
    "synchronous_commit",
    "timescaledb.license",
    "timescaledb.max_background_workers",
    "work_mem",
)


@dataclass(frozen=True, slots=True)
class Server:
    """The settings of the server, and where each comes from."""

    settings: Mapping[str, str]
    """`SETTINGS` as the server has them; memory is in bytes."""
    sources: Mapping[str, str]
    """Where each came from: ``default``, ``configuration file`` …"""
    memory: int | None
    """Bytes of the machine; None where the server is on another."""

    def number(self, name: str) -> int:
        """Return a setting that is a number; memory in bytes."""
        return int(self.settings[name])


@dataclass(frozen=True, slots=True)
class Extension:
    """TimescaleDB on the server and in this database; versions such as ``2.28.3``."""

    installed: str | None
    """Created in this database."""
    available: str | None
    """That of the files; None where there are none."""
    preloaded: bool
    license: str | None


@dataclass(frozen=True, slots=True)
class Foreign:
    """A table or view of the store that belongs to somebody else."""

    name: str
    owner: str
    of_superuser: bool


@dataclass(frozen=True, slots=True)
class Role:
    """Our role in the database, and what of the store belongs to others."""

    name: str
    superuser: bool
    read_only: bool
    """A standby, or a role that may only read."""
    foreign: tuple[Foreign, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """The server's time, and ours before and after it was asked for."""

    server: datetime
    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class Parts:
    """The number of parts that ``reading`` is cut into, and of locks that they cost."""

    count: int
    """Chunks or partitions."""
    relations: int
    """They and their indexes: each costs a statement that touches all of them one lock."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Days that wait to be rolled up, without those that have not come."""

    waiting: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class EvidenceSize:
    """How much room what gateways signed takes, in bytes."""

    months: int
    bytes_in_months: int
    whole: int
    """Months that are over and have all of their blocks."""
    newest: int
    """Of the newest month that is over."""
    batches: int
    """Of the rows of ``batch``, which stay for ever."""
    waits: bool
    """Some lies where an older version kept it."""
    keeps: int | None
    """Closed months that stay whole; None: all."""


@dataclass(frozen=True, slots=True)
class StoreDisk:
    """How much room the database takes, and has."""

    store_bytes: int
    free_bytes: int | None
    """None: the server is on another machine, or does not tell us where its data lie."""


@dataclass(frozen=True, slots=True)
class Job:
    """A policy of TimescaleDB on a table of the store."""

    job_id: int
    kind: str
    table: str
    scheduled: bool
    """It runs in the background by itself."""
    failed: bool
    """Its last run."""


@dataclass(frozen=True, slots=True)
class _Setting:
    """A setting, and where it comes from."""

    name: str
    setting: str
    source: str


@translating
def read_server(conn: Connection) -> Server:
    """Read the settings, and the machine's memory where the server is on this one."""
    rows = all_rows(conn, _Setting, query("facts/settings"), (list(SETTINGS),))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if _is_here(conn) else None
    settings = {row.name: row.setting for row in rows}
    return Server(settings, {row.name: row.source for row in rows}, memory)


def _is_here(conn: Connection) -> bool:
    """Say whether the process that serves us is one of this machine."""
    try:
        program = Path(f"/proc/{conn.info.backend_pid}/comm").read_text(encoding="utf-8")
    except OSError:
        return False
    return program.strip() == "postgres"


@translating
def read_extension(conn: Connection) -> Extension:
    """Read what is there of TimescaleDB; it is not created."""
    return _the_row(conn, Extension, query("facts/extension"))


@translating
def read_role(conn: Connection) -> Role:
    """Read who we are."""
    foreign = tuple(all_rows(conn, Foreign, query("facts/foreign")))
    return _the_row(
        conn,
        functools.partial(Role, foreign=foreign),
        """
        SELECT current_user::text AS name,
               (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
               pg_is_in_recovery()
                 OR current_setting('transaction_read_only')::boolean AS read_only
        """,
    )


@translating
def read_clock(conn: Connection, now: Callable[[], datetime]) -> Clock:
    """Read the server's clock between two looks at ours."""
    before = now()
    server = scalar(conn, "SELECT clock_timestamp()")
    return Clock(server, before, now())


@translating
def read_store_zone(conn: Connection) -> str | None:
    """Return the name of the store's zone, also where this program does not know it."""
    found = read_identity(conn)
    return None if found is None else found.zone


@translating
def read_parts(conn: Connection) -> Parts:
    """Count what ``reading`` is cut into."""
    return _the_row(conn, Parts, query("facts/parts"))


@translating
def read_marks(conn: Connection) -> Marks:
    """Count the days that wait."""
    return _the_row(
        conn,
        Marks,
        """
        SELECT count(*) AS waiting, min(marked_at) AS oldest FROM dirty
        WHERE day <= (SELECT (now() AT TIME ZONE zone)::date FROM store)
        """,
    )


@translating
def read_evidence(conn: Connection) -> EvidenceSize:
    """Read how much room the evidence takes."""
    return _the_row(conn, EvidenceSize, query("facts/evidence"))


@translating
def read_disk(conn: Connection) -> StoreDisk:
    """Read the size of the database, and what is free on its disk where that can be seen."""
    size = scalar(conn, "SELECT pg_database_size(current_database())")
    folder = scalar(conn, "SELECT setting FROM pg_settings WHERE name = 'data_directory'")
    free = None
    if folder is not None and _is_here(conn):
        with contextlib.suppress(OSError):
            disk = os.statvfs(folder)
            free = disk.f_bavail * disk.f_frsize
    return StoreDisk(size, free)


@translating
def read_jobs(conn: Connection) -> tuple[Job, ...]:
    """Read TimescaleDB's policies on tables of the store; it must be in the database."""
    return tuple(all_rows(conn, Job, query("facts/jobs")))


def _the_row(conn: Connection, make: Callable[..., _T], statement: LiteralString) -> _T:
    """Return the one row that a statement always has."""
    row = one_row(conn, make, statement)
    assert row is not None  # noqa: S101
    return row
