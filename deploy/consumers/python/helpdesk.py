# SPDX-License-Identifier: MIT
"""Keep a ticket for each flag of a society in helpdesk.db: helpdesk.py SOCIETY HOST PORT."""

import sqlite3

from link import Message, run


class Helpdesk:
    """The tickets, by the highest version of each flag."""

    role = "helpdesk"
    topics = "events"

    def __init__(self) -> None:
        self.heard: set[str] = set()
        self.db = sqlite3.connect("helpdesk.db", check_same_thread=False)
        self.db.execute("""
            CREATE TABLE IF NOT EXISTS ticket (
                id TEXT PRIMARY KEY, version INTEGER, state TEXT, severity TEXT,
                kind TEXT, tower TEXT, unit TEXT, message TEXT)
        """)

    def wish(self) -> None:
        """Ask for nothing: every open flag is retained."""
        self.heard.clear()

    def take(self, _topic: str, said: Message | None) -> None:
        """Open, change or close the ticket of a flag."""
        if said is None or said["schema"] != "metering.event/1":
            return  # an emptied topic: its last message said that the flag is over
        self.heard.add(said["id"])
        unit = said["unit"] or {"tower": None, "id": None}
        with self.db:
            self.db.execute(
                """
                INSERT INTO ticket VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT DO UPDATE SET version = excluded.version, state = excluded.state,
                    severity = excluded.severity, message = excluded.message
                WHERE excluded.version >= ticket.version
                """,
                (
                    *(said["id"], said["version"], said["state"], said["severity"]),
                    *(said["kind"], unit["tower"], unit["id"], said["message"]),
                ),
            )

    def settle(self) -> None:
        """Close what ended while nobody listened: it is not retained any more."""
        with self.db:
            rows = self.db.execute("SELECT id FROM ticket WHERE state = 'open'").fetchall()
            self.db.executemany(
                "UPDATE ticket SET state = 'cleared' WHERE id = ?",
                [(flag,) for (flag,) in rows if flag not in self.heard],
            )


if __name__ == "__main__":
    run(Helpdesk())
