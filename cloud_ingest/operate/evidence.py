# SPDX-License-Identifier: MIT
"""The care of the evidence, piece by piece: the leader does it beside everything else.

In: a connection, the time. Out: how much was done. Never: more than a piece at a time.
"""

from datetime import datetime

from cloud_ingest.store.connection import Connection
from cloud_ingest.store.evidence_months import move_batches

PIECE = 1000
"""Batches that are moved or shortened in one transaction."""


def tend_evidence(conn: Connection, _: datetime) -> int:
    """Do the next piece of what is due, and return how many batches it was; 0: nothing is due.

    Args:
        conn: The store, outside of a transaction.
        _: The time.
    """
    return move_batches(conn, PIECE)
