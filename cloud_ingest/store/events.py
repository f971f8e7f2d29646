# SPDX-License-Identifier: MIT
"""The flags as they are stored, and what was said of them.

In: which flags. Out: values of `cloud_ingest.core.flag`. Never: a change;
`cloud_ingest.store.event_changes` makes it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from cloud_ingest.core.flag import Change, Flag, Key, Mute
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.events import (
    Acknowledgement,
    Event,
    EventKind,
    HandOver,
    Severity,
    Subject,
    SubjectType,
    Unit,
)

EVERY_FLAG = 2**31
MOST_CHANGES = 10_000


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """One change of a flag: who, when, why, what."""

    at: datetime
    what: Change
    author: str | None
    """None: the rules."""
    reason: str
    version: int | None
    """Of the message that told it; None: nobody was told."""
    message: str


class FlagNote(NamedTuple):
    """Whose flag it is, and of what kind."""

    kind: EventKind
    subject_type: str
    subject: str
    is_open: bool


@translating
def notes_of_stretch(
    conn: Connection, society_id: int, start: datetime, end: datetime
) -> list[FlagNote]:
    """Return the flags of a society that were open at any time of a stretch, oldest first."""
    return all_rows(
        conn,
        _note,
        """
        SELECT kind, coalesce(unit_type, subject_type) AS subject_type,
               coalesce(unit, subject) AS subject, state = 'open' AS is_open
        FROM event WHERE society_id = %s AND since < %s
          AND (cleared_at IS NULL OR cleared_at > %s)
        ORDER BY raised_at, event_id
        """,
        (society_id, end, start),
    )


@translating
def open_events(conn: Connection, *kinds: EventKind) -> list[Flag]:
    """Return the open flags of some kinds, in all societies, oldest first."""
    return list_events(conn, kinds=kinds, limit=EVERY_FLAG)[::-1]


@translating
def list_events(
    conn: Connection,
    *,
    ids: Sequence[UUID] | None = None,
    society: str | None = None,
    state: str | None = "open",
    kinds: Sequence[EventKind] = (),
    severity: Severity | None = None,
    unit: str | None = None,
    tower: str | None = None,
    about: str | None = None,
    limit: int = 1000,
) -> list[Flag]:
    """Return flags, newest first; None stands for any.

    Args:
        conn: A connection.
        ids: Of these alone.
        society: Of this one.
        state: ``open`` or ``cleared``.
        kinds: Of these; none stands for any.
        severity: Of this one.
        unit: That name this unit.
        tower: In this tower.
        about: Whose subject or unit has this label.
        limit: At most so many.
    """
    arguments = {
        "ids": None if ids is None else list(ids),
        "society": society,
        "state": state,
        "kinds": list(kinds) or None,
        "severity": severity,
        "unit": unit,
        "tower": tower,
        "about": about,
        "limit": limit,
    }
    # Without a kept plan: what is null is no condition, so that an index is found.
    return all_rows(conn, _flag, query("event/list"), arguments, prepare=False)


@translating
def last_cleared(
    conn: Connection, keys: Iterable[Key], kinds: Sequence[EventKind], *, but_by: Sequence[str]
) -> dict[Key, datetime]:
    """Return when the newest flag of some kinds was cleared, by key; there may be none.

    Args:
        conn: A connection.
        keys: Of these.
        kinds: Of these.
        but_by: A flag whose evidence names one of these rules, or no rule, is passed over.
    """
    own = list(keys)
    arguments = {
        "societies": [society_id for society_id, _, _, _ in own],
        "types": [subject_type for _, subject_type, _, _ in own],
        "subjects": [subject for _, _, subject, _ in own],
        "services": [service for _, _, _, service in own],
        "kinds": list(kinds),
        "rules": list(but_by),
    }
    rows = conn.execute(query("event/last_cleared"), arguments)
    return {own[number - 1]: cleared_at for number, cleared_at in rows}


@translating
def ids_like(conn: Connection, start: str, society: str | None) -> list[UUID]:
    """Return the ids of a society's flags that begin so, at most two; None: of any society."""
    return scalars(
        conn,
        """
        SELECT event_id FROM event JOIN society USING (society_id)
        WHERE event_id::text LIKE %s AND society.name = coalesce(%s, society.name)
        ORDER BY 1 LIMIT 2
        """,
        (f"{start.lower()}%", society),
    )


@translating
def is_known(conn: Connection, society_id: int, subject: Subject) -> bool:
    """Say whether a society has, or had, a unit, common area, tower or gateway of that label."""
    arguments = {"society_id": society_id, "type": subject.type, "id": subject.id}
    return bool(scalar(conn, query("event/is_known"), arguments))


@translating
def list_changes(conn: Connection, event_id: UUID) -> list[RecordedChange]:
    """Return what happened to a flag, oldest first."""
    return all_rows(
        conn,
        _change,
        """
        SELECT at, what, author, reason, version, message FROM event_change
        WHERE event_id = %s ORDER BY change_id LIMIT %s
        """,
        (event_id, MOST_CHANGES),
    )


@translating
def list_mutes(
    conn: Connection, *, society: str | None = None, subject: str | None = None
) -> list[Mute]:
    """Return the mutes of a subject, newest first; None stands for any."""
    arguments = {"society": society, "subject": subject, "limit": MOST_CHANGES}
    return all_rows(conn, _mute, query("event/mutes"), arguments)


def _change(*, what: str, **columns: Any) -> RecordedChange:
    return RecordedChange(what=Change(what), **columns)


def _note(*, kind: str, **columns: Any) -> FlagNote:
    return FlagNote(EventKind(kind), **columns)


def _mute(*, kind: str, subject_type: str, subject: str, author: str, **columns: Any) -> Mute:
    about = Subject(type=SubjectType(subject_type), id=subject)
    return Mute(EventKind(kind), about, by=author, **columns)


def _flag(
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
    handed_by: str | None,
    handed_at: datetime | None,
    handed_because: str | None,
    told: dict[str, Any] | None,
    told_at: datetime | None,
    tell_at: datetime | None,
    muted_until: datetime | None,
    muted_by: str | None,
    muted_because: str | None,
    muted_at: datetime | None,
    **columns: Any,
) -> Flag:
    last = None if told is None else Event.model_validate(told)
    event = Event(
        id=event_id,
        version=1 if last is None else last.version,
        subject=Subject(type=SubjectType(subject_type), id=subject),
        unit=Unit(type=SubjectType(unit_type), id=unit, tower=tower)
        if unit_type and unit
        else None,
        acknowledged=(
            Acknowledgement(by=acknowledged_by, at=acknowledged_at)
            if acknowledged_by and acknowledged_at
            else None
        ),
        handed=(
            HandOver(by=handed_by, at=handed_at, reason=handed_because)
            if handed_by and handed_at and handed_because
            else None
        ),
        ended="over" if columns["state"] == "cleared" else None,
        **columns,
    )
    mute = None
    if muted_until and muted_by and muted_because and muted_at:
        mute = Mute(event.kind, event.subject, muted_until, muted_by, muted_because, muted_at)
    return Flag(society_id, event, last, told_at, tell_at, mute)
