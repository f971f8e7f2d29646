# SPDX-License-Identifier: MIT
"""The flags: each change of one goes into the outbox in the same transaction.

While a flag is open its message is retained on its topic. Its last word is sent to those who
listen, and then the topic is emptied.

In: a decision of `cloud_ingest.flags.lifecycle`. Out: rows, and the messages that other
modules get.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.outbox import enqueue
from cloud_ingest.store.rows import all_rows
from shared_schema.events import (
    Acknowledgement,
    Event,
    EventKind,
    Subject,
    SubjectType,
    Unit,
)
from shared_schema.topics import event_topic


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A flag, and the id of its society."""

    society_id: int
    event: Event


@translating
def open_events(conn: Connection, kind: EventKind) -> list[StoredEvent]:
    """Return the open flags of a kind, in all societies."""
    return all_rows(conn, _stored_event, query("event/open"), (kind,))


@translating
def list_events(
    conn: Connection,
    *,
    society: str | None = None,
    state: str | None = "open",
    limit: int = 1000,
) -> list[StoredEvent]:
    """Return flags, newest first; None stands for any."""
    arguments = {"society": society, "state": state, "limit": limit}
    return all_rows(conn, _stored_event, query("event/list"), arguments)


@translating
def raise_event(conn: Connection, society_id: int, event: Event) -> bool:
    """Open a flag and send it, unless one is open for the same thing already."""
    with conn.transaction():
        columns = {**_columns(event), "society_id": society_id}
        row = conn.execute(query("event/raise"), columns).fetchone()
        if row is not None:
            enqueue(conn, _topic(event), event.to_line(), retain=True)
    return row is not None


@translating
def change_event(conn: Connection, event: Event) -> bool:
    """Send a flag's new word: it began earlier than was known, or it is over."""
    with conn.transaction():
        row = conn.execute(query("event/change"), _columns(event)).fetchone()
        if row is not None:
            still_open = event.state == "open"
            enqueue(conn, _topic(event), event.to_line(), retain=still_open)
            if not still_open:
                enqueue(conn, _topic(event), b"", retain=True)
    return row is not None


def _topic(event: Event) -> str:
    return event_topic(event.society, event.kind, event.subject, event.service)


def _columns(event: Event) -> dict[str, Any]:
    unit = event.unit
    return {
        "id": event.id,
        "kind": event.kind,
        "severity": event.severity,
        "subject_type": event.subject.type,
        "subject": event.subject.id,
        "service": event.service,
        "unit_type": unit and unit.type,
        "unit": unit and unit.id,
        "tower": unit and unit.tower,
        "state": event.state,
        "since": event.since,
        "raised_at": event.raised_at,
        "cleared_at": event.cleared_at,
        "message": event.message,
        "evidence_schema": event.evidence_schema,
        "evidence": Jsonb(event.evidence),
    }


def _stored_event(
    *,
    event_id: UUID,
    society_id: int,
    subject_type: str,
    subject: str,
    unit_type: str | None,
    unit: str | None,
    tower: str | None,
    acknowledged_by: str | None,
    acknowledged_at: datetime | None,
    **columns: Any,
) -> StoredEvent:
    about = Subject(type=SubjectType(subject_type), id=subject)
    whose = unit_type and unit and Unit(type=SubjectType(unit_type), id=unit, tower=tower)
    seen = acknowledged_by and Acknowledgement(by=acknowledged_by, at=acknowledged_at)
    return StoredEvent(
        society_id,
        Event(id=event_id, subject=about, unit=whose, acknowledged=seen, **columns),
    )
