# SPDX-License-Identifier: MIT
"""Which numbers of closed months wait for a person, and what each would become.

In: a society, perhaps one month. Out: what stands, what it would be, why it waits, and which
numbers go with it. Never: a write.

Raises: NotFound, CloseRefused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cloud_ingest.core.month import parse_month
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.number_words import (
    Doubt,
    DoubtKind,
    doubts,
)
from cloud_ingest.store.registry import find_society
from shared_schema.billing import (
    BILLING_UNITS,
)
from shared_schema.catalogue import Service
from shared_schema.quality import Reason

Quantities = tuple[Decimal | None, ...]
"""Of a number and of those that go with it, in their order; None: it would be withdrawn."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A number that waits for a person."""

    month: str
    subject_type: str
    subject: str
    service: Service
    state: DoubtKind
    published: Decimal | None
    """What stands; None: nothing was published."""
    version: int | None
    quantity: Decimal | None
    """What it would become; None: it would be withdrawn."""
    unit: str
    reasons: tuple[Reason, ...]
    since: datetime
    goes_with: tuple[str, ...]
    """Other subjects whose changes go together with it."""


def quantities_text(quantities: Quantities) -> str:
    """Return quantities as a person types them."""
    return ",".join("withdrawn" if each is None else f"{each:f}" for each in quantities)


@translating
def waiting_numbers(conn: Connection, society: str, month: str | None = None) -> list[Waiting]:
    """Return what waits for a person in one closed month, or in all.

    Raises:
        NotFound: no such society.
        CloseRefused: that is no month.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    name = None if month is None else str(parse_month(month, store.zone))
    found = [each for each in doubts(conn, society_id, name) if each.kind != "kept"]
    return waiting_of(conn, society_id, found)


def waiting_of(conn: Connection, society_id: int, found: Sequence[Doubt]) -> list[Waiting]:
    """Return doubts as people see them, with what is published beside them."""
    stands = {
        (month, number.subject.type.value, number.subject.id, number.service): number.quantity
        for month in sorted({each.month for each in found})
        for number in months.current(conn, society_id, month)
    }
    return [
        Waiting(
            month=each.month,
            subject_type=each.key.subject_type,
            subject=each.key.subject,
            service=each.key.service,
            state=each.kind,
            published=stands.get((each.month, *each.key)),
            version=each.version,
            quantity=each.quantity,
            unit=BILLING_UNITS[each.key.service],
            reasons=each.reasons,
            since=each.since,
            goes_with=tuple(
                other.key.subject
                for other in found
                if (other.month, other.linked) == (each.month, each.linked) and other is not each
            ),
        )
        for each in found
    ]
