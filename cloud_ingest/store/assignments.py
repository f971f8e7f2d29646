# SPDX-License-Identifier: MIT
"""Which meter served which subject, and from when to when.

Unit management keeps the record; `cloud_ingest.entries.units` imports it, and
`cloud_ingest.store.assignment_versions` keeps what was said before.

In: a society, or meters. Out: the assignments that hold, as values. Never: a write.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.core.register import CAPTURE_PERIOD
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar, scalars
from shared_schema.billing import BILLING_EXPONENTS, MAX_SCALER
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.message import MeterId

Checks = Literal["without", "with", "only"]
"""Whether check meters are asked for: what they count is nobody's use."""


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
    parent: str | None = None
    """The subject of the bulk or sub-bulk meter above it; None: the tower's own."""


class TornSubject(NamedTuple):
    """A subject that stands in two towers at the same time: it may be two."""

    society: str
    subject: str
    first: str
    second: str


def assignment_of_row(
    *, service: str, manufacturer: str, serial: str, **columns: Any
) -> Assignment:
    """Return an assignment as the statements of ``queries/assignment`` give it."""
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
    subjects: Collection[str] | None = None,
    tower: str | None = None,
    checks: Checks = "without",
) -> list[Assignment]:
    """Return who had which meter at any time between ``start`` and ``end``, or what some had.

    With a tower these are what may be in its balance: its own, all but units, and what hangs below
    another meter.
    """
    asked = subjects if subject is None else [subject]
    return all_rows(
        conn,
        assignment_of_row,
        query("assignment/between"),
        {
            "society_id": society_id,
            "start": start,
            "end": end,
            "subject_type": subject_type,
            "subjects": None if asked is None else list(asked),
            "tower": tower,
            "checks": checks,
        },
    )


@translating
def numbers_between(conn: Connection, society_id: int, start: datetime, end: datetime) -> int:
    """Return how many numbers a stretch has: services of units and common areas with a meter."""
    return int(
        scalar(
            conn,
            """
            SELECT count(DISTINCT (subject_type, subject, service)) FROM assignment
            WHERE society_id = %s AND subject_type <> 'bulk' AND source <> 'check'
            AND valid_from < %s AND (valid_to IS NULL OR valid_to > %s)
            """,
            (society_id, end, start),
        )
    )


@translating
def assignments_to_ask(
    conn: Connection, society_id: int, before: datetime, silent: Collection[int]
) -> list[Assignment]:
    """Return which meters right before a moment need a person: silent ones, and all without a port.

    Args:
        conn: A connection.
        society_id: Whose.
        before: The moment.
        silent: The numbers of meters that should speak by themselves and do not.
    """
    arguments = {"society_id": society_id, "before": before, "silent": list(silent)}
    return all_rows(conn, assignment_of_row, query("assignment/to_ask"), arguments)


@translating
def not_rolled_up(conn: Connection, society_id: int, month: Month) -> list[Assignment]:
    """Return the meters at the end of a month whose billed register's rollup ends before that.

    Those that it leaves out have a reading within a capture period of the end.
    """
    billed = BILLING_EXPONENTS.keys()
    arguments = {
        "society_id": society_id,
        "end": month.end,
        "first": month.first,
        "services": [str(service) for service, _ in billed],
        "codes": [str(BILLED_REGISTER[service]) for service, _ in billed],
        "units": [int(unit) for _, unit in billed],
        "most_scaler": MAX_SCALER,
        "period_s": CAPTURE_PERIOD.total_seconds(),
    }
    return all_rows(conn, assignment_of_row, query("assignment/not_rolled_up"), arguments)


@translating
def idle_between(
    conn: Connection, society_id: int, start: datetime, end: datetime
) -> list[Assignment]:
    """Return of meters that serve nobody from ``start`` to ``end`` whom each served last."""
    arguments = {"society_id": society_id, "start": start, "end": end}
    return all_rows(conn, assignment_of_row, query("assignment/idle"), arguments)


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
    return checked_id, assignment_of_row(**columns)


@translating
def assignments_of_meters(
    conn: Connection, meters: Collection[int], start: datetime, end: datetime
) -> list[Assignment]:
    """Return whom meters served at any time from ``start`` to ``end``, or up to one of them.

    An assignment that ends at ``start``, or begins at ``end``, is among them.
    """
    arguments = {"meters": sorted(meters), "start": start, "end": end}
    return all_rows(conn, assignment_of_row, query("assignment/of_meters"), arguments)


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
        assignment_of_row,
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
        assignment_of_row,
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
def was_metered(conn: Connection, society_id: int, until: datetime) -> bool:
    """Say whether a society had an assigned meter at any time before another."""
    return bool(
        scalar(
            conn,
            "SELECT EXISTS (SELECT FROM assignment WHERE society_id = %s AND valid_from < %s)",
            (society_id, until),
        )
    )


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
def meter_of(conn: Connection, assignment_id: int) -> int:
    """Return the meter of an assignment, of whatever version."""
    statement = "SELECT meter_id FROM assignment_version WHERE assignment_id = %s"
    return int(scalar(conn, statement, (assignment_id,)))
