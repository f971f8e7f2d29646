# SPDX-License-Identifier: GPL-2.0-only
"""The spool's file on disk: one agent opens it, checks all of it, and sets it aside if damaged.

A gateway must start: a damaged file is renamed with the date and a new stream begins. So is a file
that is an older copy of itself, which would fork the stream.

In: a path. Out: an open database with the tables of this version, that no other agent uses.
Never: a file deleted; another program's file touched.
"""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from edge_agent.errors import ConfigurationError, Setup, SpoolError
from edge_agent.spool import stream
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.schema import APPLICATION_ID, SCHEMA, VERSION

CACHE_KIB = 512
"""Of pages in memory: it holds the upper levels of the tables and what a poll touches."""
_LEAST_PAGES = 16
_SQLITE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a file ends with; of some damage sqlite3 cannot even decode its own complaint."""


class Unusable(Exception):
    """The file must be set aside; the text says why."""


class State(Enum):
    """What `inspect` found."""

    NEW = "not there yet; it is made at the start"
    IN_USE = "an agent that runs uses it"
    SOUND = "sound"
    NOT_CLOSED = "was not closed cleanly; all of it is checked at the start"


@dataclass(frozen=True, slots=True)
class Opened:
    """The open file, and what became of one that could not be used."""

    database: SpoolDatabase
    set_aside: Path | None = None
    """Where the former file went."""
    because: str = ""
    """Why it could not be used."""


def open_file(path: Path, *, max_bytes: int) -> Opened:
    """Open the file, or make it; set a damaged one aside first.

    Raises:
        ConfigurationError: another agent uses it, it is another program's file or a newer
            version's, or its folder cannot be written.
        SpoolError: the disk fails or is full.
    """
    lock_file = _lock(path)
    aside, because = None, ""
    try:
        try:
            connection = _connect(path)
        except Unusable as error:
            aside, because = _set_aside(path), str(error)
            connection = _connect(path)
        page_size = connection.execute("PRAGMA page_size").fetchone()[0]
        pages = max(_LEAST_PAGES, max_bytes // page_size)
        connection.execute(f"PRAGMA max_page_count = {pages}")
    except BaseException as error:
        os.close(lock_file)
        if isinstance(error, sqlite3.Error | Unusable):
            raise SpoolError(f"cannot open the spool {path}: {error}") from None
        raise
    return Opened(SpoolDatabase(path, connection, lock_file), aside, because)


def _lock(path: Path) -> int:
    """Make sure that one agent uses the file: two would send one stream in two sessions."""
    lock_path = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write in the spool's folder {path.parent}: {error.strerror}; "
            "make the folder, or give it to the user who runs edge-agent",
            of=Setup.SPOOL,
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ConfigurationError(
            f"another edge-agent uses the spool {path}: stop it, or set another spool",
            of=Setup.SPOOL,
        ) from None
    return descriptor


def inspect(path: Path) -> State:
    """Look at the file without making, locking or changing anything.

    Raises:
        ConfigurationError: it cannot be made or opened, or is another program's or a newer
            version's.
        SpoolError: it is damaged: the next start sets it aside.
    """
    state = check_place(path)
    if state is not State.SOUND:
        return state
    try:
        with closing(_immutable(path)) as database:
            _check_owner(database, path)
            _check_pages(database)
            _check_stream(database)
    except (Unusable, *_SQLITE) as error:
        if not isinstance(error, Unusable) and not _is_damage(error):
            raise SpoolError(f"cannot read the spool {path}: {error}") from None
        raise SpoolError(
            f"the spool {path} cannot be used: {_said(error)}; the next start sets it aside and "
            "begins a new stream, which loses what the cloud does not have yet"
        ) from None
    return State.SOUND


def check_place(path: Path) -> State:
    """Make sure that an agent can open the file here, or make it; its pages are not read.

    Raises:
        ConfigurationError: it cannot; or the file is another program's or a newer version's.
    """
    folder = path.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"cannot write in the spool's folder {folder}; "
            "make the folder, or give it to the user who runs edge-agent",
            of=Setup.SPOOL,
        )
    if _is_locked(path):
        return State.IN_USE
    if not path.exists() or path.stat().st_size == 0:
        return State.NEW
    if not os.access(path, os.R_OK | os.W_OK):
        raise ConfigurationError(
            f"cannot write the spool {path}: give it to the user who runs edge-agent",
            of=Setup.SPOOL,
        )
    journal = path.with_name(path.name + "-wal")
    if journal.exists() and journal.stat().st_size:
        return State.NOT_CLOSED
    with suppress(Unusable, *_SQLITE), closing(_immutable(path)) as database:
        _check_owner(database, path)
    return State.SOUND


def _immutable(path: Path) -> sqlite3.Connection:
    """Open a file that nobody writes: its journal is empty, so the file alone is all of it."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {path}.lock: {error.strerror}; run this as the user who runs edge-agent",
            of=Setup.SPOOL,
        ) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _connect(path: Path) -> sqlite3.Connection:
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
    except _SQLITE as error:
        database.close()
        if _is_damage(error):
            raise Unusable(_said(error)) from None
        raise
    except BaseException:
        database.close()
        raise
    return database


def _is_damage(error: Exception) -> bool:
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return str(error) == "unsupported file format" or code in {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }


def _said(error: Exception) -> str:
    return "its tables cannot be read" if isinstance(error, UnicodeDecodeError) else str(error)


def _create_file(path: Path) -> None:
    """Make an empty file of mode 0600 whose name survives a power cut."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigurationError(
            f"cannot make the spool {path}: {error.strerror}", of=Setup.SPOOL
        ) from None
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
    for statement in SCHEMA.split(";"):  # a table that an earlier program did not know is added
        database.execute(statement)
    if not tables:
        stream.begin(database)
    database.execute("COMMIT")
    _check_stream(database)


def _check_owner(database: sqlite3.Connection, path: Path) -> int:
    """Make sure that the file is ours; return how many tables it has."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables: int = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != APPLICATION_ID and tables:
        raise ConfigurationError(
            f"{path} is another program's database: set another spool", of=Setup.SPOOL
        )
    if version > VERSION:
        raise ConfigurationError(
            f"the spool {path} is of version {version}, this edge-agent knows {VERSION}: "
            "install the newer edge-agent again",
            of=Setup.SPOOL,
        )
    return tables


def _check_pages(database: sqlite3.Connection) -> None:
    verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise Unusable(verdict)


def _check_stream(database: sqlite3.Connection) -> None:
    superseded = stream.is_superseded(database)
    if superseded is None:
        raise Unusable("the spool has no stream")
    if superseded:
        raise Unusable("the cloud has later batches of its stream: it is an older copy")


def _set_aside(path: Path) -> Path:
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
