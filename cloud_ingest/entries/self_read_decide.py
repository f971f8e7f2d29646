# SPDX-License-Identifier: MIT
"""A manager's word on what waits: approved or refused, once and for all.

Who approves vouches for the value as it was sent: it becomes a claim of origin ``self_read`` whose
reason is the manager's. The precedence stays: what the meter itself said of that moment, or an
edit, is elected before it, and then the word is refused with what to do. Of two managers at the
same time one decides, and the other one is told.

In: a submission, who says what and why. Out: the submission with its decision. Never: a second
decision of one submission; a value that nobody sent.
"""

from datetime import datetime

from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.advice import enter_command
from cloud_ingest.entries.dial_value import DialValue
from cloud_ingest.entries.meter import NamedMeter, find_meter, judge_register
from cloud_ingest.entries.self_read import DialEntry, take_dial
from cloud_ingest.entries.self_read_submit import replace_waiting
from cloud_ingest.errors import NotFound, SubmissionRefused
from cloud_ingest.store.assignments import meter_of
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.self_read_photos import picture_of
from cloud_ingest.store.self_read_submissions import (
    Decision,
    Submission,
    Verdict,
    add_decision,
    submission_of,
    submissions,
)


@translating
def waiting(
    conn: Connection, society: str, *, everything: bool = False, subject: str | None = None
) -> list[Submission]:
    """Return what waits for a person, or all that was sent, the newest first.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    return submissions(conn, society_id, waiting=not everything, subject=subject)


@translating
def one_submission(conn: Connection, society: str, receipt: str) -> Submission:
    """Return what was sent, by its number or its receipt.

    Raises:
        NotFound: no such society, or nothing of that name was sent there.
    """
    return _find(conn, find_society(conn, society), receipt)


@translating
def photo_of(conn: Connection, society: str, receipt: str) -> bytes:
    """Return the photo that came with a submission, as JPEG.

    Raises:
        NotFound: none came, or it is no longer kept.
    """
    sent = one_submission(conn, society, receipt)
    jpeg = picture_of(conn, sent.submission_id)
    if jpeg is None:
        why = "no photo came with it" if sent.photo_sha256 is None else "it is no longer kept"
        raise NotFound(f"there is no photo of {receipt}: {why}")
    return jpeg


@translating
def decide(
    conn: Connection,
    society: str,
    receipt: str,
    *,
    approve: bool,
    by: str,
    reason: str,
    now: datetime,
) -> Submission:
    """Approve or refuse what waits.

    Args:
        conn: The store, outside of a transaction.
        society: The society's name.
        receipt: Its number or its receipt.
        approve: Take the value; else refuse it.
        by: Who decides.
        reason: Why.
        now: The time.

    Raises:
        NotFound: nothing of that name was sent.
        SubmissionRefused: it was decided before, or another meter hung there.
        SelfReadRefused: another claim of the same moment is better.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    with conn.transaction():
        lock_in_transaction(conn, Lock.SELF_READ)
        sent = _find(conn, society_id, receipt)
        if sent.decision is not None:
            raise SubmissionRefused(
                f"{receipt} waits for nobody: it was {sent.decision} by {sent.decided_by} "
                f"({sent.decided_because})"
            )
        if approve:
            entry = DialEntry(sent.author, now, f"{reason} ({by})", over_edits=False)
            _take(conn, store, sent, entry)
        word: Decision = "approved" if approve else "refused"
        add_decision(conn, sent.submission_id, Verdict(word, by, reason, now, _seen(sent)))
        if approve:
            replace_waiting(conn, sent, now)
    return _find(conn, society_id, str(sent.receipt))


def _find(conn: Connection, society_id: int, receipt: str) -> Submission:
    sent = submission_of(conn, society_id, receipt.strip())
    if sent is None:
        raise NotFound(
            f"nothing was sent under {receipt[:40]!r}: look at cloud-ingest self-read list"
        )
    return sent


def _take(conn: Connection, store: Store, sent: Submission, entry: DialEntry) -> None:
    """Store the reading that a manager vouches for."""
    named = NamedMeter(
        sent.subject, sent.service, source=sent.source, subject_type=sent.subject_type
    )
    meter = find_meter(conn, sent.society_id, named, at=sent.read_at)
    if meter.meter_id != meter_of(conn, sent.assignment_id):
        raise SubmissionRefused(
            f"{sent.subject} {sent.service}: by the list of units it was {meter.meter} that hung "
            "there, and not the meter that this was sent of: refuse it, and enter what the dial of "
            f"that meter showed: {enter_command(meter, sent.read_at, sent.value, store.zone)}"
        )
    judge_register(conn, meter, store, entry.now)
    shown = DialValue(conn, sent.society_id, store.zone, sent.value, sent.read_at)
    take_dial(shown, meter, entry, is_named=False)


def _seen(sent: Submission) -> dict[str, object]:
    """Return what stood before who decided."""
    return {
        "value": f"{sent.value:f}",
        "step": f"{sent.step:f}",
        "remarks": [dict(each) for each in sent.remarks],
        "photo": sent.has_picture,
    }
