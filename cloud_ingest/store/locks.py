# SPDX-License-Identifier: MIT
"""The advisory locks of a store: what only one session at a time does in a database.

In: a connection and a `Lock`. Out: the lock, held by the session. Each purpose has a number of its
own.
"""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import IntEnum, unique

from cloud_ingest.store.connection import Connection, translated, translating
from cloud_ingest.store.rows import scalar

LOCK_AGAIN_S = 0.05


@unique
class Lock(IntEnum):
    """A lock by its purpose; each has a number of its own."""

    MIGRATION = 0x696F7455
    ROLLUP = 0x696F7456
    """Refresh, recomputation, retention."""
    CLOSING = 0x696F7457
    """Of a month."""
    ELECTION = 0x696F7458
    """Of another claim, within a transaction."""
    LEADER = 0x696F7459
    """Held by the session of the worker that does all that follows from readings."""
    ACTING = 0x696F745B
    """Shared by the sessions that act for a leader, with the number of its worker."""
    SERVING = 0x696F7466
    """Shared by the workers that serve a store, with the number of their version."""
    RULES = 0x696F7462
    """Of what the rules remember of registers, within a transaction."""
    FLAG = 0x696F745A
    """Of the flags of one kind and subject, within a transaction."""
    CHAIN = 0x696F7463
    """Of the links of some streams, at the end of a transaction that adds batches."""
    BINDING = 0x696F7464
    """Of meters to gateways, within a transaction."""
    EVIDENCE = 0x696F7465
    """Of the months of evidence that are written anew."""
    SELF_READ = 0x696F7467
    """Of what residents send and what is decided of it, within a transaction."""
    HAND_ENTRY = 0x696F746A
    """Of what persons enter of what came in, within a transaction."""
    PARTITION = 0x697F7457
    """The store's function ``make_reading_partition`` takes it."""
    EVIDENCE_PART = 0x697F7458
    """The store's functions take it that make and swap parts of ``evidence``."""


@contextmanager
def advisory_lock(conn: Connection, lock: Lock) -> Iterator[None]:
    """Hold a lock for the block, and wait for it first.

    It asks again and again: a statement that waits holds a snapshot, and the
    ``CREATE INDEX CONCURRENTLY`` of the session that has the lock would wait for that.
    """
    with translated():
        while not try_lock(conn, lock):
            time.sleep(LOCK_AGAIN_S)
        try:
            yield
        finally:
            if not conn.closed:
                conn.execute("SELECT pg_advisory_unlock(%s)", (lock,))


@contextmanager
def lock_if_free(conn: Connection, lock: Lock) -> Iterator[bool]:
    """Hold a lock for the block, unless another session holds it; say whether it is ours."""
    is_ours = try_lock(conn, lock)
    try:
        yield is_ours
    finally:
        if is_ours and not conn.closed:
            with translated():
                conn.execute("SELECT pg_advisory_unlock(%s)", (lock,))


@translating
def try_lock(conn: Connection, lock: Lock) -> bool:
    """Take a lock unless another session holds it; say whether it is ours now."""
    return bool(scalar(conn, "SELECT pg_try_advisory_lock(%s)", (lock,)))


@translating
def lock_in_transaction(conn: Connection, lock: Lock) -> None:
    """Wait for a lock and hold it until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(%s)", (lock,))


@translating
def lock_each_in_transaction(conn: Connection, lock: Lock, keys: Collection[int]) -> None:
    """Wait for the locks of some keys (32 bits), and hold them until the transaction ends."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(%s::int, key) FROM unnest(%s::int[]) AS key",
        (lock, sorted(keys)),
    )
