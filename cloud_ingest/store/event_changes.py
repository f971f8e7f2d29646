# SPDX-License-Identifier: MIT
"""Changes of flags: each in one transaction with its record, and with what listeners are told.

While a flag is open its message is retained on its topic. Its last word is sent to those who
listen, and then the topic is emptied. A webhook gets the same messages.

Who changes a flag holds the lock of its slot (society, kind, subject) from before it is read, so
that a mute and a finding of the same moment see each other.

In: a finding, or a person's word. Out: rows, and messages in the outbox. `cloud_ingest.core.flag`
decides what is told.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from cloud_ingest.core.flag import (
    Change,
    Finding,
    Flag,
    Mute,
    Slot,
    cleared,
    found_again,
    is_same,
    raised,
    speak,
)
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.events import list_events
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.outbox import enqueue
from cloud_ingest.store.rows import scalar, scalars
from shared_schema.events import Event
from shared_schema.topics import event_topic

TOLD_AT_ONCE = 500
"""How many flags one call of `tell_due` looks at."""


@translating
def put_finding(conn: Connection, finding: Finding, now: datetime) -> bool:
    """Write what a rule found: a new flag, one that is open again, or news of an open one.

    Returns:
        Whether a flag was raised.
    """
    with conn.transaction():
        _lock(conn, finding.slot)
        finding = _with_tower(conn, finding)
        flag = _newest(conn, finding)
        if flag is None or not is_same(flag, now):
            new = raised(finding, uuid4(), now)
            conn.execute(query("event/put"), _columns(new))
            _write(conn, _read(conn, new.event.id), Change.RAISED, now)  # read with its mute
            return True
        was_open = flag.event.state == "open"
        if not was_open or flag.would_change(finding):
            what = Change.UPDATED if was_open else Change.RAISED_AGAIN
            _write(conn, found_again(flag, finding), what, now)
        return not was_open


@translating
def clear_flag(conn: Connection, flag: Flag, why: str, now: datetime) -> bool:
    """Write that a flag is over; False where it was already."""

    def clear(stored: Flag) -> Flag | None:
        return cleared(stored, why, now) if stored.event.state == "open" else None

    return change_flag(conn, flag, clear, Change.CLEARED, reason=why, now=now) is not None


@translating
def change_flag(
    conn: Connection,
    flag: Flag,
    change: Callable[[Flag], Flag | None],
    what: Change,
    *,
    author: str | None = None,
    reason: str = "",
    now: datetime,
) -> Flag | None:
    """Change a flag as it is stored now.

    Args:
        conn: A connection.
        flag: As the caller has read it.
        change: Gets it as it is stored now, and returns what becomes of it; None leaves it.
        what: What happens to it.
        author: Who does it; None: the rules.
        reason: Why.
        now: The time.

    Returns:
        The flag afterwards; None where it was left.
    """
    with conn.transaction():
        _lock(conn, flag.slot)
        changed = change(_read(conn, flag.event.id))
        if changed is None:
            return None
        return _write(conn, changed, what, now, author=author, reason=reason)


@translating
def put_mute(conn: Connection, society_id: int, mute: Mute) -> int:
    """Mute a kind of flag of a subject, in place of the mute that lasts.

    Returns:
        How many open flags listeners are not told of any more.
    """
    slot = (society_id, mute.kind, mute.subject.type, mute.subject.id)
    with conn.transaction():
        _lock(conn, slot)
        _end_mute(conn, slot, mute.by, mute.reason, mute.created_at)
        conn.execute(
            """
            INSERT INTO event_mute (society_id, kind, subject_type, subject, until, author, reason,
                                    created_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (*slot, mute.until, mute.by, mute.reason, mute.created_at),
        )
        told = {"author": mute.by, "reason": mute.reason}
        return _write_open(conn, slot, Change.MUTED, mute.created_at, **told)


@translating
def end_mute(conn: Connection, slot: Slot, by: str, reason: str, now: datetime) -> int | None:
    """End a mute before its date.

    Returns:
        How many open flags listeners are told of again; None where there is no mute.
    """
    with conn.transaction():
        _lock(conn, slot)
        if not _end_mute(conn, slot, by, reason, now):
            return None
        return _write_open(conn, slot, Change.UNMUTED, now, author=by, reason=reason)


@translating
def tell_due(conn: Connection, now: datetime) -> int:
    """Tell what had to wait: the news of open flags, and those whose mute has ended.

    Returns:
        How many flags were told.
    """
    conn.execute(
        "UPDATE event_mute SET ended_at = until WHERE ended_at IS NULL AND until <= %s", (now,)
    )
    due = scalars(
        conn,
        "SELECT event_id FROM event WHERE tell_at <= %s ORDER BY tell_at LIMIT %s",
        (now, TOLD_AT_ONCE),
    )
    return sum(_tell(conn, event_id, now) for event_id in due)


def _tell(conn: Connection, event_id: UUID, now: datetime) -> bool:
    with conn.transaction():
        flag = _read(conn, event_id)
        _lock(conn, flag.slot)
        flag = _read(conn, event_id)
        is_told = flag.told is not None and flag.told.state == "open"
        if is_told:
            done = _write(conn, flag, Change.UPDATED, now)
        else:
            done = _write(conn, flag, Change.UNMUTED, now, reason="the end of the mute has come")
        return done.told != flag.told


def _write_open(conn: Connection, slot: Slot, what: Change, now: datetime, **said: Any) -> int:
    ids = scalars(
        conn,
        """
        SELECT event_id FROM event
        WHERE state = 'open' AND society_id = %(society_id)s AND kind = %(kind)s
          AND subject_type = %(subject_type)s AND subject = %(subject)s
        """,
        _slot(slot),
    )
    for event_id in ids:
        _write(conn, _read(conn, event_id), what, now, **said)
    return len(ids)


def _write(
    conn: Connection,
    flag: Flag,
    what: Change,
    now: datetime,
    *,
    author: str | None = None,
    reason: str = "",
) -> Flag:
    """Write a flag, send what listeners are told of it, and record the change."""
    spoken = speak(flag, now)
    message = spoken.message
    conn.execute(query("event/put"), _columns(spoken.flag))
    if message is not None:
        _send(conn, message, now)
    if message is not None or what is not Change.UPDATED:
        conn.execute(
            """
            INSERT INTO event_change (event_id, at, what, author, reason, version, message)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            """,
            (
                flag.event.id,
                now,
                what,
                author,
                reason or spoken.why,
                message and message.version,
                flag.event.message,
            ),
        )
    return spoken.flag


def _send(conn: Connection, message: Event, now: datetime) -> None:
    topic = event_topic(message.society, message.kind, message.subject, message.service)
    still_open = message.state == "open"
    line = message.to_line()
    enqueue(conn, topic, line, retain=still_open)
    if not still_open:
        enqueue(conn, topic, b"", retain=True)
    conn.execute(
        query("event/to_webhooks"),
        {**_names(message), "severity": message.severity, "payload": line, "now": now},
    )


def _lock(conn: Connection, slot: Slot) -> None:
    conn.execute(
        "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (Lock.FLAG, "\n".join(map(str, slot)))
    )


def _read(conn: Connection, event_id: UUID) -> Flag:
    (flag,) = list_events(conn, ids=[event_id], state=None)
    return flag


def _newest(conn: Connection, finding: Finding) -> Flag | None:
    arguments = {**_slot(finding.slot), "service": finding.service}
    found = scalars(conn, query("event/newest"), arguments)
    return _read(conn, found[0]) if found else None


def _end_mute(conn: Connection, slot: Slot, by: str, reason: str, now: datetime) -> bool:
    arguments = {**_slot(slot), "author": by, "reason": reason, "now": now}
    ended = conn.execute(
        """
        UPDATE event_mute SET ended_at = %(now)s, ended_by = %(author)s, ended_reason = %(reason)s
        WHERE society_id = %(society_id)s AND kind = %(kind)s AND subject_type = %(subject_type)s
          AND subject = %(subject)s AND ended_at IS NULL
        """,
        arguments,
    )
    return ended.rowcount > 0


def _with_tower(conn: Connection, finding: Finding) -> Finding:
    """Return a finding whose unit has its tower, where its rule did not know it."""
    unit = finding.unit
    if unit is None or unit.tower is not None:
        return finding
    tower = scalar(
        conn,
        """
        SELECT tower FROM assignment
        WHERE society_id = %s AND subject_type = %s AND subject = %s AND tower <> ''
        ORDER BY valid_from DESC LIMIT 1
        """,
        (finding.society_id, unit.type, unit.id),
    )
    return replace(finding, unit=unit.model_copy(update={"tower": tower}))


def _slot(slot: Slot) -> dict[str, object]:
    society_id, kind, subject_type, subject = slot
    return {
        "society_id": society_id,
        "kind": kind,
        "subject_type": subject_type,
        "subject": subject,
    }


def _names(message: Event) -> dict[str, object]:
    return {
        "id": message.id,
        "version": message.version,
        "kind": message.kind,
        "society": message.society,
    }


def _columns(flag: Flag) -> dict[str, Any]:
    event, unit, seen = flag.event, flag.event.unit, flag.event.acknowledged
    return {
        "id": event.id,
        "society_id": flag.society_id,
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
        "raises": event.raises,
        "acknowledged_by": seen and seen.by,
        "acknowledged_at": seen and seen.at,
        "handed_by": event.handed and event.handed.by,
        "handed_at": event.handed and event.handed.at,
        "handed_because": event.handed and event.handed.reason,
        "cleared_at": event.cleared_at,
        "message": event.message,
        "evidence_schema": event.evidence_schema,
        "evidence": Jsonb(event.evidence),
        "told": flag.told and Jsonb(flag.told.model_dump(mode="json", by_alias=True)),
        "told_at": flag.told_at,
        "tell_at": flag.tell_at,
    }
