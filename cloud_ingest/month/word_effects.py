# SPDX-License-Identifier: MIT
"""What a word on a number does: the messages that it sends, and the losses of towers that change.

In: the closings of months that a word brings about, within their transaction. Out: what was sent,
with its version; reconciliations before and after. Never: a write.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from cloud_ingest.month.close import Closed
from cloud_ingest.month.closed_again import ChangedBalance
from cloud_ingest.month.closing import Closing
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import closed_since
from cloud_ingest.store.number_words import NumberKey
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption, MonthlyWithdrawal
from shared_schema.catalogue import Service


@dataclass(frozen=True, slots=True)
class SentNumber:
    """A message that a word sends."""

    month: str
    subject: str
    service: Service
    unit: str
    before: Decimal | None
    """What stood; None: nothing did."""
    after: Decimal | None
    """None: the number is withdrawn."""
    version: int


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of towers before a word, of a month and the closed ones after it."""

    of: dict[tuple[str, str, Service], Decimal | None] = field(default_factory=dict)

    def read(self, conn: Connection, closing: Closing) -> None:
        """Read them, within the transaction of the word."""
        for month in closed_since(conn, closing.society_id, closing.month):
            for result in months.reconciliations(conn, closing.society_id, month):
                self.of[month, result.tower, result.service] = result.loss

    def changes(self, closed: Sequence[Closed], now: datetime) -> Iterator[ChangedBalance]:
        """Return the reconciliations that changed."""
        for each in closed:
            for result in each.reconciliations:
                if result.closed_at == now:
                    was = self.of.get((each.month, result.tower, result.service))
                    yield ChangedBalance(
                        each.month, result.tower, result.service, result.unit, was, result.loss
                    )


def sent_numbers(
    conn: Connection, closing: Closing, closed: Sequence[Closed]
) -> Iterator[SentNumber]:
    """Return the messages of closings, within their transaction."""
    for each in closed:
        former = {
            NumberKey(one.subject_type, one.subject, Service(one.service)): one.quantity
            for one in months.replaced(conn, closing.society_id, each.month)
        }
        messages: tuple[MonthlyConsumption | MonthlyWithdrawal, ...] = (
            *each.numbers,
            *each.withdrawn,
        )
        for message in messages:
            if message.closed_at == closing.now:
                yield SentNumber(
                    month=each.month,
                    subject=message.subject.id,
                    service=message.service,
                    unit=BILLING_UNITS[message.service],
                    before=former.get(_key(message)),
                    after=message.quantity if isinstance(message, MonthlyConsumption) else None,
                    version=message.version,
                )


def _key(message: MonthlyConsumption | MonthlyWithdrawal) -> NumberKey:
    return NumberKey(message.subject.type.value, message.subject.id, message.service)
