# SPDX-License-Identifier: MIT
"""Which meter served which subject, and from when to when.

Unit management keeps the record; `cloud_ingest.entries.units` imports it.

In: a society. Out: assignments as values. Owns: the tables ``meter`` and ``assignment``;
a commit alone moves the time of a meter's newest reading.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.unit_list import Place
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar, scalars
from shared_schema.catalogue import Service
from shared_schema.message import MeterId


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which subject a meter served, and from when to when."""

    assignment_id: int
    tower: str | None
    subject_type: SubjectKind
    subject: str
    service: Service
    source: str
    legacy: bool
    """It has no data port: its resident reads it."""
    valid_from: datetime
    valid_to: datetime | None
    meter_id: int
    meter: MeterId
    last_reading_at: datetime | None


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
        },
    )


@translating
def lock_assignments(conn: Connection, society_id: int) -> list[Assignment]:
    """Return every assignment of a society; nobody else changes them in this transaction."""
    return all_rows(conn, _assignment, query("assignment/for_update"), {"society_id": society_id})


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
def add_assignment(conn: Connection, society_id: int, place: Place) -> None:
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
        INSERT INTO assignment (society_id, tower, subject_type, subject, service, source, legacy,
                                valid_from, valid_to, meter_id)
        VALUES (%(society_id)s, %(tower)s, %(subject_type)s, %(subject)s, %(service)s, %(source)s,
                %(legacy)s, %(valid_from)s, %(valid_to)s, %(meter_id)s)
        """,
        {
            "society_id": society_id,
            "tower": place.tower,
            "subject_type": place.subject_type,
            "subject": place.subject,
            "service": place.service.value,
            "source": place.source,
            "legacy": place.legacy,
            "valid_from": place.valid_from,
            "valid_to": place.valid_to,
            "meter_id": meter_id,
        },
    )


@translating
def change_assignment(conn: Connection, assignment_id: int, place: Place) -> None:
    """Correct an assignment: its tower, its dates, and whether the meter has a data port."""
    conn.execute(
        """
        UPDATE assignment SET tower = %s, legacy = %s, valid_from = %s, valid_to = %s
        WHERE assignment_id = %s
        """,
        (place.tower, place.legacy, place.valid_from, place.valid_to, assignment_id),
    )
