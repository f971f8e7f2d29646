# SPDX-License-Identifier: GPL-2.0-only
"""Receipts: what the store's word changes in the spool.

A receipt ends the waiting of the batches that it names. A store id that differs from the last one
means that the older store is gone: everything that is still kept, and that this receipt does not
name, waits again. A late receipt of the older store changes nothing.

A receipt names what it covers by hash, too. Where a hash is not that of this file's own header, or
the store has batches that this file never made, something else uses the same key and stream: a
second gateway with a copy of both, or this file is an older copy of itself. What waits is then
sealed again under a new stream, so that nothing is forgotten that is not stored as it was sent.

In: the spool's database, a receipt whose signature was verified. Out: what it changed.
Never: a batch forgotten; a stream that two go on with.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.spool import batches, counters, stream, unsealed
from edge_agent.spool.batches import Range
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.stream import Head, Store
from shared_schema.gateway import Receipt


@dataclass(frozen=True, slots=True)
class Applied:
    """What a receipt changed."""

    covered: int = 0
    """Batches that were waiting and are stored now."""
    new_store: bool = False
    """Another store answers: everything that it does not name waits again."""
    forked: bool = False
    """Something else uses the stream: what waits is sealed again under a new one."""
    ignored: str = ""
    """Why the receipt is not for this spool, or is older than one that was applied."""


def apply_receipt(spool: SpoolDatabase, receipt: Receipt) -> Applied:
    """Take the store's word for what it has.

    Raises:
        SpoolFull: the disk is full; the receipt is not noted and will come again.
    """
    with spool.in_turn():
        return _apply(spool, receipt)


def _apply(spool: SpoolDatabase, receipt: Receipt) -> Applied:
    with spool.reading() as database:
        head, former = stream.head(database), stream.store(database)
        is_news = batches.is_any_waiting(database, receipt.ranges)
    if receipt.stream != head.stream:
        return Applied(ignored="another stream")
    is_ahead = bool(receipt.ranges) and receipt.ranges[-1][1] > head.seq
    is_new = former is not None and former.id != receipt.store
    if is_new and former is not None and receipt.at <= former.at:
        return Applied(ignored="an earlier store")
    if not (is_news or is_ahead or is_new or former is None):
        return Applied()
    with spool.transaction() as database:
        return _take(database, receipt, head, is_new=is_new)


def _take(database: sqlite3.Connection, receipt: Receipt, head: Head, *, is_new: bool) -> Applied:
    if is_new:
        batches.let_all_wait(database, stream.left_at(database))
    own: list[Range] = []
    is_forked = False
    for first, last, header_hash in _pieces(receipt):
        if last > head.seq:
            is_forked = True
        elif batches.is_any_waiting(database, [(first, last)]):
            if _is_own(database, head, last, header_hash):
                own.append((first, last))
            else:
                is_forked = True
    covered = batches.cover(database, own)
    stream.note_store(database, Store(receipt.store, receipt.at))
    if is_forked:
        stream.leave(database, receipt.at)
        unsealed.gather_again(database)
        counters.doubt_all(database)
    return Applied(covered=covered, new_store=is_new, forked=is_forked)


def _pieces(receipt: Receipt) -> Iterator[tuple[int, int, str | None]]:
    """Yield the parts of the ranges that one head covers, with its hash; None: without a head."""
    ends = [seq for seq, _ in receipt.heads]
    hashes = dict(receipt.heads)
    for first, last in receipt.ranges:
        begin = first
        for end in (*ends[bisect_left(ends, first) : bisect_left(ends, last)], last):
            yield begin, end, hashes.get(end)
            begin = end + 1


def _is_own(database: sqlite3.Connection, head: Head, seq: int, header_hash: str | None) -> bool:
    """Say whether a stored header is this file's own.

    A header that is no longer kept was covered by this very store before, by its hash.
    """
    own = head.header_hash if seq == head.seq else batches.header_hash(database, seq)
    return header_hash is None or own is None or own == header_hash
