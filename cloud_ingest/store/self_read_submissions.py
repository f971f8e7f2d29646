# SPDX-License-Identifier: MIT
"""What residents sent, and what became of each: both are added to, and never changed.

In: a society, a submission. Out: submissions with their decision, as values. Owns: the tables
``self_read_submission`` and ``self_read_decision``; `store.self_read_photos` has their photos.
Never: a reading.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args
from uuid import UUID

from psycopg.types.json import Jsonb

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.dial_photo import PhotoTime
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar
from shared_schema.catalogue import Service

Decision = Literal["taken", "approved", "refused", "replaced", "not_needed"]
DECISIONS: frozenset[str] = frozenset(get_args(Decision))
MOST_LISTED = 1000


@dataclass(frozen=True, slots=True)
class NewSubmission:
    """What is kept of what a resident sent."""

    society_id: int
    assignment_id: int
    subject_type: SubjectKind
    subject: str
    service: Service
    source: str
    client_id: str
    shown: str
    value: Decimal
    step: Decimal
    read_at: datetime
    received_at: datetime
    link_id: int | None
    author: str
    remarks: Sequence[Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Submission(NewSubmission):
    """What a resident sent, and what became of it."""

    submission_id: int
    receipt: UUID
    decision: Decision | None
    """None: it waits for a person."""
    decided_by: str | None
    decided_because: str | None
    decided_at: datetime | None
    photo_sha256: bytes | None
    """Of the bytes as they came; None: no photo was kept."""
    photo_taken: PhotoTime | None
    has_picture: bool
    """The photo itself is still kept."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a submission, and what stood before whoever decided."""

    decision: Decision
    by: str
    reason: str
    at: datetime
    seen: Mapping[str, Any]


def _submission(
    *, service: str, photo_local: datetime | None, photo_offset_s: int | None, **columns: Any
) -> Submission:
    offset = None if photo_offset_s is None else timedelta(seconds=photo_offset_s)
    taken = None if photo_local is None else PhotoTime(photo_local, offset)
    return Submission(service=Service(service), photo_taken=taken, **columns)


@translating
def add_submission(conn: Connection, new: NewSubmission) -> int:
    """Keep what a resident sent and return its number."""
    number = scalar(
        conn,
        """
        INSERT INTO self_read_submission (
          society_id, assignment_id, subject_type, subject, service, source, client_id, shown,
          value, step, read_at, received_at, link_id, author, remarks)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        RETURNING submission_id
        """,
        (
            new.society_id,
            new.assignment_id,
            new.subject_type,
            new.subject,
            new.service,
            new.source,
            new.client_id,
            new.shown,
            new.value,
            new.step,
            new.read_at,
            new.received_at,
            new.link_id,
            new.author,
            Jsonb(list(new.remarks)),
        ),
    )
    return int(number)


@translating
def submission_of(conn: Connection, society_id: int, receipt: str) -> Submission | None:
    """Return a submission by its receipt or its number."""
    return one_row(conn, _submission, query("self_read/submissions"), _asked(society_id, receipt))


@translating
def submissions(
    conn: Connection, society_id: int, *, waiting: bool, subject: str | None = None
) -> list[Submission]:
    """Return what residents sent, the newest first: what waits for a person, or all."""
    asked = _asked(society_id, None) | {"waiting": waiting, "subject": subject}
    return all_rows(conn, _submission, query("self_read/submissions"), asked)


def _asked(society_id: int, receipt: str | None) -> dict[str, object]:
    return {
        "society_id": society_id,
        "receipt": receipt,
        "subject": None,
        "waiting": False,
        "most": MOST_LISTED,
    }


@translating
def submission_of_client(
    conn: Connection,
    society_id: int,
    named: tuple[SubjectKind, str, Service],
    client_id: str,
) -> Submission | None:
    """Return what came for a subject's service with a client's own id."""
    receipt = scalar(
        conn,
        """
        SELECT receipt::text FROM self_read_submission
        WHERE (society_id, subject_type, subject, service, client_id) = (%s, %s, %s, %s, %s)
        """,
        (society_id, *named, client_id),
    )
    return None if receipt is None else submission_of(conn, society_id, receipt)


@translating
def sent_since(
    conn: Connection, society_id: int, named: tuple[SubjectKind, str, Service], since: datetime
) -> int:
    """Return how much came for a subject's service since a time."""
    return int(
        scalar(
            conn,
            """
            SELECT count(*) FROM self_read_submission
            WHERE (society_id, subject_type, subject, service) = (%s, %s, %s, %s)
              AND received_at > %s
            """,
            (society_id, *named, since),
        )
    )


@translating
def count_waiting(conn: Connection, society_id: int, start: datetime, end: datetime) -> int:
    """Return how many values that were read from one time to another wait for a person."""
    return int(
        scalar(
            conn,
            """
            SELECT count(*) FROM self_read_submission AS s
            WHERE society_id = %s AND read_at BETWEEN %s AND %s
              AND NOT EXISTS (
                SELECT FROM self_read_decision AS d WHERE d.submission_id = s.submission_id)
            """,
            (society_id, start, end),
        )
    )


@translating
def add_decision(conn: Connection, submission_id: int, verdict: Verdict) -> bool:
    """Keep what became of a submission; say whether nobody had decided before."""
    return bool(
        scalar(
            conn,
            """
            INSERT INTO self_read_decision (submission_id, decision, author, reason, seen,
                                            decided_at)
            VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING true
            """,
            (
                submission_id,
                verdict.decision,
                verdict.by,
                verdict.reason,
                Jsonb(dict(verdict.seen)),
                verdict.at,
            ),
        )
    )
