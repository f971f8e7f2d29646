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
from zoneinfo import ZoneInfo

from cloud_ingest.core.dial_photo import Photo, PhotoTime
from cloud_ingest.core.dial_reasons import dial_remarks
from cloud_ingest.core.dial_text import DialText, dial_text
from cloud_ingest.entries.dial_past import dial_past, with_nearby
from cloud_ingest.entries.dial_value import DialValue, minute, needless
from cloud_ingest.entries.meter import NamedMeter, find_meter, judge_register
from cloud_ingest.entries.self_read import DialEntry, moment_of_dial, take_dial
from cloud_ingest.entries.self_read_words import Said, said_of
from cloud_ingest.errors import NotFound, QuotaReached, SelfReadRefused, SubmissionRefused
from cloud_ingest.store.assignments import Assignment
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
LONG_AGO: Final = timedelta(days=10)
"""What was read earlier may be of a month that was sent to billing: a person looks at it."""
PHOTO_APART: Final = timedelta(hours=1)
THE_CHECK: Final = "the check"
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """A photo that came with the digits."""

    photo: Photo
    sha256: bytes
    """Of the bytes as they came."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a resident says of a dial."""

    named: NamedMeter
    client_id: str
    """The sender's own id of this one reading."""
    shown: str
    """The digits as they were typed."""
    at: datetime
    photo: SentPhoto | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends it, and by which link."""

    name: str
    link_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Looked:
    """A dial value beside what is known."""

    meter: Assignment
    value: DialValue
    read: DialText
    said: tuple[Said, ...]
    is_needless: bool
    is_taken: bool = False


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
        looked = _take(_look(shown, read, sent, now), sender, now)
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


def _look(shown: DialValue, read: DialText, sent: Sent, now: datetime) -> _Looked:
    """Hold a dial value against what is known.

    Raises:
        SelfReadRefused: there is no such meter, or the value is none of its dial.
    """
    conn, society_id, zone, at = shown.conn, shown.society_id, shown.zone, shown.at
    meter = find_meter(conn, society_id, sent.named, at=at)
    judge_register(conn, meter, open_store(conn), now)
    channel, claim, wrong = shown.judge(meter)
    past = dial_past(conn, society_id, meter, channel, claim)
    remarks = dial_remarks(read, at, past)
    if remarks:
        past = with_nearby(conn, society_id, meter, past, now)
        remarks = dial_remarks(read, at, past)
    said = [said_of(each, meter.service, zone) for each in remarks]
    if wrong and not remarks:
        said.append(
            Said("known_otherwise", "Another value of that moment is known already.", wrong)
        )
    if claim.before is None and claim.after is None:
        said.append(
            Said("first", "It is the first reading of this meter.", "nothing to compare it with")
        )
    said += _of_time(at, sent.photo, zone, now)
    is_needless = needless(meter, at, f"{meter.subject} {meter.service}") is not None
    return _Looked(meter, shown, read, tuple(said), is_needless)


def _of_time(at: datetime, photo: SentPhoto | None, zone: ZoneInfo, now: datetime) -> list[Said]:
    """Say what is to be said of when a dial was read."""
    found = []
    if now - at > LONG_AGO:
        days = (now - at).days
        told = f"read {days} days before it came: it may be of a month that was sent"
        found.append(Said("long_ago", "That was some time ago. Is the day right?", told))
    taken: PhotoTime | None = None if photo is None else photo.photo.taken
    if taken is not None and abs(taken.at(zone) - at) > PHOTO_APART:
        when = minute(taken.at(zone), zone)
        question = f"By its own clock the photo was taken on {when}. When did you read the dial?"
        told = f"by its own clock the photo was taken on {when}"
        found.append(Said("photo_time", question, told))
    return found


def _take(looked: _Looked, sender: Sender, now: datetime) -> _Looked:
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


def _keep(looked: _Looked, sent: Sent, sender: Sender, now: datetime) -> int:
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


def _settle(looked: _Looked, number: int, now: datetime) -> None:
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
