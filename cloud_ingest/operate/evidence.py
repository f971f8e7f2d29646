# SPDX-License-Identifier: MIT
"""The care of the evidence, piece by piece: the leader does it beside everything else.

Evidence stays whole for ever, until somebody says for how many closed months. An older month
becomes short: headers stay, and the blocks with a border in them.

In: a connection, the time. Out: how much was done. Never: more than a piece at a time; a block
taken away that nobody said may go.
"""

from datetime import datetime, timedelta

from cloud_ingest.core.month import month_of
from cloud_ingest.operate.upkeep import require_months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.evidence_months import move_batches, oldest_due
from cloud_ingest.store.evidence_short import shorten_piece
from cloud_ingest.store.locks import Lock, lock_if_free
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.retention import set_keep_evidence

PIECE = 500
"""Batches that are moved or shortened in one transaction: 32 MiB at most."""
RESTORED_FOR = timedelta(days=62)
"""So long a month stays whole that a person restored."""


def tend_evidence(conn: Connection, now: datetime) -> int:
    """Do the next piece of what is due, and return how many batches it was; 0: nothing is due.

    Args:
        conn: The store, outside of a transaction.
        now: The time.
    """
    if moved := move_batches(conn, PIECE):
        return moved
    with lock_if_free(conn, Lock.EVIDENCE) as is_ours:  # a restoring may hold it for an hour
        due = oldest_due(conn, now - RESTORED_FOR) if is_ours else None
        if due is None:
            return 0
        zone = open_store(conn).zone
        return shorten_piece(conn, month_of(due.year, due.month, zone), zone, now, PIECE)


def keep_evidence(conn: Connection, months: int | None) -> None:
    """Say how many closed months of evidence stay whole; None: all. `tend_evidence` does it.

    Raises:
        UserError: too few, or more than a store can be old.
    """
    require_months(months)
    set_keep_evidence(conn, months)
