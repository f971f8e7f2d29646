# SPDX-License-Identifier: MIT
"""The outbox: what leaves the store, in the order in which it was decided.

A message with an acknowledgement key is due again until its consumer has acknowledged it, ever more
rarely. One without a key is done when the broker has taken it, even if nobody listens: what must
not be missed is retained, or has a key.

In: a topic and the bytes, put in the transaction that decided them. Out: what is due for the
broker.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.billing import MonthlyConsumption, MonthlyWithdrawal
from shared_schema.billing_asks import BillingAck

Acknowledged = MonthlyConsumption | MonthlyWithdrawal | BillingAck

RESEND_AFTER = timedelta(seconds=60)
LONGEST_WAIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class DueMessage:
    """One message that is due."""

    outbox_id: int
    topic: str
    payload: bytes
    retain: bool
    ack_key: str | None
    attempts: int


def billing_ack_key(number: Acknowledged, version: int | None = None) -> str:
    """Return how an acknowledgement names a monthly number, or what took one back.

    Args:
        number: The number, or its acknowledgement.
        version: Another version of it.
    """
    subject = number.subject
    version = number.version if version is None else version
    return json.dumps(
        [number.society, number.month, subject.type, subject.id, number.service, version]
    )


@translating
def enqueue(
    conn: Connection,
    topic: str,
    payload: bytes,
    *,
    retain: bool = False,
    ack_key: str | None = None,
) -> int:
    """Put a message into the outbox, in the caller's transaction, and return its number."""
    number = scalar(
        conn,
        """
        INSERT INTO outbox (topic, payload, retain, ack_key) VALUES (%s, %s, %s, %s)
        RETURNING outbox_id
        """,
        (topic, payload, retain, ack_key),
    )
    return int(number)


@translating
def enqueue_acknowledged(conn: Connection, messages: Iterable[tuple[str, bytes, str]]) -> None:
    """Put messages into the outbox, in the caller's transaction.

    Args:
        conn: The store.
        messages: Each with its topic, its payload and how an acknowledgement names it.
    """
    with (
        conn.cursor() as cursor,
        cursor.copy("COPY outbox (topic, payload, ack_key) FROM STDIN") as copy,
    ):
        for message in messages:
            copy.write_row(message)


@translating
def enqueue_again(
    conn: Connection, messages: Iterable[tuple[str, bytes, str]], now: datetime
) -> None:
    """Put messages into the outbox once more, which were acknowledged: another answer is no lie.

    Args:
        conn: The store.
        messages: Each with its topic, its payload and how an acknowledgement names it.
        now: The time.
    """
    with (
        conn.cursor() as cursor,
        cursor.copy(
            "COPY outbox (topic, payload, ack_key, attempts, again, created_at) FROM STDIN"
        ) as copy,
    ):
        for message in messages:
            copy.write_row((*message, 1, True, now))


@translating
def hand_out(
    conn: Connection,
    now: datetime,
    *,
    held: Sequence[int] = (),
    limit: int = 500,
    resend_after: timedelta = RESEND_AFTER,
) -> list[DueMessage]:
    """Return what is to be sent, oldest first, and note it of what awaits an acknowledgement.

    It is noted before the broker has it: the acknowledgement may be here before its answer.

    Args:
        conn: A connection.
        now: The time.
        held: What is left out for now: the broker refuses it.
        limit: At most so many.
        resend_after: How long the first acknowledgement is waited for; it doubles each time.
    """
    due = all_rows(
        conn,
        DueMessage,
        query("outbox/due"),
        {
            "now": now,
            "held": list(held),
            "limit": limit,
            "resend_after": resend_after,
            "longest": max(LONGEST_WAIT, resend_after),
        },
    )
    if awaited := [each.outbox_id for each in due if each.ack_key is not None]:
        conn.execute(
            "UPDATE outbox SET attempts = attempts + 1 WHERE outbox_id = ANY (%s)", (awaited,)
        )
    return due


@translating
def mark_published(conn: Connection, outbox_ids: Sequence[int], now: datetime) -> None:
    """Note that the broker has taken these."""
    conn.execute(
        "UPDATE outbox SET published_at = %s WHERE outbox_id = ANY (%s)",
        (now, list(outbox_ids)),
    )


@dataclass(frozen=True, slots=True)
class SentMessage:
    """How far a message with an acknowledgement key has got."""

    ack_key: str
    published_at: datetime | None
    """None: the broker has not taken it yet."""
    acked_at: datetime | None
    """None: the consumer has not acknowledged it."""


@translating
def sent_messages(conn: Connection, ack_keys: Sequence[str]) -> list[SentMessage]:
    """Return how far the messages of some acknowledgement keys have got."""
    return all_rows(
        conn,
        SentMessage,
        "SELECT ack_key, published_at, acked_at FROM outbox WHERE ack_key = ANY(%s::text[])",
        (list(ack_keys),),
    )


@translating
def requeue_retained(conn: Connection) -> int:
    """Make everything due again that a broker should retain; return how many topics."""
    return conn.execute(query("outbox/requeue_retained")).rowcount


@translating
def say_again(conn: Connection, topics: Sequence[str]) -> None:
    """Make the last retained word of some topics due again: an older one may have gone after it."""
    conn.execute(query("outbox/say_again"), {"topics": list(topics)})


@translating
def prune(conn: Connection, before: datetime) -> int:
    """Forget what was sent before a time and is not needed; return how many."""
    return conn.execute(query("outbox/prune"), {"before": before}).rowcount
