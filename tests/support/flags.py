# SPDX-License-Identifier: MIT
"""A society with flags, and a listener that keeps what its broker would retain."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.flag import Finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store import outbox
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.event_changes import tell_due
from cloud_ingest.store.events import open_events
from cloud_ingest.store.rows import scalar
from shared_schema.catalogue import Service
from shared_schema.events import Event, EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import LeakEvidence

STARTED = datetime(2026, 11, 20, 12, 7, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNITS = ("A-1", "A-2")


@dataclass
class Listener:
    """What other modules hear of one society, in order."""

    heard: list[Event] = field(default_factory=list)
    retained: dict[str, Event] = field(default_factory=dict)

    def hears(self, topic: str, payload: bytes, *, retain: bool) -> None:
        if not payload:
            self.retained.pop(topic, None)
            return
        event = Event.from_line(payload)
        self.heard.append(event)
        if retain:
            self.retained[topic] = event

    def open(self, unit: str) -> Event | None:
        return next((e for e in self.retained.values() if e.subject.id == unit), None)


class FlaggedSociety:
    """A society whose leak rule finds what a test says."""

    def __init__(self, conn: Connection, name: str) -> None:
        self.conn, self.name, self.now = conn, name, STARTED
        self.id = int(
            scalar(conn, "INSERT INTO society (name) VALUES (%s) RETURNING society_id", (name,))
        )
        self.listener = Listener()

    def finding(
        self,
        unit: str,
        *,
        severity: Severity = Severity.WATCH,
        litres: int = 100,
        since: datetime = STARTED - DAY,
        kind: EventKind = EventKind.LEAK,
    ) -> Finding:
        about = Subject(type=SubjectType.UNIT, id=unit)
        return Finding(
            kind=kind,
            society_id=self.id,
            society=self.name,
            severity=severity,
            subject=about,
            unit=Unit(type=about.type, id=unit, tower="A"),
            service=Service.WATER,
            since=since,
            message=f"Water has not stopped; {litres} L so far.",
            evidence=LeakEvidence(
                manufacturer="M", serial=f"{unit}-7", litres_so_far=Decimal(litres)
            ),
        )

    def install(self, unit: str, *, tower: str) -> None:
        """Give a unit a meter."""
        meter_id = scalar(
            self.conn,
            "INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, 'M', %s)"
            " RETURNING meter_id",
            (self.id, f"{unit}-7"),
        )
        self.conn.execute(
            "INSERT INTO assignment (society_id, tower, subject_type, subject, label, service,"
            " source, meter_id, valid_from, author, reason, recorded_at)"
            " VALUES (%s, %s, 'unit', %s, %s, 'water', 'inlet', %s, now(), 'me', 'r', now())",
            (self.id, tower, unit, unit, meter_id),
        )

    def judge(self, *findings: Finding) -> Changes:
        """Let the rule judge every unit, and the listener hear of it."""
        opened = [e for e in open_events(self.conn, EventKind.LEAK) if e.society_id == self.id]
        judged = {flag.key for flag in opened}
        changes = settle(
            self.conn, opened, findings, judged=judged, now=self.now, ended="it ran dry"
        )
        self.deliver()
        return changes

    def wait(self, duration: timedelta) -> None:
        self.now += duration
        tell_due(self.conn, self.now)
        self.deliver()

    def deliver(self) -> None:
        due = outbox.hand_out(self.conn, self.now)
        outbox.mark_published(self.conn, [each.outbox_id for each in due], self.now)
        for each in due:
            self.listener.hears(each.topic, each.payload, retain=each.retain)
