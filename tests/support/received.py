# SPDX-License-Identifier: MIT
"""What billing and accounting hold: every message of the outbox, taken as its consumer takes it.

Of each number and withdrawal the highest version counts, of each manifest and balance the newest.
The manifest has to name what its month consists of, by the bytes that were sent.

In: a store. Out: the newest of everything, and what its manifests say. Never: a look at any other
table than the outbox.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from cloud_ingest.store.connection import Connection
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BillingManifest,
    BoundaryReading,
    ManifestEntry,
    MonthlyConsumption,
    MonthlyWithdrawal,
    Withheld,
)
from shared_schema.catalogue import Service

Number = MonthlyConsumption | MonthlyWithdrawal


class Line(NamedTuple):
    """Which number is meant: of whom, in which month, of which service."""

    month: str
    kind: str
    subject: str
    service: Service


class Stretch(NamedTuple):
    """What a meter's register did for somebody, or for nobody, between two readings."""

    opening: BoundaryReading
    closing: BoundaryReading
    who: str


@dataclass
class Received:
    """What a consumer has that read every message."""

    numbers: dict[Line, Number] = field(default_factory=dict)
    manifests: dict[str, BillingManifest] = field(default_factory=dict)
    balances: dict[tuple[str, str, Service], Reconciliation] = field(default_factory=dict)
    hashes: dict[tuple[Line, int], str] = field(default_factory=dict)
    """SHA-256 of each number or withdrawal that came last under its version."""

    flags: set[str] = field(default_factory=set)
    """The topics of the events that are open."""
    _balance_at: dict[str, tuple[str, str, Service]] = field(default_factory=dict)
    """Which balance is retained under a topic."""

    def take(self, topic: str, payload: bytes) -> None:
        """Take one message; an empty one clears what was retained."""
        if "/events/" in topic:
            (self.flags.add if payload else self.flags.discard)(topic)
            return
        if not payload:
            self.balances.pop(self._balance_at.pop(topic), None)
            return
        schema = str(json.loads(payload)["schema"]).partition("/")[0]
        if schema == "metering.billing-manifest":
            manifest = BillingManifest.from_line(payload)
            self.manifests[manifest.month] = manifest
        elif schema == "metering.reconciliation":
            balance = Reconciliation.from_line(payload)
            self._balance_at[topic] = (balance.month, balance.tower, balance.service)
            self.balances[self._balance_at[topic]] = balance
        elif schema in {"metering.monthly-consumption", "metering.monthly-withdrawal"}:
            self._take_number(payload, is_withdrawal=schema.endswith("withdrawal"))

    def _take_number(self, payload: bytes, *, is_withdrawal: bool) -> None:
        number: Number = (
            MonthlyWithdrawal.from_line(payload)
            if is_withdrawal
            else MonthlyConsumption.from_line(payload)
        )
        line = line_of(number)
        former = self.numbers.get(line)
        assert former is None or former.version < number.version, (
            f"{line}: version {number.version} came after {former.version}"
        )
        self.numbers[line] = number
        self.hashes[line, number.version] = hashlib.sha256(payload).hexdigest()

    def withheld(self, line: Line) -> Withheld | None:
        """Return what the newest manifest says of a number that is withheld."""
        manifest = self.manifests.get(line.month)
        found = [] if manifest is None else [w for w in manifest.withheld if _is(w, line)]
        return found[0] if found else None

    def sent(self, line: Line) -> MonthlyConsumption | None:
        """Return the number that stands; None where it was taken back or never came."""
        found = self.numbers.get(line)
        return found if isinstance(found, MonthlyConsumption) else None

    def faults(self) -> Iterator[str]:
        """Say what no consumer could make sense of, whatever happened to a society."""
        for month, manifest in self.manifests.items():
            yield from self._unlike(month, manifest.entries, MonthlyConsumption)
            yield from self._unlike(month, manifest.withdrawn, MonthlyWithdrawal)
            named = {(month, *_who(entry)) for entry in manifest.entries}
            for line, number in self.numbers.items():
                if line.month != month or line in named:
                    continue
                if isinstance(number, MonthlyConsumption):
                    yield f"{line} stands with billing, but the manifest does not name it"
            doubled = [w for w in manifest.withheld if (month, *_who(w)) in named]
            yield from (f"{month} {w.subject.id}: both sent and withheld" for w in doubled)
        for number in self.numbers.values():
            if isinstance(number, MonthlyConsumption):
                yield from _bad_sum(number)
        yield from self._torn_borders()

    def _unlike(
        self, month: str, entries: Sequence[ManifestEntry], kind: type[Number]
    ) -> Iterator[str]:
        for entry in entries:
            line = Line(month, *_who(entry))
            number = self.numbers.get(line)
            if not isinstance(number, kind) or number.version != entry.version:
                yield f"{line}: the manifest names version {entry.version}, which did not come last"
            elif self.hashes[line, entry.version] != entry.sha256:
                yield f"{line}: the manifest names other bytes than were sent"

    def stretches(self) -> dict[tuple[str, str, Service], list[Stretch]]:
        """Return what is known of each meter's register, in the order of time."""
        found: dict[tuple[str, str, Service], list[Stretch]] = {}
        for line, number in self.numbers.items():
            if isinstance(number, MonthlyConsumption):
                for part in number.parts:
                    key = (part.meter.manufacturer, part.meter.serial, line.service)
                    told = Stretch(part.opening, part.closing, f"{line.subject} {line.month}")
                    found.setdefault(key, []).append(told)
        for manifest in self.manifests.values():
            for gap in manifest.unassigned:
                key = (gap.meter.manufacturer, gap.meter.serial, gap.service)
                told = Stretch(gap.opening, gap.closing, f"nobody {manifest.month}")
                found.setdefault(key, []).append(told)
        for own in found.values():
            own.sort(key=lambda each: (each.opening.at, each.closing.at))
        return found

    def charged_twice(self) -> Iterator[str]:
        """Say where a number opens below the end of the one before: the registers never fall."""
        for meter, own in self.stretches().items():
            for before, after in pairwise(own):
                if after.opening.register_value < before.closing.register_value:
                    yield f"charged twice: {meter}: {before}, {after}"

    def _torn_borders(self) -> Iterator[str]:
        """Say where two neighbours have another reading at the border that they share."""
        for meter, own in self.stretches().items():
            for before, after in pairwise(own):
                if before.closing.at > after.opening.at:
                    yield f"{meter}: {before.who} and {after.who} overlap"
                elif before.closing.at == after.opening.at and (
                    before.closing.register_value != after.opening.register_value
                ):
                    yield f"{meter}: {before.who} and {after.who} do not share their border"


def _bad_sum(number: MonthlyConsumption) -> Iterator[str]:
    what = f"{number.subject.id} {number.month}"
    total = sum((part.quantity for part in number.parts), Decimal(0))
    if total != number.quantity:
        yield f"{what}: its parts make {total}, not {number.quantity}"
    if number.quantity < 0:
        yield f"{what}: a negative quantity was sent"
    if number.bounds is not None and not (
        number.bounds.lower <= number.quantity <= number.bounds.upper
    ):
        yield f"{what}: {number.quantity} lies outside its own bounds"


def _is(withheld: Withheld, line: Line) -> bool:
    return _who(withheld) == line[1:]


def _who(entry: ManifestEntry | Withheld | Number) -> tuple[str, str, Service]:
    return (entry.subject.type.value, entry.subject.id, entry.service)


def line_of(number: Number) -> Line:
    """Return which number a message is."""
    return Line(number.month, *_who(number))


def read_received(conn: Connection) -> Received:
    """Read the whole outbox of a store."""
    received = Received()
    sent = conn.execute("SELECT topic, payload FROM outbox ORDER BY outbox_id").fetchall()
    for topic, payload in sent:
        received.take(topic, bytes(payload))
    return received
