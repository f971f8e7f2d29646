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
import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge_agent.errors import SpoolError, SpoolFull

_PROBE_BYTES: Final = 64 * 1024


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
            kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if kind == sqlite3.SQLITE_FULL or (
                kind == sqlite3.SQLITE_IOERR and is_out_of_room(self.path)
            ):
                raise SpoolFull(f"the disk of the spool {self.path} is full") from None
            raise SpoolError(f"the spool {self.path} fails: {error}") from None


def is_out_of_room(path: Path) -> bool:
    """Tell whether a file may not grow here: SQLite takes a quota or a limit for a broken disk."""
    sizes = [each.stat().st_size for each in path.parent.glob(f"{path.name}*") if each.is_file()]
    probe = path.with_name(f"{path.name}.probe")
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, bytes(_PROBE_BYTES), max(sizes, default=0))
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
    finally:
        probe.unlink(missing_ok=True)
    return False
