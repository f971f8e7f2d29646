# SPDX-License-Identifier: MIT
"""What went to billing of a month, version by version, and what billing has acknowledged.

In: a society, a month, perhaps a unit. Out: one value. Never: a write.

Raises: NotFound.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.errors import NotFound
from cloud_ingest.month.report import Delivery, deliveries
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import closed_at
from cloud_ingest.store.month_sent import OnTheWay, SentRow, on_the_way, sent_again, sent_of_month
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText

ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """One message to billing."""

    subject_type: SubjectKind
    subject: str
    service: Service
    version: int
    quantity: DecimalText | None
    unit: str
    status: Literal["final", "provisional", "withdrawn"]
    at: datetime
    """When the month was closed that sent it."""
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class MonthSent:
    """A page of the messages of a month, the newest first."""

    month: str
    closed_at: datetime
    messages: tuple[Sent, ...]
    total: int
    """Of all pages."""
    page: int
    """The last one in place of one behind it."""
    pages: int
    again: int
    """How many numbers were sent more than once."""
    on_the_way: OnTheWay
    """Of the whole month."""


def month_sent(
    conn: Connection, society: tuple[int, str], span: Month, label: str | None, *, page: int
) -> MonthSent:
    """Return a page of what was sent of a month.

    Args:
        conn: The store.
        society: Its number and its name.
        span: The month.
        label: Of one unit or common area alone; None: of all.
        page: From 1 on.
    """
    society_id, name = society
    at = closed_at(conn, society_id, str(span))
    if at is None:
        raise NotFound(f"{span} is not closed: nothing was sent of it yet")
    rows = sent_of_month(conn, society_id, str(span), label, limit=ROWS, offset=(page - 1) * ROWS)
    if not rows and page > 1:
        first = sent_of_month(conn, society_id, str(span), label, limit=1, offset=0)
        page = -(-first[0].total // ROWS) if first else 1
        rows = sent_of_month(
            conn, society_id, str(span), label, limit=ROWS, offset=(page - 1) * ROWS
        )
    got = deliveries(conn, [_ack_key(name, span, each) for each in rows])
    total = rows[0].total if rows else 0
    return MonthSent(
        month=str(span),
        closed_at=at,
        messages=tuple(
            _sent(each, got.get(_ack_key(name, span, each), "acknowledged")) for each in rows
        ),
        total=total,
        page=page,
        pages=max(1, -(-total // ROWS)),
        again=sent_again(conn, society_id, str(span)),
        on_the_way=on_the_way(conn, name, str(span)),
    )


def _sent(row: SentRow, delivery: Delivery) -> Sent:
    status: Literal["final", "provisional", "withdrawn"] = "withdrawn"
    quantity: Decimal | None = None
    if row.message is not None:
        number = MonthlyConsumption.from_line(bytes(row.message))
        status = "provisional" if number.status == "provisional" else "final"
        quantity = number.quantity
    service = Service(row.service)
    return Sent(
        row.subject_type,
        row.subject,
        service,
        row.version,
        quantity,
        BILLING_UNITS[service],
        status,
        row.closed_at,
        delivery,
    )


def _ack_key(society: str, span: Month, row: SentRow) -> str:
    """Return how an acknowledgement names a message, as `outbox.billing_ack_key` does."""
    own = [row.subject_type, row.subject, row.service, row.version]
    return json.dumps([society, str(span), *own])
