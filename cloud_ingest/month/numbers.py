# SPDX-License-Identifier: MIT
"""The numbers of a month: what each unit and common area is charged for, version after version.

A number is the sum of what the subject's meters counted. Where one of them proves nothing, or is
known to be wrong, the number is withheld with the reasons. A number that was published stays; a
correction is the next version, and only where it differs. If it is withheld later, its version
stays with billing, and the manifest names it as withheld instead: nothing withdraws it by itself.
In a store that was restored from a backup every number leaves once more, with a version above all
that were given before.

In: a closing, and what each meter counted. Out: the newest version of each number; what is new
stands in the store and in the outbox, in the caller's transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.quality import combined_quality, quality_of
from cloud_ingest.core.register import Register
from cloud_ingest.month.closing import Closing, SubjectKey, says_the_same
from cloud_ingest.month.count import Counted
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.months import KeptNumber
from cloud_ingest.store.outbox import billing_ack_key, enqueue
from shared_schema.billing import (
    BILLING_UNITS,
    BoundaryReading,
    MeterMonth,
    MonthlyConsumption,
    Withheld,
)
from shared_schema.catalogue import BILLED_REGISTER
from shared_schema.events import Subject, SubjectType
from shared_schema.quality import Reason
from shared_schema.topics import billing_topic


@dataclass(frozen=True, slots=True)
class Numbers:
    """The newest version of each number of a month, and what is withheld."""

    kept: tuple[KeptNumber, ...]
    published: int
    """How many of them are new or corrected."""
    withheld: tuple[Withheld, ...]


def write_numbers(
    conn: Connection, closing: Closing, subjects: Mapping[SubjectKey, Sequence[Counted]]
) -> Numbers:
    """Publish the numbers that are new or differ from their former version."""
    former_numbers = months.numbers(conn, closing.society_id, closing.month)
    before = {_key_of(kept.number): kept for kept in former_numbers}
    floor = months.version_floor(conn)
    numbers: list[KeptNumber] = []
    withheld: list[Withheld] = []
    published = 0
    for key, parts in subjects.items():
        if key.kind == "bulk":
            continue
        number = number_of(closing, key, parts)
        if isinstance(number, Withheld):
            withheld.append(number)
            continue
        former = before.get(key)
        last = 0 if former is None else former.number.version
        if former is not None and last >= floor and says_the_same(former.number, number):
            numbers.append(former)
            continue
        corrected = number.model_copy(update={"version": max(last + 1, floor)})
        numbers.append(_publish(conn, closing, corrected))
        published += 1
    return Numbers(tuple(numbers), published, tuple(withheld))


def _publish(conn: Connection, closing: Closing, number: MonthlyConsumption) -> KeptNumber:
    kept = months.add_number(conn, closing.society_id, number)
    topic = billing_topic(closing.society, closing.month, number.subject, number.service)
    enqueue(conn, topic, kept.line, ack_key=billing_ack_key(number))
    return kept


def _key_of(number: MonthlyConsumption) -> SubjectKey:
    kind: SubjectKind = "unit" if number.subject.type is SubjectType.UNIT else "common"
    return SubjectKey(kind, number.subject.id, number.service)


def number_of(
    closing: Closing, key: SubjectKey, parts: Sequence[Counted]
) -> MonthlyConsumption | Withheld:
    """Add up a subject's parts, or say why there is no number; pure."""
    service = key.service
    subject = Subject(type=SubjectType(key.kind), id=key.label)
    reasons = _ordered(part.measured.reasons for part in parts)
    shares = [_share(part) for part in parts]
    proved = tuple(share for share in shares if share is not None)
    if len(proved) < len(shares):
        return Withheld(subject=subject, service=service, reasons=reasons)
    with exactly():
        quantity = sum((share.quantity for share in proved), Decimal(0))
    return MonthlyConsumption(
        society=closing.society,
        month=closing.month,
        subject=subject,
        tower=parts[-1].assignment.tower,
        service=service,
        version=1,
        quantity=quantity,
        unit=BILLING_UNITS[service],
        quality=combined_quality(quality_of(part.measured) for part in parts),
        reasons=reasons,
        parts=proved,
        closed_at=closing.now,
    )


def _share(part: Counted) -> MeterMonth | None:
    """Return one meter's share of a number; None if it proves nothing."""
    measured = part.measured
    if measured.opening is None or measured.closing is None or measured.quantity is None:
        return None
    return MeterMonth(
        meter=part.assignment.meter,
        source=part.assignment.source,
        obis=BILLED_REGISTER[part.assignment.service],
        opening=_boundary(measured.opening),
        closing=_boundary(measured.closing),
        quantity=measured.quantity,
    )


def _boundary(reading: Register) -> BoundaryReading:
    return BoundaryReading(at=reading.ts, register_value=reading.value, origin=reading.origin)


def _ordered(sets: Iterable[frozenset[Reason]]) -> tuple[Reason, ...]:
    found = frozenset[Reason]().union(*sets)
    return tuple(reason for reason in Reason if reason in found)
