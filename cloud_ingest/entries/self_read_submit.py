# SPDX-License-Identifier: MIT
"""What a resident sends of a dial: kept first, then held against what is known.

What is plausible is taken at once, as a claim of origin ``self_read``. What is doubtful waits for
the manager, and the resident is asked. Where the meter was read by itself since, nothing is needed.
All of it is one transaction: what is receipted is stored, with its photo and with what became of
it. The same client id again changes nothing and gets the same receipt.

In: digits, a time, a photo that was made anew, who sends it. Out: a `Submission`. Never: a number
of a month; `entries.self_read` stores the reading, and `entries.self_read_decide` a person's word.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.core.dial_text import DialText, dial_text
from cloud_ingest.entries.dial_value import DialValue
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import DialEntry, moment_of_dial, take_dial
from cloud_ingest.entries.self_read_look import LONG_AGO, Looked, Sent, SentPhoto, look
from cloud_ingest.entries.self_read_words import Said
from cloud_ingest.errors import NotFound, QuotaReached, SelfReadRefused, SubmissionRefused
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.self_read_photos import add_photo
from cloud_ingest.store.self_read_submissions import (
    NewSubmission,
    Submission,
    Verdict,
    add_decision,
    add_submission,
    sent_since,
    submission_of,
    submission_of_client,
    submissions,
)

MOST_A_DAY: Final = 10
"""So often a dial may be sent within 24 hours."""
THE_CHECK: Final = "the check"
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends it, and by which link."""

    name: str
    link_id: int | None = None


@translating
def submit(
    conn: Connection, society_id: int, sent: Sent, sender: Sender, now: datetime
) -> Submission:
    """Keep what a resident sent, and take it if it is plausible.

    Args:
        conn: The store, outside of a transaction.
        society_id: Whose unit it is.
        sent: What is sent.
        sender: Who sends it.
        now: The time.

    Raises:
        SelfReadRefused: no digits, no such meter, or a time to come: nothing is kept.
        SubmissionRefused: the client id came before with something else.
        QuotaReached: that dial was sent too often today.
    """
    zone = open_store(conn).zone
    if _CLIENT_ID.fullmatch(sent.client_id) is None:
        raise SelfReadRefused("the client id wants 8 to 64 of A-Z a-z 0-9 . _ -: a UUID is one")
    read = dial_text(sent.shown)
    at = moment_of_dial(sent.at, sender.name, now, zone)
    with conn.transaction():
        lock_in_transaction(conn, Lock.SELF_READ)
        if known := _known(conn, society_id, sent, read, at):
            return _with_photo(conn, known, sent.photo, now)
        _require_room(conn, society_id, sent.named, now)
        shown = DialValue(conn, society_id, zone, read.value, at)
        looked = _take(look(shown, read, sent, now), sender, now)
        number = _keep(looked, sent, sender, now)
        _settle(looked, number, now)
    return _kept(conn, society_id, str(number))


def _known(
    conn: Connection, society_id: int, sent: Sent, read: DialText, at: datetime
) -> Submission | None:
    """Return what came with the same client id; None: nothing did.

    Raises:
        SubmissionRefused: it said something else.
    """
    key = sent.named.subject_type, sent.named.subject, sent.named.service
    known = submission_of_client(conn, society_id, key, sent.client_id)
    if known is None:
        return None
    source = sent.named.source or known.source
    if (known.source, known.shown, known.read_at) != (source, str(read), at):
        raise SubmissionRefused(
            f"{sent.client_id} was {known.shown} before, of {known.source}: send another "
            "reading with a new client id"
        )
    return known


def _with_photo(
    conn: Connection, known: Submission, photo: SentPhoto | None, now: datetime
) -> Submission:
    """Return what came before, with the photo that it lacked."""
    if photo is not None:
        add_photo(conn, known.submission_id, photo.photo, photo.sha256, now)
    return _kept(conn, known.society_id, str(known.receipt))


def _require_room(conn: Connection, society_id: int, named: NamedMeter, now: datetime) -> None:
    """Refuse what comes too often.

    Raises:
        QuotaReached: there was enough of that dial today.
    """
    key = named.subject_type, named.subject, named.service
    if sent_since(conn, society_id, key, now - timedelta(days=1)) >= MOST_A_DAY:
        raise QuotaReached(
            f"{named.subject} {named.service} was sent {MOST_A_DAY} times within a day: come again "
            "tomorrow, or tell the manager"
        )


def _kept(conn: Connection, society_id: int, receipt: str) -> Submission:
    kept = submission_of(conn, society_id, receipt)
    if kept is None:
        raise AssertionError("it was kept in the transaction before")
    return kept


def _take(looked: Looked, sender: Sender, now: datetime) -> Looked:
    """Store the reading of what is plausible; return what is then to be said of it."""
    if looked.said or looked.is_needless:
        return looked
    entry = DialEntry(sender.name, now, None)
    try:
        with looked.value.conn.transaction():
            take_dial(looked.value, looked.meter, entry, is_named=False)
    except SelfReadRefused as error:
        said = Said("better_claim", "Another value of that moment is known already.", str(error))
        return replace(looked, said=(said,))
    return replace(looked, is_taken=True)


def _keep(looked: Looked, sent: Sent, sender: Sender, now: datetime) -> int:
    """Keep a submission with its photo and return its number."""
    conn, meter = looked.value.conn, looked.meter
    number = add_submission(
        conn,
        NewSubmission(
            society_id=looked.value.society_id,
            assignment_id=meter.assignment_id,
            subject_type=meter.subject_type,
            subject=meter.subject,
            service=meter.service,
            source=meter.source,
            client_id=sent.client_id,
            shown=str(looked.read),
            value=looked.read.value,
            step=looked.read.step,
            read_at=looked.value.at,
            received_at=now,
            link_id=sender.link_id,
            author=sender.name,
            remarks=[each.document() for each in looked.said],
        ),
    )
    if sent.photo is not None:
        add_photo(conn, number, sent.photo.photo, sent.photo.sha256, now)
    return number


def _settle(looked: Looked, number: int, now: datetime) -> None:
    """Say what became of what was taken or is not needed; what is doubtful waits."""
    conn, society_id = looked.value.conn, looked.value.society_id
    if looked.is_needless:
        why = "the meter was read by its gateway since"
        add_decision(conn, number, Verdict("not_needed", THE_CHECK, why, now, {}))
    elif looked.is_taken:
        seen = {"value": f"{looked.read.value:f}", "step": f"{looked.read.step:f}"}
        add_decision(conn, number, Verdict("taken", THE_CHECK, "it is plausible", now, seen))
        replace_waiting(conn, _kept(conn, society_id, str(number)), now)


def replace_waiting(conn: Connection, taken: Submission, now: datetime) -> None:
    """Let what the same sender sent shortly before wait no longer: somebody looked again."""
    why = f"the same sender read {taken.shown} instead"
    for each in submissions(conn, taken.society_id, waiting=True, subject=taken.subject):
        is_of_it = (each.assignment_id, each.author) == (taken.assignment_id, taken.author)
        is_near = abs(each.read_at - taken.read_at) <= LONG_AGO
        if is_of_it and is_near and each.submission_id < taken.submission_id:
            verdict = Verdict("replaced", THE_CHECK, why, now, {"instead": taken.submission_id})
            add_decision(conn, each.submission_id, verdict)


@translating
def attach_photo(
    conn: Connection, society_id: int, receipt: str, photo: SentPhoto, now: datetime
) -> Submission:
    """Keep a photo that comes after its digits; the same again changes nothing.

    Raises:
        NotFound: no such receipt.
        SubmissionRefused: it has another photo already.
    """
    with conn.transaction():
        lock_in_transaction(conn, Lock.SELF_READ)
        known = submission_of(conn, society_id, receipt)
        if known is None:
            raise NotFound(f"there is no receipt {receipt[:40]!r}")
        is_new = add_photo(conn, known.submission_id, photo.photo, photo.sha256, now)
        if not is_new and known.photo_sha256 != photo.sha256:
            raise SubmissionRefused("it has another photo: send the reading again with this one")
    return _kept(conn, society_id, receipt)
