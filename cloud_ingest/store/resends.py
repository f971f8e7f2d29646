# SPDX-License-Identifier: MIT
"""What billing asks to be sent again: put into the outbox piece by piece, as it was sent at first.

What stands is sent, the newest message of each number: the kept bytes, whose hash the manifest
names. One wish of a society is worked on at a time. It adds to the outbox only while fewer than
`AHEAD` messages of the society wait for an acknowledgement. At what was sent on request within
`outbox.LONGEST_WAIT` it waits: whoever asks for everything all the time gets it once in ten
minutes.

In: a wish, the time. Out: messages in the outbox. Owns: ``billing_resend``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple

from cloud_ingest.errors import ResendRefused
from cloud_ingest.store import outbox
from cloud_ingest.store.connection import Connection, literal, query, translating
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.topics import billing_topic

AHEAD = 500
"""So many messages of a society wait for an acknowledgement before more is sent again."""
MOST_WISHES = 20
"""So many wishes a society may have within `outbox.LONGEST_WAIT`."""
BEGIN = ("", "", "", "")
"""The place before all that stands."""
EVERYTHING = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Resend:
    """A wish to be sent something again, and how far it is."""

    resend_id: int
    request: BillingRequest
    asked_at: datetime
    messages: int
    """How many stood when it was asked for."""
    passed: int
    """How many of them were looked at."""
    sent: int
    """How many of those were sent again; the others wait for an acknowledgement already."""
    done_at: datetime | None
    """None: there is more to come, as billing acknowledges."""


class Standing(NamedTuple):
    """What was said last of a number, as it was sent."""

    month: str
    subject_type: str
    subject: str
    service: str
    version: int
    message: bytes

    @property
    def place(self) -> list[str]:
        """Where it stands among all of a society."""
        return [self.month, self.subject_type, self.subject, self.service]


@translating
def standing(
    conn: Connection,
    society_id: int,
    request: BillingRequest,
    *,
    after: Sequence[str] = BEGIN,
    limit: int = EVERYTHING,
) -> list[Standing]:
    """Return what stands, by month and subject.

    Args:
        conn: The store.
        society_id: Whose numbers.
        request: Which of them.
        after: What stands up to this place is left out.
        limit: At most so many.
    """
    arguments = {"society_id": society_id, "reached": list(after), "limit": limit}
    return all_rows(conn, Standing, query("outbox/standing"), {**scope(request), **arguments})


def scope(request: BillingRequest) -> dict[str, object]:
    """Return what a wish names, for a query; None: of any."""
    subject = request.subject
    return {
        "month": request.month,
        "subject_type": None if subject is None else subject.type,
        "subject": None if subject is None else subject.id,
        "service": request.service,
        "since": request.since,
    }


@translating
def ask(conn: Connection, society_id: int, request: BillingRequest, now: datetime) -> int:
    """Note a wish, unless the same one is open; return its number.

    Raises:
        ResendRefused: too much was wished for within a short time.
    """
    wish = {"society_id": society_id, "request": request.to_line().decode(), "now": now}
    opened: int | None = scalar(
        conn,
        """
        SELECT max(resend_id) FROM billing_resend
        WHERE society_id = %(society_id)s AND request = %(request)s::jsonb AND done_at IS NULL
        """,
        wish,
    )
    if opened is not None:
        return opened
    recent = scalar(
        conn,
        "SELECT count(*) FROM billing_resend WHERE society_id = %s AND asked_at > %s",
        (society_id, now - outbox.LONGEST_WAIT),
    )
    if recent >= MOST_WISHES:
        raise ResendRefused(
            f"billing of {request.society} asked {MOST_WISHES} times within ten minutes to be sent "
            "something again: acknowledge what comes, and ask again later"
        )
    return int(
        scalar(
            conn,
            """
            INSERT INTO billing_resend (society_id, request, asked_at, messages)
            VALUES (%(society_id)s, %(request)s, %(now)s, %(messages)s)
            RETURNING resend_id
            """,
            {**wish, "messages": stands(conn, society_id, request)},
        )
    )


@translating
def stands(conn: Connection, society_id: int, request: BillingRequest) -> int:
    """Return how many messages stand of a wish."""
    arguments = {"society_id": society_id, "reached": list(BEGIN), "limit": EVERYTHING}
    count = literal(f"SELECT count(*) FROM ({query('outbox/standing')}) AS found")  # noqa: S608
    return int(scalar(conn, count, {**scope(request), **arguments}))


@translating
def resends(conn: Connection, society_id: int, *, limit: int = MOST_WISHES) -> list[Resend]:
    """Return the wishes of a society, newest first."""
    return all_rows(
        conn,
        _resend,
        """
        SELECT resend_id, request, asked_at, messages, passed, sent, done_at FROM billing_resend
        WHERE society_id = %s ORDER BY resend_id DESC LIMIT %s
        """,
        (society_id, limit),
    )


def _resend(*, request: dict[str, Any], **columns: Any) -> Resend:
    return Resend(request=BillingRequest.model_validate(request), **columns)


class _Open(NamedTuple):
    """A wish that is worked on."""

    resend_id: int
    society_id: int
    society: str
    request: dict[str, Any]
    reached: Sequence[str]
    waiting: int
    """How many messages of the society wait for an acknowledgement."""


@translating
def feed(conn: Connection, now: datetime) -> int:
    """Put the next piece of each society's wish into the outbox; return how many messages."""
    messages = 0
    while scalar(conn, "SELECT EXISTS (SELECT FROM billing_resend WHERE done_at IS NULL)"):
        with conn.transaction():
            opened = all_rows(conn, _Open, query("outbox/resends"))
            fed = [_feed(conn, each, now) for each in opened if each.waiting < AHEAD]
        messages += sum(each.messages for each in fed)
        if not any(each.is_done for each in fed):
            break
    return messages


class _Fed(NamedTuple):
    messages: int
    is_done: bool


def _feed(conn: Connection, wish: _Open, now: datetime) -> _Fed:
    room = AHEAD - wish.waiting
    request = BillingRequest.model_validate(wish.request)
    piece = standing(conn, wish.society_id, request, after=wish.reached, limit=room)
    is_last = len(piece) < room
    acks = [_ack(wish.society, each) for each in piece]
    known = _known(conn, [outbox.billing_ack_key(ack) for ack in acks], now)
    again: list[tuple[str, bytes, str]] = []
    for place, (ack, each) in enumerate(zip(acks, piece, strict=True)):
        key = outbox.billing_ack_key(ack)
        if known.get(key) is _Known.WENT:  # what follows waits with it
            piece, is_last = piece[:place], False
            break
        if key not in known:
            topic = billing_topic(ack.society, ack.month, ack.subject, ack.service)
            again.append((topic, each.message, key))
    outbox.enqueue_again(conn, again, now)
    conn.execute(
        """
        UPDATE billing_resend SET passed = passed + %s, sent = sent + %s, reached = %s, done_at = %s
        WHERE resend_id = %s
        """,
        (
            len(piece),
            len(again),
            piece[-1].place if piece else list(wish.reached),
            now if is_last else None,
            wish.resend_id,
        ),
    )
    return _Fed(len(again), is_last)


class _Known(Enum):
    """What became of a message that a wish asks for."""

    WAITS = auto()
    """It is in the outbox, and comes anyway."""
    WENT = auto()
    """It was sent on request a moment ago."""


def _known(conn: Connection, keys: Sequence[str], now: datetime) -> dict[str, _Known]:
    rows = conn.execute(
        """
        SELECT ack_key, bool_or(acked_at IS NULL) FROM outbox
        WHERE ack_key = ANY (%s) AND (acked_at IS NULL OR (again AND created_at > %s))
        GROUP BY ack_key
        """,
        (list(keys), now - outbox.LONGEST_WAIT),
    )
    return {key: _Known.WAITS if waits else _Known.WENT for key, waits in rows}


def _ack(society: str, each: Standing) -> BillingAck:
    return BillingAck(
        society=society,
        month=each.month,
        subject=Subject(type=SubjectType(each.subject_type), id=each.subject),
        service=Service(each.service),
        version=each.version,
    )


@translating
def hand_out(
    conn: Connection,
    now: datetime,
    *,
    held: Sequence[int] = (),
    resend_after: timedelta = outbox.RESEND_AFTER,
) -> list[outbox.DueMessage]:
    """Return what is to be sent, as `outbox.hand_out` does, with the next piece of each wish."""
    feed(conn, now)
    return outbox.hand_out(conn, now, held=held, resend_after=resend_after)


@translating
def prune(conn: Connection, before: datetime) -> int:
    """Forget what is not needed, as `outbox.prune` does, and wishes that are done."""
    conn.execute(
        "DELETE FROM billing_resend WHERE asked_at < %s AND done_at IS NOT NULL", (before,)
    )
    return outbox.prune(conn, before)
