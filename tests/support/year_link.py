# SPDX-License-Identifier: MIT
"""The link from the outbox to its consumers, as bad as links are, and the consumers at its end.

The link loses messages and acknowledgements, doubles messages and gives them in another order; the
broker keeps the last retained word of each topic. Billing keeps the highest version of each number
and acknowledges what it takes; accounting keeps the newest balance of each tower.

In: a store's outbox. Out: what consumers hold. Never: a look at any other table of the store.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from cloud_ingest.store import resends
from cloud_ingest.store.acknowledgements import acknowledge_number, send_again
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.outbox import DueMessage, mark_published
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BillingManifest,
    MonthlyConsumption,
    MonthlyWithdrawal,
)
from shared_schema.billing_asks import BillingAck, BillingRequest
from shared_schema.catalogue import Service
from tests.support.received import Line, Number, Received, line_of

Key = TypeVar("Key")
EVER = datetime(2000, 1, 1, tzinfo=UTC)
PATIENCE = timedelta(minutes=11)
"""After which the outbox gives again what nobody has acknowledged."""
MOST_ROUNDS = 2_000


@dataclass
class Consumer:
    """Billing and accounting at the end of the link; what comes twice or late changes nothing."""

    numbers: dict[Line, tuple[int, bytes]] = field(default_factory=dict)
    manifests: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    balances: dict[tuple[str, str, Service], tuple[int, bytes]] = field(default_factory=dict)
    taken: int = 0
    needless: int = 0
    """Messages that were known, or older than what was known."""

    def take(self, payload: bytes) -> BillingAck | None:
        """Take one message, and acknowledge a number."""
        if not payload:
            return None
        self.taken += 1
        schema = str(json.loads(payload)["schema"]).partition("/")[0]
        if schema == "metering.billing-manifest":
            manifest = BillingManifest.from_line(payload)
            self._keep(self.manifests, manifest.month, manifest.version, payload)
        elif schema == "metering.reconciliation":
            balance = Reconciliation.from_line(payload)
            key = (balance.month, balance.tower, balance.service)
            self._keep(self.balances, key, balance.version, payload)
        elif schema == "metering.monthly-consumption":
            return self._number(MonthlyConsumption.from_line(payload), payload)
        elif schema == "metering.monthly-withdrawal":
            return self._number(MonthlyWithdrawal.from_line(payload), payload)
        return None

    def _number(self, number: Number, payload: bytes) -> BillingAck:
        self._keep(self.numbers, line_of(number), number.version, payload)
        return BillingAck(
            society=number.society,
            month=number.month,
            subject=number.subject,
            service=number.service,
            version=number.version,
        )

    def _keep(
        self, held: dict[Key, tuple[int, bytes]], key: Key, version: int, payload: bytes
    ) -> None:
        former = held.get(key)
        if former is None or former[0] < version:
            held[key] = (version, payload)
        else:
            assert former[0] > version or former[1] == payload, f"{key}: two of one version"
            self.needless += 1


@dataclass
class Link:
    """Carries what is due to one consumer, badly, and keeps what the broker retains."""

    conn: Connection
    dice: Random
    consumer: Consumer = field(default_factory=Consumer)
    retained: dict[str, bytes] = field(default_factory=dict)
    log: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    """Every message that ever left, by its number in the outbox, in the order of taking."""

    def carry(self, now: datetime) -> datetime:
        """Carry until nothing is due and nothing awaited; return when that was."""
        late: list[bytes] = []
        for _ in range(MOST_ROUNDS):
            due = resends.hand_out(self.conn, now)
            if not due and not late:
                if not self._awaited():
                    return now
                now += PATIENCE
                continue
            arrives = [*self._publish(due, now), *late]
            late = [arrives.pop() for _ in range(len(arrives) // 20)]
            self.dice.shuffle(arrives)
            for payload in arrives:
                self._hand_over(payload, now)
            now += timedelta(seconds=5)
        raise AssertionError("the outbox never ends")

    def _publish(self, due: Iterable[DueMessage], now: datetime) -> list[bytes]:
        """Let the broker take messages, and return what goes on from it."""
        taken = [each for each in due if each.ack_key is None or self.dice.random() > 0.05]
        mark_published(self.conn, [each.outbox_id for each in taken], now)
        for each in taken:
            self.log.setdefault(each.outbox_id, (each.topic, each.payload))
            if each.retain:
                self.retained[each.topic] = each.payload
        return [
            each.payload
            for each in taken
            for _ in range(1 if self.dice.random() > 0.1 else 2)
            if each.retain or each.ack_key is None or self.dice.random() > 0.05
        ]

    def _hand_over(self, payload: bytes, now: datetime) -> None:
        ack = self.consumer.take(payload)
        if ack is not None and self.dice.random() > 0.05:
            acknowledge_number(self.conn, ack, now)

    def _awaited(self) -> bool:
        row = self.conn.execute(
            "SELECT EXISTS (SELECT FROM outbox WHERE ack_key IS NOT NULL AND acked_at IS NULL)"
        ).fetchone()
        return bool(row and row[0])

    def received(self) -> Received:
        """Return what a consumer has that was given every message once, as it was decided."""
        found = Received()
        for _, (topic, payload) in sorted(self.log.items()):
            found.take(topic, payload)
        return found

    def prune(self, now: datetime) -> int:
        """Let the outbox forget what it may."""
        return resends.prune(self.conn, now)

    def joined(self, society: str, now: datetime) -> Consumer:
        """Return a consumer that knew nothing, took what is retained and had all sent again."""
        late = Link(self.conn, self.dice, retained=dict(self.retained))
        for payload in self.retained.values():
            late.consumer.take(payload)
        send_again(self.conn, BillingRequest(society=society, since=EVER), now)
        late.carry(now)
        return late.consumer
