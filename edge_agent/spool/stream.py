# SPDX-License-Identifier: GPL-2.0-only
"""The stream: who the spool is, up to which number it has sealed, and which store it talks to.

A new file makes a new stream. Each sealed batch moves the head by one; a receipt says which store
answers, and when it said so.

In: the spool's open database. Out: the head of the stream and its store. Owns the table ``spool``.
Never: a transaction of its own.
"""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
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


def supersede(database: sqlite3.Connection) -> None:
    """Mark the file as an older copy: the next start sets it aside."""
    database.execute("UPDATE spool SET superseded = 1")


def is_superseded(database: sqlite3.Connection) -> bool | None:
    """Tell whether the file was marked as an older copy; None where it has no stream."""
    row = database.execute("SELECT superseded FROM spool").fetchone()
    return None if row is None else bool(row[0])
