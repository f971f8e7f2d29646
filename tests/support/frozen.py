# SPDX-License-Identifier: MIT
"""A database that hangs, as on a server whose disk does not answer."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_ingest.store.connection import Connection
from cloud_ingest.store.rows import scalars


@contextmanager
def frozen_sessions(conn: Connection) -> Iterator[None]:
    """Let every other session of the database hang."""
    backends = scalars(
        conn,
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend'",
    )
    try:
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
