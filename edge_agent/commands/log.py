# SPDX-License-Identifier: GPL-2.0-only
"""The log of commands: which were taken, and which answers the broker has not taken yet.

In: the id of a command before it is run; its result afterwards. Out: whether it is new; the
results that the broker has not taken. It owns the table ``command`` of the spool's file.
Never: an id forgotten while its command could still be run; a decision.
"""

from datetime import datetime
from uuid import UUID

from edge_agent.spool.spool import Spool


class CommandLog:
    """The memory of commands; every method may be called from any thread."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def begin(self, command: UUID, expires_at: datetime) -> bool:
        """Note a command before it is run.

        Returns:
            False where it was noted before: it must not run again. Its result, if there is one,
            is sent again, because the cloud asks.

        Raises:
            SpoolError: it cannot be noted, and so must not be run.
        """
        with self._spool.transaction() as database:
            made = database.execute(
                "INSERT OR IGNORE INTO command (id, expires_at) VALUES (?, ?)",
                (str(command), int(expires_at.timestamp())),
            ).rowcount
            if not made:
                database.execute("UPDATE command SET sent = 0 WHERE id = ?", (str(command),))
        return made > 0

    def finish(self, command: UUID, payload: bytes) -> None:
        """Keep the result of a command until the broker has it."""
        with self._spool.transaction() as database:
            database.execute(
                "UPDATE command SET result = ?, sent = 0 WHERE id = ?", (payload, str(command))
            )

    def unanswered(self) -> list[UUID]:
        """Return the commands without a result: at a start, what was cut off."""
        with self._spool.reading() as database:
            rows = database.execute("SELECT id FROM command WHERE result IS NULL").fetchall()
        return [UUID(row[0]) for row in rows]

    def unsent(self, limit: int = 8) -> list[tuple[UUID, bytes]]:
        """Return results that the broker has not taken."""
        with self._spool.reading() as database:
            rows = database.execute(
                "SELECT id, result FROM command WHERE result IS NOT NULL AND sent = 0 LIMIT ?",
                (limit,),
            ).fetchall()
        return [(UUID(row[0]), row[1]) for row in rows]

    def sent(self, command: UUID) -> None:
        """Note that the broker has taken a result."""
        with self._spool.transaction() as database:
            database.execute("UPDATE command SET sent = 1 WHERE id = ?", (str(command),))

    def prune(self, now: datetime) -> None:
        """Forget what has expired and was answered: it can never be run again."""
        with self._spool.transaction() as database:
            database.execute(
                "DELETE FROM command WHERE expires_at < ? AND sent = 1", (int(now.timestamp()),)
            )
