# SPDX-License-Identifier: GPL-2.0-only
"""Room in the spool: whether there is any, and what gives way where there is none.

First the batches give way that a receipt covers, oldest first. Where the file has its largest
size, the oldest of those follow that no receipt covers, and the `Loss` that names them is written
in the transaction that takes their room. On a full disk nothing is dropped: the change fails.

In: a change and the bytes that it needs. Out: what it made, and what was dropped for it.
Never: a batch dropped that no loss names.
"""

import contextlib
import math
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from edge_agent.errors import SpoolFull
from edge_agent.spool import batches, losses, stream
from edge_agent.spool.batches import Range
from edge_agent.spool.database import SpoolDatabase
from shared_schema.readings import MAX_BATCH_BYTES, Loss

_RESERVE_BYTES: Final = 16 * 1024 * 1024
_RESERVE_PART: Final = 20
"""Of the disk, 16 MiB or a twentieth stay free, so that receipts can be noted on a full one."""
_FORGET_BATCHES: Final = (256, 32, 4)
"""How many covered batches are forgotten at once; forgetting takes a little room too."""
_DROP_PARTS: Final = (64, 8, 2)
"""One in so many of what waits is dropped at once, more where that makes no room."""
Result = TypeVar("Result")
Change = Callable[[sqlite3.Connection, Sequence[Loss]], Result]
"""Writes, within a transaction, the losses that it is given and what it is for."""


@dataclass(frozen=True, slots=True)
class Changed(Generic[Result]):
    """What a change made, and what was dropped to make room for it."""

    result: Result
    losses: tuple[Loss, ...] = ()


def with_room(
    spool: SpoolDatabase, change: Change[Result], size: int, *, keep_reserve: bool, lost: str
) -> Changed[Result]:
    """Make a change for which there may be no room.

    Args:
        spool: the open file.
        change: what to write.
        size: bytes that it needs.
        keep_reserve: whether the disk's reserve must stay.
        lost: what it means where there is no room.

    Raises:
        SpoolFull: there is none; nothing was changed.
        SpoolError: the file fails.
    """
    with spool.in_turn():
        while True:
            with contextlib.suppress(SpoolFull):
                if not keep_reserve or _has_room(spool, size):
                    with spool.transaction() as database:
                        return Changed(change(database, ()))
            if not _forget_covered(spool):
                break
        with spool.reading() as database:
            at_limit = is_at_limit(database, size)
        for part in _DROP_PARTS if at_limit else ():
            with contextlib.suppress(SpoolFull), spool.transaction() as database:
                dropped = drop_oldest(database, part)
                return Changed(change(database, dropped), tuple(dropped))
    raise SpoolFull(
        f"the disk of the spool {spool.path} is full, or the spool has its largest size: {lost}"
    )


def _has_room(spool: SpoolDatabase, size: int) -> bool:
    with spool.reading() as database:
        return has_room(database, spool.path.parent, size)


def _forget_covered(spool: SpoolDatabase) -> bool:
    """Forget the oldest batches that a receipt covers; say whether there were any."""
    for count in _FORGET_BATCHES:
        with contextlib.suppress(SpoolFull), spool.transaction() as database:
            return batches.forget_oldest(database, count) > 0
    return False


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


def drop_oldest(database: sqlite3.Connection, part: int) -> list[Loss]:
    """Drop the oldest batches that no receipt covers, one at least of those that wait.

    Args:
        database: the spool, within a transaction.
        part: one in so many of what waits.

    Returns:
        What has to be stated. A statement that is itself dropped is made again.
    """
    count = math.ceil(batches.waiting(database) / part)
    ranges: list[Range] = []
    last = 0
    for seq, payload in batches.oldest_waiting(database, count):
        ranges += [(seq, seq), *losses.stated(payload)]
        last = seq
    batches.drop_waiting(database, last)
    name = stream.head(database).stream
    return [
        Loss(stream=name, first=first, last=end, reason="spool_full")
        for first, end in losses.joined(ranges)
    ]


def _needed(size: int) -> int:
    return 2 * size + MAX_BATCH_BYTES


def _pragma(database: sqlite3.Connection, name: str) -> int:
    value: int = database.execute(f"PRAGMA {name}").fetchone()[0]
    return value
