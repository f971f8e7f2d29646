# SPDX-License-Identifier: GPL-2.0-only
"""The invocation counters of a gateway's meters: the spool has a number before it is sent.

In: the place of a meter, and how many numbers are about to be used. Out: the first of them.
Owns the table ``invocation_counter`` of the spool's file.
Never: a counter lowered.
"""

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from edge_agent.dlms.invocation_counter import Place
from edge_agent.errors import NoCounter, SpoolFull

if TYPE_CHECKING:
    from edge_agent.spool.spool import Spool


def doubt_all(database: sqlite3.Connection) -> None:
    """Let each meter be asked for its counter again: the spool may be an older copy of itself."""
    database.execute("UPDATE invocation_counter SET sure = 0")


class SpoolCounters:
    """Counters of a gateway, kept in its spool."""

    def __init__(self, spool: "Spool") -> None:
        self._spool = spool

    def reserve(self, place: Place, above: int, count: int) -> int:
        """Keep that numbers are used; they are on disk when this returns.

        Raises:
            NoCounter: the disk is full; nothing is reserved.
            SpoolError: the spool fails.
        """
        try:
            with self._spool.transaction() as database:
                row = database.execute(
                    "INSERT INTO invocation_counter VALUES (?, ?, ?, ?, ? + 1 + ?, 0)"
                    " ON CONFLICT DO UPDATE SET next = max(next, ? + 1) + ? RETURNING next",
                    (*place, above, count, above, count),
                ).fetchone()
        except SpoolFull:
            raise NoCounter(
                f"bus {place[0]}, address {place[2]}: the disk is full: no invocation counter "
                "can be kept, and none is used that is not kept"
            ) from None
        return int(row[0]) - count

    def is_sure(self, place: Place) -> bool:
        """Return whether the place has a counter that its meter took last time."""
        with self._spool.reading() as database:
            row = database.execute(
                "SELECT sure FROM invocation_counter WHERE bus = ? AND logical_address = ?"
                " AND address = ? AND client = ?",
                place,
            ).fetchone()
        return row is not None and bool(row[0])

    def mark(self, place: Place, *, sure: bool) -> None:
        """Keep whether the meter took the counter; on a full disk it is asked once more."""
        with contextlib.suppress(SpoolFull), self._spool.transaction() as database:
            database.execute(
                "UPDATE invocation_counter SET sure = ? WHERE bus = ? AND logical_address = ?"
                " AND address = ? AND client = ?",
                (int(sure), *place),
            )
