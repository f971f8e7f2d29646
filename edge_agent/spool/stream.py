# SPDX-License-Identifier: GPL-2.0-only
"""The stream: who the spool is, up to which number it has sealed, and which store it talks to.

A new file makes a new stream. Each sealed batch moves the head by one; a receipt says which store
answers, and when it said so.

In: the spool's open database. Out: the head of the stream and its store. Owns the tables ``spool``
and ``left_stream``.
Never: a transaction of its own.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4


@dataclass(frozen=True, slots=True)
class Head:
    """The last batch that was sealed; the next one names its hash."""

    stream: UUID
    seq: int
    header_hash: str | None
    """None before the first."""


@dataclass(frozen=True, slots=True)
class Store:
    """The store whose receipt was applied last, and when it gave it."""

    id: UUID
    at: datetime


def begin(database: sqlite3.Connection) -> None:
    """Begin a new stream in a new file."""
    database.execute("INSERT INTO spool (only, stream, last_seq) VALUES (1, ?, 0)", (str(uuid4()),))


def head(database: sqlite3.Connection) -> Head:
    """Return the head of the stream."""
    stream, seq, header_hash = database.execute(
        "SELECT stream, last_seq, last_hash FROM spool"
    ).fetchone()
    return Head(UUID(stream), seq, header_hash)


def advance(database: sqlite3.Connection, seq: int, header_hash: str | None) -> None:
    """Move the head to a batch that was sealed."""
    database.execute("UPDATE spool SET last_seq = ?, last_hash = ?", (seq, header_hash))


def store(database: sqlite3.Connection) -> Store | None:
    """Return the store that answered last; None before the first receipt."""
    identity, at = database.execute("SELECT store, store_at FROM spool").fetchone()
    return None if identity is None else Store(UUID(identity), datetime.fromisoformat(at))


def note_store(database: sqlite3.Connection, found: Store) -> None:
    """Keep which store answered."""
    database.execute(
        "UPDATE spool SET store = ?, store_at = ?", (str(found.id), found.at.isoformat())
    )


def leave(database: sqlite3.Connection, at: datetime) -> None:
    """Begin a new stream behind the last batch: something else uses the one until now."""
    former = head(database)
    database.execute(
        "INSERT INTO left_stream VALUES (?, ?, ?)",
        (str(former.stream), former.seq, int(at.timestamp())),
    )
    database.execute("UPDATE spool SET stream = ?", (str(uuid4()),))


def left_at(database: sqlite3.Connection) -> int:
    """Return the last seq of the stream that was left last; 0: none was."""
    found: int = database.execute("SELECT ifnull(max(last_seq), 0) FROM left_stream").fetchone()[0]
    return found


def forked_at(database: sqlite3.Connection) -> datetime | None:
    """Return when a stream was left last; None: never, or the file is of an earlier program."""
    if not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'left_stream'").fetchone():
        return None
    at = database.execute("SELECT max(at) FROM left_stream").fetchone()[0]
    return None if at is None else datetime.fromtimestamp(at, UTC)


def is_superseded(database: sqlite3.Connection) -> bool | None:
    """Tell whether an earlier program marked the file as an older copy; None: it has no stream."""
    row = database.execute("SELECT superseded FROM spool").fetchone()
    return None if row is None else bool(row[0])
