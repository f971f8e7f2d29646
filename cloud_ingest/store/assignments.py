# SPDX-License-Identifier: MIT
"""Which meter served which subject, and from when to when.

Unit management keeps the record; `cloud_ingest.entries.units` imports it. Each assignment is a
version with author and reason. A change adds a version and supersedes the one before; the view
``assignment`` shows those that hold.

In: a society. Out: assignments as values. Owns: the tables ``meter`` and ``assignment_version``;
a commit alone moves the time of a meter's newest reading. Never: an update of a version, but of
when it was superseded.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.unit_list import Meter, Place, Rating
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar, scalars
from shared_schema.catalogue import Service
from shared_schema.message import MeterId

Ratings = dict[Meter, Rating]
Checks = Literal["without", "with", "only"]
"""Whether check meters are asked for: what they count is nobody's use."""


@dataclass(frozen=True, slots=True)
class Word:
    """Who says so, why, and when it is recorded."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which subject a meter served, and from when to when."""

    assignment_id: int
    """Of this version: a change has another."""
    tower: str | None
    subject_type: SubjectKind
    subject: str
    label: str
    """What the list of units calls the subject."""
    service: Service
    source: str
    legacy: bool
    """It has no data port: its resident reads it."""
    valid_from: datetime
    valid_to: datetime | None
    meter_id: int
    meter: MeterId
    last_reading_at: datetime | None
    author: str
    """Who says so."""
    reason: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class AssignmentVersion:
    """An assignment as it was said once, and until when that held."""

    assignment: Assignment
    superseded_at: datetime | None
    """None: it holds."""
    taken_back: bool
    """It says that the version before it is not true."""


class TornSubject(NamedTuple):
    """A subject that stands in two towers at the same time: it may be two."""

    society: str
    subject: str
    first: str
    second: str


def _assignment(*, service: str, manufacturer: str, serial: str, **columns: Any) -> Assignment:
    meter = MeterId(manufacturer=manufacturer, serial=serial)
    return Assignment(service=Service(service), meter=meter, **columns)


@translating
def assignments_between(
    conn: Connection,
    society_id: int,
    start: datetime,
    end: datetime,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
    checks: Checks = "without",
) -> list[Assignment]:
    """Return who had which meter at any time between ``start`` and ``end``, or what one had."""
    return all_rows(
        conn,
        _assignment,
        query("assignment/between"),
        {
            "society_id": society_id,
            "start": start,
            "end": end,
            "subject_type": subject_type,
            "subject": subject,
            "checks": checks,
        },
    )


@translating
def idle_between(
    conn: Connection, society_id: int, start: datetime, end: datetime
) -> list[Assignment]:
    """Return of meters that serve nobody from ``start`` to ``end`` whom each served last."""
    arguments = {"society_id": society_id, "start": start, "end": end}
    return all_rows(conn, _assignment, query("assignment/idle"), arguments)


@translating
def checked_by(
    conn: Connection, meters: Collection[int], start: datetime, end: datetime
) -> list[tuple[int, Assignment]]:
    """Return the check meters of meters at any time of a stretch, each with the id of its meter.

    Of a subject with several meters of a service it is not known which one is checked.
    """
    arguments = {"meters": sorted(meters), "start": start, "end": end}
    return all_rows(conn, _checked, query("assignment/checked_by"), arguments)


def _checked(*, checked_id: int, **columns: Any) -> tuple[int, Assignment]:
    return checked_id, _assignment(**columns)


@translating
def assignments_of_meters(
    conn: Connection, meters: Collection[int], start: datetime, end: datetime
) -> list[Assignment]:
    """Return whom meters served at any time from ``start`` to ``end``, or up to one of them.

    An assignment that ends at ``start``, or begins at ``end``, is among them.
    """
    arguments = {"meters": sorted(meters), "start": start, "end": end}
    return all_rows(conn, _assignment, query("assignment/of_meters"), arguments)


@translating
def lock_assignments(conn: Connection, society_id: int) -> list[Assignment]:
    """Return every assignment of a society; nobody else changes them in this transaction."""
    conn.execute(
        "SELECT FROM society WHERE society_id = %s FOR NO KEY UPDATE", (society_id,)
    ).fetchall()
    return all_rows(conn, _assignment, query("assignment/of_society"), {"society_id": society_id})


def _version(
    *, superseded_at: datetime | None, taken_back: bool, **columns: Any
) -> AssignmentVersion:
    return AssignmentVersion(_assignment(**columns), superseded_at, taken_back)


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
def assignments_changed_at(conn: Connection, society_id: int) -> datetime | None:
    """Return when an assignment of a society was last added, changed or taken back."""
    found: datetime | None = scalar(
        conn,
        """
        SELECT max(greatest(recorded_at, superseded_at)) FROM assignment_version
        WHERE society_id = %s
        """,
        (society_id,),
    )
    return found


@translating
def assignments_of_subject(
    conn: Connection,
    society_id: int,
    subject: str,
    service: Service,
    *,
    subject_type: SubjectKind,
    at: datetime,
) -> list[Assignment]:
    """Return the meters that served a subject's service at a time, the newest first."""
    return all_rows(
        conn,
        _assignment,
        query("assignment/of_subject"),
        {
            "society_id": society_id,
            "subject_type": subject_type,
            "subject": subject,
            "service": service.value,
            "at": at,
        },
    )


@translating
def assignment_of_meter(
    conn: Connection, society_id: int, meter: tuple[str, str], service: Service, at: datetime
) -> Assignment | None:
    """Return whom a meter (manufacturer, serial number) served at a time; None: nobody."""
    return one_row(
        conn,
        _assignment,
        query("assignment/of_meter"),
        {
            "society_id": society_id,
            "manufacturer": meter[0],
            "serial": meter[1],
            "service": service.value,
            "at": at,
        },
    )


@translating
def subjects(
    conn: Connection, society_id: int, service: Service, subject_type: SubjectKind
) -> list[str]:
    """Return the units (or common areas, or bulk meters) of a society that have a service."""
    return scalars(
        conn,
        """
        SELECT DISTINCT subject FROM assignment
        WHERE society_id = %s AND subject_type = %s AND service = %s
        ORDER BY subject
        """,
        (society_id, subject_type, service.value),
    )


@translating
def torn_subjects(conn: Connection) -> list[TornSubject]:
    """Return the subjects of all societies that stand in two towers at the same time."""
    return all_rows(conn, TornSubject, query("assignment/torn"))


@translating
def namesakes(conn: Connection, society_id: int, label: str) -> list[str]:
    """Return the subjects that the list of units calls so, with or without their tower."""
    return scalars(
        conn,
        """
        SELECT DISTINCT subject FROM assignment
        WHERE society_id = %(society_id)s AND %(label)s IN (label, tower || '/' || label)
        ORDER BY subject
        """,
        {"society_id": society_id, "label": label},
    )


@translating
def add_assignment(conn: Connection, society_id: int, place: Place, word: Word) -> None:
    """Let a meter serve a subject; add the meter where it is new."""
    _add_version(conn, society_id, place, word)


@translating
def change_assignment(
    conn: Connection, society_id: int, assignment_id: int, place: Place, word: Word
) -> None:
    """Let a new version of an assignment take the place of another."""
    _supersede(conn, assignment_id, word.at)
    _add_version(conn, society_id, place, word)


@translating
def take_back_assignment(
    conn: Connection, society_id: int, assignment_id: int, place: Place, word: Word
) -> None:
    """Let an assignment hold no longer, and keep who says that it is not true."""
    _supersede(conn, assignment_id, word.at)
    _add_version(conn, society_id, place, word, taken_back=True)


def _supersede(conn: Connection, assignment_id: int, at: datetime) -> None:
    conn.execute(
        """
        UPDATE assignment_version SET superseded_at = %s
        WHERE assignment_id = %s AND superseded_at IS NULL
        """,
        (at, assignment_id),
    )


def _add_version(
    conn: Connection, society_id: int, place: Place, word: Word, *, taken_back: bool = False
) -> None:
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
          valid_to, meter_id, author, reason, recorded_at, superseded_at, taken_back)
        VALUES (
          %(society_id)s, %(tower)s, %(subject_type)s, %(subject)s, %(label)s, %(service)s,
          %(source)s, %(legacy)s, %(valid_from)s, %(valid_to)s, %(meter_id)s, %(author)s,
          %(reason)s, %(recorded_at)s, %(superseded_at)s, %(taken_back)s)
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
            "author": word.by,
            "reason": word.reason,
            "recorded_at": word.at,
            "superseded_at": word.at if taken_back else None,
            "taken_back": taken_back,
        },
    )


@translating
def ratings(conn: Connection, society_id: int) -> Ratings:
    """Return what the meters of a society are made for, as far as it is known."""
    rows = all_rows(
        conn,
        _rated,
        """
        SELECT manufacturer, serial, phases, max_current_a, q4_m3_h, invalid_bits, clock_bits
        FROM meter
        WHERE society_id = %s
          AND num_nonnulls(phases, max_current_a, q4_m3_h, invalid_bits, clock_bits) > 0
        """,
        (society_id,),
    )
    return dict(rows)


def _rated(*, manufacturer: str, serial: str, **columns: Any) -> tuple[Meter, Rating]:
    return (manufacturer, serial), Rating(**columns)


@translating
def rate_meter(conn: Connection, society_id: int, meter: Meter, rating: Rating) -> None:
    """Note what a meter is made for."""
    conn.execute(
        """
        UPDATE meter SET phases = %s, max_current_a = %s, q4_m3_h = %s, invalid_bits = %s,
          clock_bits = %s
        WHERE society_id = %s AND manufacturer = %s AND serial = %s
        """,
        (*rating, society_id, *meter),
    )
