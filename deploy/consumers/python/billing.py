# SPDX-License-Identifier: MIT
"""Keep the verified numbers of a society in billing.db: billing.py SOCIETY HOST PORT.

A quantity that is null was taken back; what is ``provisional`` waits for its final number. It bills
nothing: a number that changes after it was billed is printed, and the difference goes into the next
bill.
"""

import sqlite3

from link import Message, run

NUMBERS = {"metering.monthly-consumption/1", "metering.monthly-withdrawal/1"}
IDENTITY = ("month", "subject", "service", "version")


class Billing:
    """The numbers, the highest version of each, and what the manifests say is to come."""

    role = "billing"
    topics = "billing"

    def __init__(self) -> None:
        self.manifests: dict[str, Message] = {}
        self.db = sqlite3.connect("billing.db", check_same_thread=False)
        self.db.execute("""
            CREATE TABLE IF NOT EXISTS number (
                month TEXT, type TEXT, subject TEXT, service TEXT, version INTEGER,
                quantity TEXT, unit TEXT, status TEXT, quality TEXT, closed_at TEXT,
                PRIMARY KEY (month, type, subject, service))
        """)

    def wish(self) -> Message:
        """Ask for all that was closed since the newest that is here; of an empty table for all."""
        (newest,) = self.db.execute("SELECT max(closed_at) FROM number").fetchone()
        return {
            "schema": "metering.billing-request/1",
            "since": newest or "1970-01-01T00:00:00Z",
        }

    def take(self, _topic: str, said: Message | None) -> Message | None:
        """Keep a number, or that it was taken back, and return its acknowledgement."""
        if said is None:
            return None
        answer = None
        if said["schema"] in NUMBERS:
            self._keep(said)
            named = {name: said[name] for name in IDENTITY}
            answer = {"schema": "metering.billing-ack/1", **named}
        elif said["schema"] == "metering.billing-manifest/1":
            known = self.manifests.get(said["month"], {})
            if said.get("version", 1) >= known.get("version", 1):
                self.manifests[said["month"]] = said
        else:
            print(f"passed over: {said['schema']}", flush=True)
        if manifest := self.manifests.get(said.get("month", "")):
            print(
                f"{manifest['month']}: {len(manifest['entries'])} numbers, "
                f"{self._lacking(manifest)} still to come, {len(manifest['withheld'])} withheld",
                flush=True,
            )
        return answer

    def settle(self) -> None:
        """Nothing: what is not retained is asked for."""

    def _keep(self, said: Message) -> None:
        subject = said["subject"]
        key = (said["month"], subject["type"], subject["id"], said["service"])
        with self.db:
            row = self.db.execute(
                "SELECT version, quantity FROM number "
                "WHERE (month, type, subject, service) = (?, ?, ?, ?)",
                key,
            ).fetchone()
            if row is not None and row[0] >= said["version"]:
                return  # it came again, or late
            self.db.execute(
                "INSERT OR REPLACE INTO number VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *key,
                    said["version"],
                    said.get("quantity"),
                    said.get("unit"),
                    said.get("status"),
                    said.get("quality"),
                    said["closed_at"],
                ),
            )
        if row is not None:
            named = f"{subject['id']} {said['service']} {said['month']}"
            print(f"corrected: {named}: {row[1]} -> {said.get('quantity')}", flush=True)

    def _lacking(self, manifest: Message) -> int:
        rows = self.db.execute(
            "SELECT type, subject, service, version FROM number WHERE month = ?",
            (manifest["month"],),
        )
        known = {(kind, subject, service): version for kind, subject, service, version in rows}
        return sum(
            known.get((each["subject"]["type"], each["subject"]["id"], each["service"]), 0)
            < each["version"]
            for each in manifest["entries"] + manifest["withdrawn"]
        )


if __name__ == "__main__":
    run(Billing())
