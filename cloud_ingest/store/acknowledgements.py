# SPDX-License-Identifier: MIT
"""What billing acknowledges and asks to be sent again.

Only a version that left acknowledges: one that was handed to the broker, or is no longer in the
outbox because it was acknowledged before. It covers the earlier versions that left.

In: acknowledgements, requests. Out: how many messages need not be sent again, or will be.
"""

from datetime import datetime, timedelta

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.outbox import LONGEST_WAIT, billing_ack_key, enqueue_acknowledged
from cloud_ingest.store.rows import scalar, scalars
from shared_schema.billing import (
    BillingAck,
    BillingRequest,
    MonthlyConsumption,
    MonthlyWithdrawal,
)
from shared_schema.errors import UnknownSchema
from shared_schema.topics import SocietyTopic, billing_topic, society_topics

ASKED_AFTER = timedelta(seconds=30)
"""What was sent so short a time ago is not sent again at once because somebody asks for it."""
VERSIONS_BEFORE = 100
"""How many earlier versions of a number its acknowledgement covers."""


class NeverSent(Exception):
    """An acknowledgement names what never left; the text says what was sent instead."""

    def __init__(self, text: str, society_id: int | None) -> None:
        super().__init__(text)
        self.society_id = society_id


@translating
def acknowledge_number(conn: Connection, ack: BillingAck, now: datetime) -> int:
    """Note that the consumer has a number or its withdrawal, and with it the earlier versions.

    Returns:
        How many messages need not be sent again; 0 when it was said before.

    Raises:
        NeverSent: no such version left.
    """
    first = max(1, ack.version - VERSIONS_BEFORE)
    keys = [billing_ack_key(ack, version) for version in range(first, ack.version + 1)]
    acknowledged = conn.execute(query("outbox/acknowledge"), {"keys": keys, "now": now}).rowcount
    if not acknowledged and not _left(conn, ack):
        raise _never_sent(conn, ack)
    return acknowledged


def _left(conn: Connection, ack: BillingAck) -> bool:
    """Say whether this very version left; the outbox forgets what was acknowledged long ago."""
    offered: int | None = scalar(
        conn, "SELECT max(attempts) FROM outbox WHERE ack_key = %s", (billing_ack_key(ack),)
    )
    if offered is not None:
        return offered > 0
    return ack.version in _versions(conn, ack)


def _versions(conn: Connection, ack: BillingAck) -> list[int]:
    """Return the versions that were decided of a number, ascending."""
    rows = conn.execute(
        query("outbox/versions"),
        {
            "society": ack.society,
            "month": ack.month,
            "subject_type": ack.subject.type,
            "subject": ack.subject.id,
            "service": ack.service,
        },
    )
    return [version for (version,) in rows]


def _never_sent(conn: Connection, ack: BillingAck) -> NeverSent:
    newest = max(_versions(conn, ack), default=None)
    decided = "none is known" if newest is None else f"the newest is {newest}"
    return NeverSent(
        f"billing acknowledges version {ack.version} of {ack.service} {ack.month} of "
        f"{ack.subject.type} {ack.subject.id}, which was not sent: {decided}",
        scalar(conn, "SELECT society_id FROM society WHERE name = %s", (ack.society,)),
    )


@translating
def send_again(conn: Connection, request: BillingRequest, now: datetime) -> int:
    """Make due at once what billing asks for, but what was sent a moment ago: that is due soon.

    Returns:
        How many messages will be sent.
    """
    prefix = society_topics(request.society, SocietyTopic.BILLING).removesuffix("#")
    with conn.transaction():
        again = 0 if request.month is None else _enqueue_month(conn, request, now)
        awaited = conn.execute(
            """
            UPDATE outbox SET attempts = 1, published_at = CASE
                WHEN published_at < %(now)s::timestamptz - %(asked_after)s::interval
                THEN least(published_at, %(now)s::timestamptz - %(longest)s::interval)
                ELSE published_at END
            WHERE ack_key IS NOT NULL AND acked_at IS NULL AND starts_with(topic, %(prefix)s)
              AND published_at IS NOT NULL
            """,
            {
                "now": now,
                "prefix": prefix if request.month is None else f"{prefix}{request.month}/",
                "asked_after": ASKED_AFTER,
                "longest": LONGEST_WAIT,
            },
        )
        return again + awaited.rowcount


def _enqueue_month(conn: Connection, request: BillingRequest, now: datetime) -> int:
    """Put what stands of a month into the outbox once more, where nothing of it waits."""
    standing = [
        _standing(message)
        for (message,) in conn.execute(
            query("outbox/standing"), {"society": request.society, "month": request.month}
        )
    ]
    keys = {billing_ack_key(each): each for each in standing}
    left_out: set[str] = set(
        scalars(
            conn,
            """
            SELECT ack_key FROM outbox
            WHERE ack_key = ANY (%s) AND (acked_at IS NULL OR created_at > %s)
            """,
            (list(keys), now - LONGEST_WAIT),
        )
    )
    messages = [
        (
            billing_topic(each.society, each.month, each.subject, each.service),
            each.to_line(),
            key,
        )
        for key, each in keys.items()
        if key not in left_out
    ]
    enqueue_acknowledged(conn, messages)
    return len(messages)


def _standing(message: bytes) -> MonthlyConsumption | MonthlyWithdrawal:
    try:
        return MonthlyConsumption.from_line(message)
    except UnknownSchema:
        return MonthlyWithdrawal.from_line(message)
