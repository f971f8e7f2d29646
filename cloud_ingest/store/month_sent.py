# SPDX-License-Identifier: MIT
"""What was sent of a month, message by message, and how far each has got.

In: a society, a month. Out: messages as they were sent; counts. Never: a write.
"""

import json
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row


class SentRow(NamedTuple):
    """A number that was sent, or what took one back, and how many messages there are."""

    subject_type: SubjectKind
    subject: str
    service: str
    version: int
    quantity: Decimal | None
    """None: it took the number back."""
    message: bytes | None
    closed_at: datetime
    total: int


class OnTheWay(NamedTuple):
    """How many messages of a month are not acknowledged yet."""

    waiting: int
    """They were not sent yet."""
    sent: int
    oldest: datetime | None
    """Since when the oldest of them waits."""


@translating
def sent_of_month(
    conn: Connection,
    society_id: int,
    month: str,
    label: str | None,
    *,
    limit: int,
    offset: int,
) -> list[SentRow]:
    """Return a page of what was sent of a month, or of one label."""
    asked = {"society_id": society_id, "month": month, "label": label}
    page = {"limit": limit, "offset": offset}
    return all_rows(conn, SentRow, query("month/sent"), asked | page, prepare=False)


@translating
def on_the_way(conn: Connection, society: str, month: str) -> OnTheWay:
    """Return how many messages of a month are not acknowledged; the acknowledged may be pruned."""
    found = one_row(
        conn,
        OnTheWay,
        """
        SELECT count(*) FILTER (WHERE published_at IS NULL) AS waiting,
               count(*) FILTER (WHERE published_at IS NOT NULL) AS sent, min(created_at) AS oldest
        FROM outbox
        WHERE ack_key IS NOT NULL AND acked_at IS NULL AND starts_with(ack_key, %s)
        """,
        (json.dumps([society, month])[:-1] + ", ",),
    )
    return found or OnTheWay(0, 0, None)


@translating
def sent_again(conn: Connection, society_id: int, month: str) -> int:
    """Return how many numbers of a month were sent more than once."""
    row = conn.execute(
        """
        SELECT count(DISTINCT (subject_type, subject, service)) FROM month_number
        WHERE society_id = %s AND month = %s AND version > 1
        """,
        (society_id, month),
    ).fetchone()
    return 0 if row is None else int(row[0])
