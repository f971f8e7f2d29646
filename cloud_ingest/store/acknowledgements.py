# SPDX-License-Identifier: MIT
"""What billing acknowledges and asks to be sent again.

Only a version that left acknowledges: one that was handed to the broker, or is no longer in the
outbox because it was acknowledged before. It covers the earlier versions that left.

In: acknowledgements, requests. Out: how many messages need not be sent again, or will be.
"""

import contextlib
from datetime import datetime, timedelta

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.outbox import LONGEST_WAIT, billing_ack_key
from cloud_ingest.store.resends import ask, feed, scope
from cloud_ingest.store.rows import scalar
from shared_schema.billing import MonthlyConsumption, MonthlyWithdrawal
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.errors import UnknownSchema

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
def acknowledge_number(
    conn: Connection, ack: BillingAck, now: datetime, *, was_read: bool = False
) -> int:
    """Note that the consumer has a number or its withdrawal, and with it the earlier versions.

    Args:
        conn: The store.
        ack: What it says.
        now: The time.
        was_read: It may have read what was not sent yet.

    Returns:
        How many messages need not be sent again; 0 when it was said before.

    Raises:
        NeverSent: no such version left.
    """
    first = max(1, ack.version - VERSIONS_BEFORE)
    keys = [billing_ack_key(ack, version) for version in range(first, ack.version + 1)]
    if was_read and ack.version in _versions(conn, ack):
        conn.execute(
            "UPDATE outbox SET attempts = 1 WHERE ack_key = ANY (%s) AND attempts = 0", (keys,)
        )
    acknowledged = conn.execute(query("outbox/acknowledge"), {"keys": keys, "now": now}).rowcount
    if not acknowledged and not _left(conn, ack):
        raise _never_sent(conn, ack)
    return acknowledged


@translating
def acknowledge_taken(conn: Connection, line: bytes, now: datetime) -> None:
    """Note that billing took a message by HTTP: a number or a withdrawal, else nothing.

    The broker may not have it yet; it is still published there, once.
    """
    taken = _number(line)
    if taken is None:
        return
    first = max(1, taken.version - VERSIONS_BEFORE)
    keys = [billing_ack_key(taken, version) for version in range(first, taken.version + 1)]
    conn.execute(
        """
        UPDATE outbox SET acked_at = %s, attempts = greatest(attempts, 1)
        WHERE ack_key = ANY (%s::text[]) AND acked_at IS NULL
        """,
        (now, keys),
    )


def _number(line: bytes) -> MonthlyConsumption | MonthlyWithdrawal | None:
    for kind in (MonthlyConsumption, MonthlyWithdrawal):
        with contextlib.suppress(UnknownSchema):
            return kind.from_line(line)
    return None


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
        _society_id(conn, ack.society),
    )


def _society_id(conn: Connection, society: str) -> int | None:
    found: int | None = scalar(conn, "SELECT society_id FROM society WHERE name = %s", (society,))
    return found


@translating
def send_again(conn: Connection, request: BillingRequest, now: datetime) -> int:
    """Make due at once what billing asks for, but what was sent a moment ago: that is due soon.

    What is awaited is due now. What was acknowledged before is put into the outbox piece by piece,
    the first piece now.

    Returns:
        How many messages are due now.

    Raises:
        ResendRefused: too much was wished for within a short time.
    """
    named = scope(request)
    with conn.transaction():
        awaited = conn.execute(
            query("outbox/awaited"),
            {
                **named,
                "society": request.society,
                "now": now,
                "asked_after": ASKED_AFTER,
                "longest": LONGEST_WAIT,
            },
        ).rowcount
        society_id = _society_id(conn, request.society)
        if society_id is None or not any(named.values()):
            return awaited
        ask(conn, society_id, request, now)
        return awaited + feed(conn, now)
