# SPDX-License-Identifier: GPL-2.0-only
"""Sealed batches: which there are, and which of them wait for a receipt.

A batch waits from its sealing until a receipt covers it. It stays after that while there is room
and time; a new store makes it wait again.

In: the spool's open database. Out: batches, put, found, counted and forgotten. Owns the tables
``batch`` and ``waiting``.
Never: a transaction of its own, or a decision about what may be forgotten.
"""

import sqlite3
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared_schema.readings import Header, line_hash

_NOT_WAITING = "NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.seq = old.seq)"
_FORGET_AGED = f"""
DELETE FROM batch WHERE seq IN (
    SELECT seq FROM batch AS old WHERE created_at < ? AND {_NOT_WAITING} LIMIT ?)
"""  # noqa: S608 - a constant of this module
_FORGET_OLDEST = f"""
DELETE FROM batch WHERE seq IN (
    SELECT seq FROM batch AS old WHERE {_NOT_WAITING} ORDER BY created_at LIMIT ?)
"""  # noqa: S608 - same
_IN_ORDER = (
    "SELECT seq FROM waiting WHERE historical = 0 ORDER BY seq DESC",
    "SELECT seq FROM waiting WHERE historical = 1 ORDER BY seq",
)
"""Live ones first, the newest first; then the backlog in order."""
Range = tuple[int, int]
"""The first and the last seq, both included."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One batch as it is sent."""

    seq: int
    historical: bool
    payload: bytes


def put(database: sqlite3.Connection, sealed: Spooled, at: int) -> None:
    """Keep a batch that was just sealed; it waits.

    Args:
        database: the spool, within a transaction.
        sealed: the batch.
        at: when its last line was read (s since 1970).
    """
    database.execute(
        "INSERT INTO batch VALUES (?, ?, ?, ?)",
        (sealed.seq, at, sealed.historical, sealed.payload),
    )
    database.execute("INSERT INTO waiting VALUES (?, ?)", (sealed.seq, sealed.historical))


def get(database: sqlite3.Connection, seq: int) -> Spooled | None:
    """Return one batch that is still kept."""
    row = database.execute("SELECT historical, payload FROM batch WHERE seq = ?", (seq,)).fetchone()
    return Spooled(seq, bool(row[0]), row[1]) if row else None


def due(database: sqlite3.Connection, limit: int, skip: Container[int]) -> list[int]:
    """Return the seqs of what to send next.

    Args:
        database: the spool.
        limit: how many at most.
        skip: seqs that are in flight.
    """
    chosen: list[int] = []
    for order in _IN_ORDER:
        rows = iter(database.execute(order))
        while len(chosen) < limit and (row := next(rows, None)) is not None:
            if row[0] not in skip:
                chosen.append(row[0])
    return chosen


def waiting(database: sqlite3.Connection) -> int:
    """Return how many batches wait."""
    found: int = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
    return found


def is_any_waiting(database: sqlite3.Connection, ranges: Iterable[Range]) -> bool:
    """Tell whether a batch of these ranges waits."""
    return any(
        database.execute("SELECT 1 FROM waiting WHERE seq BETWEEN ? AND ? LIMIT 1", each).fetchone()
        for each in ranges
    )


def cover(database: sqlite3.Connection, ranges: Sequence[Range]) -> int:
    """End the waiting of these ranges; return how many batches waited."""
    before = waiting(database)
    database.executemany("DELETE FROM waiting WHERE seq BETWEEN ? AND ?", ranges)
    return before - waiting(database)


def header_hash(database: sqlite3.Connection, seq: int) -> str | None:
    """Return the hash of a header, its own or as the next one names it; None: neither is kept."""
    kept = get(database, seq)
    if kept is not None:
        return line_hash(_header(kept))
    after = get(database, seq + 1)
    return None if after is None else Header.from_line(_header(after)).previous


def _header(spooled: Spooled) -> bytes:
    return spooled.payload.partition(b"\n")[0]


def let_all_wait(database: sqlite3.Connection, above: int) -> None:
    """Make every batch that is kept above a seq wait again."""
    database.execute(
        "INSERT OR IGNORE INTO waiting SELECT seq, historical FROM batch WHERE seq > ?", (above,)
    )


def forget_aged(database: sqlite3.Connection, before: int, limit: int) -> int:
    """Forget covered batches that were made before a time; return how many."""
    return database.execute(_FORGET_AGED, (before, limit)).rowcount


def forget_oldest(database: sqlite3.Connection, limit: int) -> int:
    """Forget the oldest covered batches; return how many."""
    return database.execute(_FORGET_OLDEST, (limit,)).rowcount


def oldest_waiting(database: sqlite3.Connection, limit: int) -> Iterator[tuple[int, bytes]]:
    """Yield seq and payload of the oldest batches that wait: one at a time, they may be many."""
    yield from database.execute(
        "SELECT seq, payload FROM batch JOIN waiting USING (seq) ORDER BY seq LIMIT ?", (limit,)
    )


def oldest_waiting_at(database: sqlite3.Connection) -> int | None:
    """Return when the first batch that waits was read (s since 1970); None: none waits."""
    row = database.execute(
        "SELECT created_at FROM waiting JOIN batch USING (seq) ORDER BY waiting.seq LIMIT 1"
    ).fetchone()
    return row[0] if row else None


def take_waiting(database: sqlite3.Connection) -> Iterator[tuple[Spooled, int]]:
    """Take out the batches that wait, one at a time, each with the time of its last line."""
    for (seq,) in database.execute("SELECT seq FROM waiting ORDER BY seq").fetchall():
        historical, payload, at = database.execute(
            "SELECT historical, payload, created_at FROM batch WHERE seq = ?", (seq,)
        ).fetchone()
        database.execute("DELETE FROM waiting WHERE seq = ?", (seq,))
        database.execute("DELETE FROM batch WHERE seq = ?", (seq,))
        yield Spooled(seq, bool(historical), payload), at


def drop_waiting(database: sqlite3.Connection, last: int) -> None:
    """Drop every batch that waits, up to a seq."""
    database.execute(
        "DELETE FROM batch WHERE seq IN (SELECT seq FROM waiting WHERE seq <= ?)", (last,)
    )
    database.execute("DELETE FROM waiting WHERE seq <= ?", (last,))
