# SPDX-License-Identifier: MIT
"""What a resident is asked: which dials, until when, and how the answer is told.

A resident sees of a dial what helps to find it on the wall, and when it was read last; neither what
it showed then, which would be typed along, nor anything of a neighbour.

In: a unit. Out: what is asked of it, and receipts. Never: a write.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import running_month
from cloud_ingest.entries.meter import billed_channels, exponents_of
from cloud_ingest.entries.self_read_links import served_now
from cloud_ingest.entries.self_read_words import last_digits
from cloud_ingest.errors import NotFound
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.ratings import register_digits
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.self_read_submissions import Submission
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText

State = Literal["taken", "waits", "approved", "refused", "replaced", "not_needed"]
_NEXT: dict[State, str] = {
    "taken": "It is taken. There is nothing more to do.",
    "waits": "It waits for the manager. Read the questions, and send it again if it was misread.",
    "approved": "The manager took it. There is nothing more to do.",
    "refused": "The manager did not take it: read the reason, and send what the dial shows now.",
    "replaced": "A later reading was taken instead. There is nothing more to do.",
    "not_needed": "The meter was read by itself since. There is nothing more to do.",
}


@dataclass(frozen=True, slots=True)
class AskedDial:
    """A dial that can be read."""

    service: Service
    source: str
    unit: str
    """kWh or kL."""
    meter: str | None
    """The last digits of its serial number; None: it is not known."""
    whole_digits: int | None
    """How many the dial has before its point; None: it is not known."""
    read_last_on: date | None
    """None: it was never read."""


@dataclass(frozen=True, slots=True)
class AskedUnit:
    """What a resident is asked."""

    society: str
    subject: str
    dials: tuple[AskedDial, ...]
    closes: str
    """The month that a dial closes that is read from `read_from` to `until`."""
    read_from: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked back of a doubtful value."""

    kind: str
    text: str
    meant: str | None
    """What the dial probably showed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was kept of a value, and what became of it."""

    receipt: UUID
    client_id: str
    subject: str
    service: Service
    source: str
    shown: str
    value: DecimalText
    below: DecimalText
    """The register lies from `value` to less than this."""
    unit: str
    read_at: datetime
    received_at: datetime
    state: State
    reason: str | None
    """Of a refused one, the manager's."""
    questions: tuple[Question, ...]
    has_photo: bool
    photo_taken: str | None
    """By the photo's own clock."""
    photo_problem: str | None
    """Why the photo was not kept; the value was all the same."""
    next: str
    """What happens next."""


@translating
def asked_unit(
    conn: Connection,
    society_id: int,
    society: str,
    subject: str,
    *,
    kind: SubjectKind,
    service: Service | None,
    window: timedelta,
    now: datetime,
) -> AskedUnit:
    """Return what a unit's resident is asked.

    Args:
        conn: The store.
        society_id: Whose unit.
        society: Its name.
        subject: The unit.
        kind: What it is.
        service: For one service; None: for each that it has.
        window: How far from the 1st a dial closes a month.
        now: The time.

    Raises:
        NotFound: no meter serves it now.
    """
    zone = open_store(conn).zone
    serving = served_now(conn, society_id, kind, subject, service=service, now=now)
    if not serving:
        raise NotFound(f"no meter serves {subject!r} now")
    month = running_month(now, zone)
    border = month.start if now <= month.start + window else month.end
    closes = (border - timedelta(days=1)).astimezone(zone)
    return AskedUnit(
        society,
        subject,
        tuple(_dial(conn, each, now) for each in serving),
        f"{closes:%Y-%m}",
        (border - window).astimezone(zone),
        (border + window).astimezone(zone),
    )


def receipt_of(sent: Submission, photo_problem: str | None = None) -> Receipt:
    """Return what the sender of a value is told; pure."""
    state: State = sent.decision or "waits"
    is_open = state in {"waits", "refused"}
    with exactly():
        below = sent.value + sent.step
    return Receipt(
        receipt=sent.receipt,
        client_id=sent.client_id,
        subject=sent.subject,
        service=sent.service,
        source=sent.source,
        shown=sent.shown,
        value=sent.value,
        below=below,
        unit=BILLING_UNITS[sent.service],
        read_at=sent.read_at,
        received_at=sent.received_at,
        state=state,
        reason=sent.decided_because if state == "refused" else None,
        questions=tuple(
            Question(str(each["kind"]), str(each["question"]), each.get("meant"))
            for each in (sent.remarks if is_open else ())
        ),
        has_photo=sent.photo_sha256 is not None,
        photo_taken=None if sent.photo_taken is None else sent.photo_taken.text(),
        photo_problem=photo_problem,
        next=_NEXT[state],
    )


def _dial(conn: Connection, meter: Assignment, now: datetime) -> AskedDial:
    zone = open_store(conn).zone
    exponents = exponents_of(billed_channels(conn, meter.meter_id, meter.service), meter.service)
    last = neighbours(conn, exponents, now)[0] if exponents else None
    return AskedDial(
        service=meter.service,
        source=meter.source,
        unit=BILLING_UNITS[meter.service],
        meter=last_digits(meter.meter),
        whole_digits=register_digits(conn, meter.meter_id, now),
        read_last_on=None if last is None else last.ts.astimezone(zone).date(),
    )
