# SPDX-License-Identifier: GPL-2.0-only
"""How the gateway's own clock stood when it was believed last, kept over a restart of the agent.

In: a stand of the clock. Out: the last one, and the time of the newest reading. Owns the table
``own_clock`` of the spool's file.
Never: a decision about the clock: `gateway_clock` takes it.
"""

import contextlib
import sqlite3

from edge_agent.errors import SpoolFull
from edge_agent.gateway_clock import Believed, Stand
from edge_agent.spool.spool import Spool


def believed(database: sqlite3.Connection) -> Believed:
    """Return what was believed last; of a file of an earlier program only the newest reading."""
    stand = None
    if database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'own_clock'").fetchone():
        row = database.execute("SELECT boot, ahead_s FROM own_clock").fetchone()
        stand = None if row is None else Stand(row[0], row[1])
    newest = database.execute(
        "SELECT max(ifnull((SELECT max(created_at) FROM batch), 0),"
        " ifnull((SELECT max(at) FROM gathered), 0))"
    ).fetchone()[0]
    return Believed(stand, newest)


def keep(spool: Spool, stand: Stand) -> None:
    """Keep a stand; on a full disk it is kept for this run alone.

    Raises:
        SpoolError: the spool fails.
    """
    with contextlib.suppress(SpoolFull), spool.transaction() as database:
        database.execute(
            "INSERT OR REPLACE INTO own_clock VALUES (1, ?, ?)", (stand.boot, stand.ahead_s)
        )
