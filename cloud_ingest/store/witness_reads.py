# SPDX-License-Identifier: MIT
"""What dials showed before witnesses, and what was held then: added to, and never changed.

In: one comparison, or a subject. Out: comparisons. Owns: the table ``witness_read``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.witness import Verdict
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.rows import all_rows
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText


@dataclass(frozen=True, slots=True)
class WitnessRead:
    """What a dial showed before witnesses, beside what was held."""

    subject_type: SubjectKind
    subject: str
    service: Service
    meter: str
    read_at: datetime
    shown: str
    """The digits as they were typed."""
    value: DecimalText
    step: DecimalText
    low: DecimalText | None
    """The dial had to show at least this; None: nothing was known."""
    high: DecimalText | None
    """And less than this."""
    before_at: datetime | None
    after_at: datetime | None
    verdict: Verdict
    sentence: str
    author: str
    witness: str | None
    """Who stood beside."""
    recorded_at: datetime


def _read(*, service: str, **columns: Any) -> WitnessRead:
    return WitnessRead(service=Service(service), **columns)


@translating
def add_witness_read(
    conn: Connection, society_id: int, assignment_id: int, meter_id: int, read: WitnessRead
) -> None:
    """Keep a comparison."""
    conn.execute(
        """
        INSERT INTO witness_read (
          society_id, assignment_id, meter_id, subject_type, subject, service, read_at, shown,
          value, step, low, high, before_at, after_at, verdict, sentence, author, witness,
          recorded_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            *(society_id, assignment_id, meter_id, read.subject_type, read.subject, read.service),
            *(read.read_at, read.shown, read.value, read.step, read.low, read.high),
            *(read.before_at, read.after_at, read.verdict, read.sentence, read.author),
            *(read.witness, read.recorded_at),
        ),
    )


@translating
def witness_reads(
    conn: Connection,
    society_id: int,
    subject: NumberKey,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[WitnessRead]:
    """Return what was read of a subject before witnesses, in the order of time.

    Args:
        conn: The store.
        society_id: Whose.
        subject: What it is, its label and the service.
        start: From when on; None: ever.
        end: Up to when, included; None: until now.
    """
    return all_rows(
        conn,
        _read,
        """
        SELECT subject_type, subject, service, manufacturer || ' ' || serial AS meter, read_at,
               shown, value, step, low, high, before_at, after_at, verdict, sentence, author,
               witness, recorded_at
        FROM witness_read JOIN meter USING (meter_id)
        WHERE witness_read.society_id = %(society_id)s
          AND (subject_type, subject, service) = (%(kind)s, %(subject)s, %(service)s)
          AND (%(start)s::timestamptz IS NULL OR read_at >= %(start)s)
          AND (%(end)s::timestamptz IS NULL OR read_at <= %(end)s)
        ORDER BY read_at, witness_id
        """,
        {
            "society_id": society_id,
            "kind": subject.subject_type,
            "subject": subject.subject,
            "service": subject.service,
            "start": start,
            "end": end,
        },
    )
