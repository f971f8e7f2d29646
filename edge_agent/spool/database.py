# SPDX-License-Identifier: GPL-2.0-only
"""The open file of the spool: one connection, which threads take in turn.

In: an open connection. Out: the connection, lent for reading or within a transaction. Owns the
connection, its lock, and the lock file that keeps other agents away.
Never: a statement about a table; an error of SQLite that reaches a caller.

Raises:
    SpoolFull: nothing more fits; the transaction was rolled back.
    SpoolError: the file fails.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.errors import SpoolError, SpoolFull


class SpoolDatabase:
    """One open file. Every method may be called from any thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock_file: int) -> None:
        self.path = path
        self._connection = connection
        self._lock_file = lock_file
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<SpoolDatabase {self.path}, {'closed' if self._lock_file < 0 else 'open'}>"

    def close(self) -> None:
        """Close the file, and let another agent open it."""
        with self._lock:
            self._connection.close()
            if self._lock_file >= 0:
                os.close(self._lock_file)
                self._lock_file = -1

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Keep other threads out of the file over several steps."""
        with self._lock:
            yield

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for reading.

        Raises:
            SpoolError: the file fails.
        """
        with self._lock, self._errors():
            yield self._connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection for a change that is kept whole or not at all.

        Raises:
            SpoolFull: nothing more fits.
            SpoolError: the file fails.
        """
        with self._lock, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after some errors, a full disk among them.
                if self._connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
                raise SpoolFull(f"the disk of the spool {self.path} is full") from None
            raise SpoolError(f"the spool {self.path} fails: {error}") from None
