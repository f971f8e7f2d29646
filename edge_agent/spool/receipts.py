# SPDX-License-Identifier: GPL-2.0-only
"""Receipts: what the store's word changes in the spool.

A receipt ends the waiting of the batches that it names. A store id that differs from the last one
means that the older store is gone: everything that is still kept, and that this receipt does not
name, waits again. A late receipt of the older store changes nothing.

In: the spool's database, a receipt whose signature was verified. Out: what it changed.
Never: a batch forgotten; a stream forked by a spool that is an older copy of itself.
"""

import contextlib
import sqlite3
from dataclasses import dataclass

from edge_agent.errors import SpoolError, SpoolFull
from edge_agent.spool import batches, stream
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.stream import Store
from shared_schema.gateway import Receipt


@dataclass(frozen=True, slots=True)
class Applied:
    """What a receipt changed."""

    covered: int = 0
    """Batches that were waiting and are stored now."""
    new_store: bool = False
    """Another store answers: everything that it does not name waits again."""
    ignored: str = ""
    """Why the receipt is not for this spool, or is older than one that was applied."""


def apply_receipt(spool: SpoolDatabase, receipt: Receipt) -> Applied:
    """Take the store's word for what it has.

    Raises:
        SpoolFull: the disk is full; the receipt is not noted and will come again.
        SpoolError: the cloud has batches of this stream that this file never made: it is an
            older copy of the spool, and would fork the stream. The next start sets it aside.
    """
    with spool.in_turn():
        return _apply(spool, receipt)


def _apply(spool: SpoolDatabase, receipt: Receipt) -> Applied:
    with spool.reading() as database:
        head, former = stream.head(database), stream.store(database)
        is_news = batches.is_any_waiting(database, receipt.ranges)
    if receipt.stream != head.stream:
        return Applied(ignored="another stream")
    if receipt.ranges and receipt.ranges[-1][1] > head.seq:
        with contextlib.suppress(SpoolFull), spool.transaction() as database:
            stream.supersede(database)
        raise SpoolError(
            f"the spool {spool.path} is an older copy of itself: the cloud has batches up "
            f"to {receipt.ranges[-1][1]}, it made {head.seq}; restart to begin a new stream"
        )
    is_new = former is not None and former.id != receipt.store
    if is_new and former is not None and receipt.at <= former.at:
        return Applied(ignored="an earlier store")
    if not (is_news or is_new or former is None):
        return Applied()
    with spool.transaction() as database:
        return Applied(covered=_take(database, receipt, is_new=is_new), new_store=is_new)


def _take(database: sqlite3.Connection, receipt: Receipt, *, is_new: bool) -> int:
    if is_new:
        batches.let_all_wait(database)
    covered = batches.cover(database, receipt.ranges)
    stream.note_store(database, Store(receipt.store, receipt.at))
    return covered
