# SPDX-License-Identifier: GPL-2.0-only
"""Room in the spool: whether there is any, and what gives way when there is none.

In: the spool's open database. Out: batches forgotten, oldest first: those that a receipt
covers; and, where the file has its largest size and nothing else is left, those that none
covers, with the `Loss` that says which.
Never: a batch dropped that no loss names; a transaction of its own.
"""

import math
import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from uuid import UUID

from shared_schema.errors import MalformedMessage
from shared_schema.readings import MAX_BATCH_BYTES, Loss

MAX_LOSSES: Final = 256
"""Ranges in one statement; the oldest are told as one beyond that."""
_RESERVE_BYTES: Final = 16 * 1024 * 1024
_RESERVE_PART: Final = 20
"""Of the disk, 16 MiB or a twentieth stay free, so that receipts can be noted on a full one."""
_FORGET_AGED = """
DELETE FROM batch WHERE seq IN (
    SELECT seq FROM batch AS old
    WHERE created_at < ? AND NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.seq = old.seq)
    LIMIT ?)
"""
_FORGET_OLDEST = """
DELETE FROM batch WHERE seq IN (
    SELECT seq FROM batch AS old
    WHERE NOT EXISTS (SELECT 1 FROM waiting WHERE waiting.seq = old.seq)
    ORDER BY created_at LIMIT ?)
"""
Range = tuple[int, int]


def has_room(database: sqlite3.Connection, folder: Path, size: int) -> bool:
    """Tell whether the reserve stays: new batches take it only where pages are free in the file.

    Args:
        database: the spool.
        folder: where its file is.
        size: bytes of the rows that come.
    """
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free >= min(_RESERVE_BYTES, disk.f_blocks * disk.f_frsize // _RESERVE_PART) + size:
        return True
    return _pragma(database, "freelist_count") * _pragma(database, "page_size") >= _needed(size)


def is_at_limit(database: sqlite3.Connection, size: int) -> bool:
    """Tell whether the file has its largest size, and no free pages for so many bytes."""
    left = _pragma(database, "max_page_count") - _pragma(database, "page_count")
    pages = left + _pragma(database, "freelist_count")
    return pages * _pragma(database, "page_size") < _needed(size)


def forget_aged(database: sqlite3.Connection, before: int, limit: int) -> int:
    """Forget covered batches that were made before a time; return how many."""
    return database.execute(_FORGET_AGED, (before, limit)).rowcount


def forget_oldest(database: sqlite3.Connection, limit: int) -> int:
    """Forget the oldest covered batches; return how many."""
    return database.execute(_FORGET_OLDEST, (limit,)).rowcount


def drop_oldest(database: sqlite3.Connection, stream: UUID, part: int) -> list[Loss]:
    """Drop the oldest batches that no receipt covers, one at least of those that wait.

    Args:
        database: the spool, within a transaction.
        stream: its stream.
        part: one in so many of what waits.

    Returns:
        What has to be stated. A statement that is itself dropped is made again.
    """
    waiting = database.execute("SELECT count(*) FROM waiting").fetchone()[0]
    count = math.ceil(waiting / part)
    dropped: list[Range] = []
    stated: list[Range] = []
    for seq, payload in database.execute(
        "SELECT seq, payload FROM batch JOIN waiting USING (seq) ORDER BY seq LIMIT ?", (count,)
    ):
        dropped.append((seq, seq))
        stated += _stated(payload)
    if not dropped:
        return []
    last = dropped[-1][0]
    database.execute(
        "DELETE FROM batch WHERE seq IN (SELECT seq FROM waiting WHERE seq <= ?)", (last,)
    )
    database.execute("DELETE FROM waiting WHERE seq <= ?", (last,))
    return [
        Loss(stream=stream, first=first, last=end, reason="spool_full")
        for first, end in joined([*stated, *dropped])
    ]


def joined(ranges: Iterable[Range], limit: int = MAX_LOSSES) -> list[Range]:
    """Return ranges in order, those that touch as one, and no more than so many."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    more = len(found) - limit
    return found if more <= 0 else [(found[0][0], found[more][1]), *found[more + 1 :]]


def _stated(payload: bytes) -> list[Range]:
    ranges: list[Range] = []
    for line in payload.split(b"\n")[1:-1]:
        if line.startswith(b'{"kind":"loss"'):
            try:
                loss = Loss.from_line(line)
            except MalformedMessage:
                continue
            ranges.append((loss.first, loss.last))
    return ranges


def _needed(size: int) -> int:
    return 2 * size + MAX_BATCH_BYTES


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value
