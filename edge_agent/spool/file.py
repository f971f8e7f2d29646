# SPDX-License-Identifier: GPL-2.0-only
"""The spool's file: made, checked at each start, set aside when it is damaged.

In: a path. Out: an open database with the schema of this version, that no other agent uses.
Never: a file deleted; another program's file touched.
"""

import fcntl
import os
import sqlite3
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from uuid import uuid4

from edge_agent.errors import ConfigurationError, SpoolError

APPLICATION_ID = 0x494F5455
"""``IOTU``: in the file's header, so that another program's file is never taken for ours."""
VERSION = 1
CACHE_KIB = 512
"""Of pages in memory: it holds the upper levels of the tables and what a poll touches."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spool (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    stream TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    last_hash TEXT,
    store TEXT,
    store_at TEXT,
    superseded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL,
    historical INTEGER NOT NULL,
    payload BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS batch_age ON batch (created_at);
CREATE TABLE IF NOT EXISTS waiting (
    seq INTEGER PRIMARY KEY REFERENCES batch,
    historical INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS waiting_order ON waiting (historical, seq);
CREATE TABLE IF NOT EXISTS gathered (
    place INTEGER PRIMARY KEY,
    historical INTEGER NOT NULL,
    at INTEGER NOT NULL,
    line BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS watermark (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    profile TEXT NOT NULL,
    ts INTEGER NOT NULL,
    PRIMARY KEY (manufacturer, serial, profile)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS captured (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    profile TEXT NOT NULL,
    digest TEXT NOT NULL,
    columns TEXT NOT NULL,
    PRIMARY KEY (manufacturer, serial, profile)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_meter (
    bus TEXT NOT NULL,
    address INTEGER NOT NULL,
    logical_address INTEGER NOT NULL,
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    PRIMARY KEY (bus, address, logical_address)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS invocation_counter (
    bus TEXT NOT NULL,
    logical_address INTEGER NOT NULL,
    address INTEGER NOT NULL,
    client INTEGER NOT NULL,
    next INTEGER NOT NULL,
    sure INTEGER NOT NULL,
    PRIMARY KEY (bus, logical_address, address, client)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusal (
    bus TEXT NOT NULL,
    logical_address INTEGER NOT NULL,
    address INTEGER NOT NULL,
    salt BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (bus, logical_address, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reason (
    bus TEXT NOT NULL,
    logical_address INTEGER NOT NULL,
    address INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (bus, logical_address, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock_sample (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    at INTEGER NOT NULL,
    offset_s REAL NOT NULL,
    PRIMARY KEY (manufacturer, serial, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS observed (
    manufacturer TEXT NOT NULL,
    serial TEXT NOT NULL,
    code INTEGER NOT NULL,
    since INTEGER NOT NULL,
    noted INTEGER NOT NULL,
    left_out INTEGER NOT NULL,
    stands INTEGER NOT NULL,
    PRIMARY KEY (manufacturer, serial, code)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS command (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    result BLOB,
    sent INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""


class Unusable(Exception):
    """The file must be set aside; the text says why."""


class State(Enum):
    """What `inspect` found."""

    NEW = "not there yet; it is made at the start"
    IN_USE = "an agent that runs uses it"
    SOUND = "sound"
    NOT_CLOSED = "was not closed cleanly; all of it is checked at the start"


def lock(path: Path) -> int:
    """Make sure that one agent uses the file: two would send one stream in two sessions."""
    lock_path = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write in the spool's folder {path.parent}: {error.strerror}; "
            "make the folder, or give it to the user who runs edge-agent"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ConfigurationError(
            f"another edge-agent uses the spool {path}: stop it, or set another spool"
        ) from None
    return descriptor


def inspect(path: Path) -> State:
    """Look at the file without making, locking or changing anything.

    Raises:
        ConfigurationError: it cannot be made or opened, or is another program's or a newer
            version's.
        SpoolError: it is damaged: the next start sets it aside.
    """
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"cannot write in the spool's folder {folder}; "
            "make the folder, or give it to the user who runs edge-agent"
        )
    if _is_locked(path):
        return State.IN_USE
    if not path.exists() or path.stat().st_size == 0:
        return State.NEW
    if not os.access(path, os.R_OK | os.W_OK):
        raise ConfigurationError(
            f"cannot write the spool {path}: give it to the user who runs edge-agent"
        )
    journal = path.with_name(path.name + "-wal")
    if journal.exists() and journal.stat().st_size:
        return State.NOT_CLOSED
    try:
        # Nothing is in the journal, and nobody writes: the file alone is all of it.
        database = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)
        try:
            _check_owner(database, path)
            _check_pages(database)
            _check_stream(database)
        finally:
            database.close()
    except (Unusable, sqlite3.Error) as error:
        if isinstance(error, sqlite3.Error) and not _is_damage(error):
            raise SpoolError(f"cannot read the spool {path}: {error}") from None
        raise SpoolError(
            f"the spool {path} cannot be used: {error}; the next start sets it aside and begins "
            "a new stream, which loses what the cloud does not have yet"
        ) from None
    return State.SOUND


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}.lock: {error.strerror}; run this as the user who runs edge-agent"
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, or make it; check all of it first.

    Raises:
        Unusable: it is damaged, or was superseded: it must be set aside.
        ConfigurationError: it is another program's, or a newer version's.
        sqlite3.Error: the disk fails or is full.
    """
    fresh = not path.exists() or path.stat().st_size == 0
    if fresh:
        _create_file(path)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    try:
        _check(database, path, fresh=fresh)
    except sqlite3.Error as error:
        database.close()
        if _is_damage(error):
            raise Unusable(str(error)) from None
        raise
    except BaseException:
        database.close()
        raise
    return database


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _create_file(path: Path) -> None:
    """Make an empty file of mode 0600 whose name survives a power cut."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(f"cannot make the spool {path}: {error.strerror}") from None
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check(database: sqlite3.Connection, path: Path, *, fresh: bool) -> None:
    tables = _check_owner(database, path)
    if not fresh:
        _check_pages(database)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA wal_autocheckpoint = 512")
    database.execute("PRAGMA journal_size_limit = 4194304")
    database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    database.execute("BEGIN IMMEDIATE")
    if not tables:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {VERSION}")
    for statement in _SCHEMA.split(";"):  # a table that an earlier program did not know is added
        database.execute(statement)
    if not tables:
        database.execute(
            "INSERT INTO spool (only, stream, last_seq) VALUES (1, ?, 0)", (str(uuid4()),)
        )
    database.execute("COMMIT")
    _check_stream(database)


def _check_owner(database: sqlite3.Connection, path: Path) -> int:
    """Make sure that the file is ours; return how many tables it has."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables: int = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and tables:
        raise ConfigurationError(f"{path} is another program's database: set another spool")
    if version > VERSION:
        raise ConfigurationError(
            f"the spool {path} is of version {version}, this edge-agent knows {VERSION}: "
            "install the newer edge-agent again"
        )
    return tables


def _check_pages(database: sqlite3.Connection) -> None:
    verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise Unusable(verdict)


def _check_stream(database: sqlite3.Connection) -> None:
    row = database.execute("SELECT superseded FROM spool").fetchone()
    if row is None:
        raise Unusable("the spool has no stream")
    if row[0]:
        raise Unusable("the cloud has later batches of its stream: it is an older copy")


def set_aside(path: Path) -> Path:
    """Rename the file and its journal; nothing is deleted, a person may still want it."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    number = 0
    while True:
        aside = path.with_name(f"{path.name}.aside-{stamp}" + (f"-{number}" if number else ""))
        if not aside.exists():
            break
        number += 1
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        journal = path.with_name(path.name + suffix)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + suffix))
    return aside
