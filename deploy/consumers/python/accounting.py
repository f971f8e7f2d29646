# SPDX-License-Identifier: MIT
"""Keep the balance of each tower and month in accounting.db: accounting.py SOCIETY HOST PORT."""

import sqlite3

from link import Message, run


class Accounting:
    """The reconciliations, the highest version of each, by their topic."""

    role = "accounting"
    topics = "reconciliation"

    def __init__(self) -> None:
        self.heard: set[str] = set()
        self.db = sqlite3.connect("accounting.db", check_same_thread=False)
        self.db.execute("""
            CREATE TABLE IF NOT EXISTS balance (
                topic TEXT PRIMARY KEY, month TEXT, tower TEXT, service TEXT, version INTEGER,
                bulk TEXT, units TEXT, common TEXT, loss TEXT, unit TEXT, stands INTEGER)
        """)

    def wish(self) -> None:
        """Ask for nothing: every reconciliation is retained."""
        self.heard.clear()

    def take(self, topic: str, said: Message | None) -> None:
        """Keep a balance, or that a tower has none any more."""
        with self.db:
            if said is None:
                self.db.execute("UPDATE balance SET stands = 0 WHERE topic = ?", (topic,))
            elif said["schema"] == "metering.reconciliation/1":
                self.heard.add(topic)
                self.db.execute(
                    """
                    INSERT INTO balance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
                    ON CONFLICT DO UPDATE SET version = excluded.version, bulk = excluded.bulk,
                        units = excluded.units, common = excluded.common, loss = excluded.loss,
                        unit = excluded.unit, stands = 1
                    WHERE excluded.version >= balance.version
                    """,
                    (
                        *(topic, said["month"], said["tower"], said["service"]),
                        *(said.get("version", 1), said["bulk"], said["units"], said["common"]),
                        *(said["loss"], said["unit"]),
                    ),
                )

    def settle(self) -> None:
        """Take back what was taken back while nobody listened: it is not retained any more."""
        with self.db:
            rows = self.db.execute("SELECT topic FROM balance WHERE stands").fetchall()
            self.db.executemany(
                "UPDATE balance SET stands = 0 WHERE topic = ?",
                [(topic,) for (topic,) in rows if topic not in self.heard],
            )


if __name__ == "__main__":
    run(Accounting())
