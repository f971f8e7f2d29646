# SPDX-License-Identifier: MIT
"""Versions of assignments: what was said of a meter, by whom, and until when that held.

A change adds a version with author and reason, and supersedes the one before; the view
``assignment`` shows those that hold.

In: a society; what a meter serves, and who says so. Out: versions as values. Owns: the tables
``meter`` and ``assignment_version``; a commit alone moves the time of a meter's newest reading.
Never: an update of a version, but of when it was superseded.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.core.unit_list import Place
from cloud_ingest.store.assignments import Assignment, assignment_of_row
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar


@dataclass(frozen=True, slots=True)
class Word:
    """Who says so, why, and when it is recorded."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class AssignmentVersion:
    """An assignment as it was said once, and until when that held."""

    assignment: Assignment
    superseded_at: datetime | None
    """None: it holds."""
    taken_back: bool
    """It says that the version before it is not true."""
    entry_order: int
    """Its place in the order of entries."""
    superseded_order: int | None
    """That of ``superseded_at``."""


@translating
def lock_assignments(conn: Connection, society_id: int) -> list[Assignment]:
    """Return every assignment of a society; nobody else changes them in this transaction."""
    conn.execute(
        "SELECT FROM society WHERE society_id = %s FOR NO KEY UPDATE", (society_id,)
    ).fetchall()
    arguments = {"society_id": society_id}
    return all_rows(conn, assignment_of_row, query("assignment/of_society"), arguments)


def _version(
    *,
    superseded_at: datetime | None,
    taken_back: bool,
    entry_order: int,
    superseded_order: int | None,
    **columns: Any,
) -> AssignmentVersion:
    said = assignment_of_row(**columns)
    return AssignmentVersion(said, superseded_at, taken_back, entry_order, superseded_order)


@translating
def assignment_versions(
    conn: Connection, society_id: int, subject: str | None = None
) -> list[AssignmentVersion]:
    """Return every version in the order of recording, of all subjects or of one name or label."""
    return all_rows(
        conn,
        _version,
        query("assignment/versions"),
        {"society_id": society_id, "subject": subject},
    )


@translating
def last_listed(conn: Connection, society_id: int) -> int:
    """Return the entry that last added, changed or took back an assignment; 0: there is none."""
    return int(
        scalar(
            conn,
            """
            SELECT coalesce(max(greatest(entry_order, superseded_order)), 0)
            FROM assignment_version WHERE society_id = %s
            """,
            (society_id,),
        )
    )


@translating
def change_assignment(
    conn: Connection,
    society_id: int,
    assignment_id: int,
    place: Place,
    word: Word,
    *,
    taken_back: bool = False,
) -> None:
    """Let a new version of an assignment take the place of another.

    Args:
        conn: The store, within the caller's transaction.
        society_id: Whose list of units it is.
        assignment_id: The version that holds no longer.
        place: What the new one says.
        word: Who says so, and why.
        taken_back: It says that the other is not true, and does not hold itself.
    """
    conn.execute(
        """
        UPDATE assignment_version
        SET superseded_at = %s, superseded_order = nextval('entry_order')
        WHERE assignment_id = %s AND superseded_at IS NULL
        """,
        (word.at, assignment_id),
    )
    add_assignment(conn, society_id, place, word, taken_back=taken_back)


@translating
def add_assignment(
    conn: Connection, society_id: int, place: Place, word: Word, *, taken_back: bool = False
) -> None:
    """Let a meter serve a subject; add the meter where it is new."""
    meter_id = scalar(
        conn,
        """
        INSERT INTO meter (society_id, manufacturer, serial) VALUES (%s, %s, %s)
        ON CONFLICT (society_id, manufacturer, serial) DO UPDATE SET serial = excluded.serial
        RETURNING meter_id
        """,
        (society_id, *place.meter),
    )
    conn.execute(
        """
        INSERT INTO assignment_version (
          society_id, tower, subject_type, subject, label, service, source, legacy, valid_from,
          valid_to, meter_id, parent, author, reason, recorded_at, superseded_at, taken_back)
        VALUES (
          %(society_id)s, %(tower)s, %(subject_type)s, %(subject)s, %(label)s, %(service)s,
          %(source)s, %(legacy)s, %(valid_from)s, %(valid_to)s, %(meter_id)s, %(parent)s,
          %(author)s, %(reason)s, %(recorded_at)s, %(superseded_at)s, %(taken_back)s)
        """,
        {
            "society_id": society_id,
            "tower": place.tower,
            "subject_type": place.subject_type,
            "subject": place.subject,
            "label": place.label,
            "service": place.service.value,
            "source": place.source,
            "legacy": place.legacy,
            "valid_from": place.valid_from,
            "valid_to": place.valid_to,
            "meter_id": meter_id,
            "parent": place.parent,
            "author": word.by,
            "reason": word.reason,
            "recorded_at": word.at,
            "superseded_at": word.at if taken_back else None,
            "taken_back": taken_back,
        },
    )
