# SPDX-License-Identifier: MIT
"""Which versions of the program serve a store now.

A worker has a version: the number of the last migration that it knows. One of its sessions holds a
shared lock with that number as long as it lives, so a worker that was killed serves no more.

In: a session. Out: the versions of the workers. Never: the version of a command that a person runs.
"""

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.migration import newest


@translating
def serve_as_this_version(conn: Connection) -> None:
    """Let this session tell that a worker of this version serves."""
    conn.execute("SELECT pg_advisory_lock_shared(%s::int, %s::int)", (Lock.SERVING, newest()))


@translating
def versions_that_serve(conn: Connection) -> dict[int, int]:
    """Return how many workers of each version serve now."""
    rows = conn.execute(query("migration/serving"), {"serving": Lock.SERVING})
    return dict(rows)
