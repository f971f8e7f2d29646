# SPDX-License-Identifier: MIT
"""Who reads the dials of one unit: its resident, by a personal link or signed in.

A reader is asked for the dials of the own unit, sends what they show, and sees what became of it.
What is of another unit, or of a service that the link is not for, is not found.

In: a link or a resident, digits. Out: what is asked, submissions. Never: a neighbour's data.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cloud_ingest.core.balance import NOTHING, SubjectKind
from cloud_ingest.core.dial_text import dial_text
from cloud_ingest.core.exact import exactly
from cloud_ingest.entries.dial_value import DialValue
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import moment_of_dial
from cloud_ingest.entries.self_read_asked import (
    AskedUnit,
    Question,
    Receipt,
    asked_unit,
    receipt_of,
)
from cloud_ingest.entries.self_read_decide import one_submission
from cloud_ingest.entries.self_read_look import Sent, look
from cloud_ingest.entries.self_read_submit import Sender, submit
from cloud_ingest.errors import NotFound
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.self_read_links import Link
from cloud_ingest.store.self_read_submissions import Submission, submissions
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

MOST_TOLD: Final = 6
"""Of what a reader sent before."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the dials of one unit."""

    society_id: int
    society: str
    subject_type: SubjectKind
    subject: str
    service: Service | None
    """None: every one that the unit has."""
    sender: Sender

    def meter(self, service: Service, source: str | None) -> NamedMeter:
        """Return which of the own meters is meant.

        Raises:
            NotFound: the reader is not asked for it.
        """
        if self.service not in {None, service}:
            raise NotFound(f"this link is not for {service}: ask the manager for another one")
        return NamedMeter(self.subject, service, source, subject_type=self.subject_type)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a value would be, before it is sent for good."""

    service: Service
    source: str
    shown: str
    value: Decimal
    unit: str
    at: datetime
    before: Decimal | None
    """What the dial showed last; None: it is the first time."""
    since: datetime | None
    """When that was."""
    used: Decimal | None
    questions: tuple[Question, ...]
    """Of a doubtful value."""
    is_needless: bool
    """The meter was read by itself since."""


def reader_by_link(link: Link) -> Reader:
    """Return who opens a personal link."""
    return Reader(
        link.society_id,
        link.society,
        link.subject_type,
        link.subject,
        link.service,
        Sender(f"resident of {link.subject}, by link {link.link_id}", link.link_id),
    )


def reader_signed_in(society_id: int, society: str, unit: str, name: str) -> Reader:
    """Return a resident who is signed in."""
    return Reader(society_id, society, "unit", unit, None, Sender(name))


def asked_of(conn: Connection, reader: Reader, window: timedelta, now: datetime) -> AskedUnit:
    """Return which dials of the reader's unit can be read, and until when.

    Raises:
        NotFound: no meter serves it now.
    """
    return asked_unit(
        conn,
        reader.society_id,
        reader.society,
        reader.subject,
        kind=reader.subject_type,
        service=reader.service,
        window=window,
        now=now,
    )


@translating
def check_dial(conn: Connection, reader: Reader, sent: Sent, now: datetime) -> Checked:
    """Hold a value against what is known, and keep nothing.

    Args:
        conn: The store, outside of a transaction.
        reader: Who reads.
        sent: What would be sent.
        now: The time.

    Raises:
        SelfReadRefused: no digits, no such meter, or a time to come.
    """
    zone = open_store(conn).zone
    read = dial_text(sent.shown)
    at = moment_of_dial(sent.at, reader.sender.name, now, zone)
    with conn.transaction(force_rollback=True):
        shown = DialValue(conn, reader.society_id, zone, read.value, at)
        found = look(shown, read, sent, now)
    before = found.before
    with exactly():
        used = None if before is None else max(read.value - before.value, NOTHING)
    return Checked(
        service=found.meter.service,
        source=found.meter.source,
        shown=str(read),
        value=read.value,
        unit=BILLING_UNITS[found.meter.service],
        at=at,
        before=None if before is None else before.value,
        since=None if before is None else before.at,
        used=used,
        questions=tuple(Question(each.kind, each.question, each.meant) for each in found.said),
        is_needless=found.is_needless,
    )


def send_dial(conn: Connection, reader: Reader, sent: Sent, now: datetime) -> Submission:
    """Take what a reader sends; plausible or not, it is kept.

    Raises:
        SelfReadRefused, SubmissionRefused, QuotaReached: as `submit` does.
    """
    return submit(conn, reader.society_id, sent, reader.sender, now)


def own_submission(conn: Connection, reader: Reader, receipt: str) -> Submission:
    """Return what was sent of the reader's unit.

    Raises:
        NotFound: there is none of that name, or it is another unit's.
    """
    sent = one_submission(conn, reader.society, receipt)
    is_own = (sent.subject_type, sent.subject) == (reader.subject_type, reader.subject)
    if not is_own or reader.service not in {None, sent.service}:
        raise NotFound(f"there is no receipt {receipt} of {reader.subject}")
    return sent


def sent_before(conn: Connection, reader: Reader) -> list[Receipt]:
    """Return what this reader sent, the newest first; not what others did of the same unit."""
    found = submissions(conn, reader.society_id, waiting=False, subject=reader.subject)
    own = [
        each
        for each in found
        if each.author == reader.sender.name and each.subject_type == reader.subject_type
    ]
    return [receipt_of(each) for each in own[:MOST_TOLD]]
