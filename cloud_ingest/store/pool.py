# SPDX-License-Identifier: MIT
"""A few connections for many requests: each is lent to one at a time.

A connection is opened when it is first needed. Whoever finds all of them lent waits for `WAIT_S`
and is then told to come again. A connection that broke, or that comes back within a transaction, is
closed, and its place is free for a new one.

In: a DSN. Out: connections with a bound on each statement. Owns: the connections. Safe in threads.
"""

import contextlib
import queue
from collections.abc import Iterator
from typing import Final

from psycopg.pq import TransactionStatus

from cloud_ingest.errors import StoreUnavailable
from cloud_ingest.store.connection import Connection, connect, translated

WAIT_S: Final = 5.0
STATEMENT_S: Final = 30
"""How long one statement may run."""
LOCK_S: Final = 10
"""How long one waits for a lock."""


class Pool:
    """At most ``size`` connections to one store."""

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._size = size
        self._places: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._places.put(None)

    def __repr__(self) -> str:
        return f"<Pool {self._places.qsize()} of {self._size} free>"

    @contextlib.contextmanager
    def lend(self, *, read_only: bool) -> Iterator[Connection]:
        """Lend a connection for the time of the block.

        Raises:
            StoreUnavailable: all are lent for too long, or no server answers.
            ConfigurationError: the server refuses us.
        """
        try:
            kept = self._places.get(timeout=WAIT_S)
        except queue.Empty:
            raise StoreUnavailable(
                f"all {self._size} connections to the database are in use: try again in a moment"
            ) from None
        try:
            kept = self._ready(kept, read_only=read_only)
            yield kept
        finally:
            self._places.put(_again(kept))

    def _ready(self, kept: Connection | None, *, read_only: bool) -> Connection:
        """Return a connection that answers, with the bounds of this loan."""
        if kept is not None:
            try:
                _bound(kept, read_only=read_only)
            except StoreUnavailable:  # the server was restarted since
                kept.close()
            else:
                return kept
        fresh = connect(self._dsn)
        _bound(fresh, read_only=read_only)
        return fresh

    def close(self) -> None:
        """Close every connection that is not lent."""
        with contextlib.suppress(queue.Empty):
            while True:
                if (kept := self._places.get_nowait()) is not None:
                    kept.close()


def _bound(conn: Connection, *, read_only: bool) -> None:
    with translated():
        conn.execute(
            """
            SELECT set_config('statement_timeout', %s, false),
                   set_config('lock_timeout', %s, false),
                   set_config('idle_in_transaction_session_timeout', %s, false),
                   set_config('default_transaction_read_only', %s, false)
            """,
            (f"{STATEMENT_S}s", f"{LOCK_S}s", f"{STATEMENT_S}s", "on" if read_only else "off"),
        )


def _again(conn: Connection | None) -> Connection | None:
    """Return a connection that may be lent again; None: its place is empty."""
    if conn is None or conn.closed:
        return None
    if conn.info.transaction_status != TransactionStatus.IDLE:
        conn.close()
        return None
    return conn
