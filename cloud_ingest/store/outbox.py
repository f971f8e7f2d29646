# SPDX-License-Identifier: MIT
"""The outbox: what leaves the store, in the order in which it was decided.

In: a topic and the bytes, put in the transaction that decided them. Out: what is due, to be
handed to the broker. A message with an acknowledgement key is due again until its consumer
has acknowledged it, ever more rarely; one without is done when the broker has taken it, even
if nobody listens: what must not be missed is retained, or has a key.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud_ingest.store.connection import Connection, query, translating
from shared_schema.billing import BillingAck, MonthlyConsumption

RESEND_AFTER = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)
VERSIONS_BEFORE = 100
"""How many earlier versions of a number its acknowledgement covers."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message that is due."""

    outbox_id: int
    topic: str
    payload: bytes
    retain: bool
    ack_key: str | None
    attempts: int


def billing_ack_key(number: MonthlyConsumption | BillingAck) -> str:
    """Return how an acknowledgement names a monthly number."""
    return _ack_key(number, number.version)


def _ack_key(number: MonthlyConsumption | BillingAck, version: int) -> str:
    subject = number.subject
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
    row = conn.execute(
        query("outbox_add"),
        {"topic": topic, "payload": payload, "retain": retain, "ack_key": ack_key},
    ).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


@translating
def due(
    conn: Connection,
    now: datetime,
    *,
    held: Sequence[int] = (),
    limit: int = 500,
    resend_after: timedelta = RESEND_AFTER,
) -> list[Parcel]:
    """Return what is to be sent, oldest first.

    Args:
        conn: A connection.
        now: The time.
        held: What is left out for now: the broker refuses it.
        limit: At most so many.
        resend_after: How long the first acknowledgement is waited for; it doubles each time.
    """
    rows = conn.execute(
        query("outbox/due"),
        {
            "now": now,
            "held": list(held),
            "limit": limit,
            "resend_after": resend_after,
            "longest": max(LONGEST_WAIT, resend_after),
        },
    )
    return [Parcel(*row) for row in rows]


@translating
def published(conn: Connection, outbox_ids: Sequence[int], now: datetime) -> None:
    """Note that the broker has taken these."""
    conn.execute(query("outbox_published"), {"ids": list(outbox_ids), "now": now})


@translating
def acknowledge_number(conn: Connection, ack: BillingAck, now: datetime) -> int:
    """Note that the consumer has a number, and with it its earlier versions.

    Returns:
        How many messages need not be sent again; 0 when it was said before.
    """
    keys = [
        _ack_key(ack, version)
        for version in range(max(1, ack.version - VERSIONS_BEFORE), ack.version + 1)
    ]
    return conn.execute(query("outbox_acknowledge"), {"keys": keys, "now": now}).rowcount


@translating
def requeue_retained(conn: Connection) -> int:
    """Make everything due again that a broker should retain; return how many topics."""
    return conn.execute(query("outbox/requeue_retained")).rowcount


@translating
def prune(conn: Connection, before: datetime) -> int:
    """Forget what was sent before a time and is not needed; return how many."""
    return conn.execute(query("outbox/prune"), {"before": before}).rowcount
