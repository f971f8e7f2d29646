# SPDX-License-Identifier: MIT
"""A closed month as it was published: its numbers, what is withheld, taken back or held.

A number that was sent more than once names what corrected it (`month.cause`).

In: a society and a month. Out: frozen rows for a table, JSON or a page. It writes nothing and
decides nothing: a month's numbers are those that were published.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from cloud_ingest.core.month import Month, parse_month
from cloud_ingest.errors import NotFound
from cloud_ingest.month.cause import Cause, causes_of
from cloud_ingest.store import months
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.number_words import NumberKey
from cloud_ingest.store.outbox import billing_ack_key, sent_messages
from cloud_ingest.store.registry import find_society
from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BILLING_UNITS,
    BillingManifest,
    BoundaryReading,
    Bounds,
    Estimate,
    Held,
    MeterMonth,
    MonthlyConsumption,
    MonthlyWithdrawal,
    MonthShare,
    Unassigned,
    Withheld,
)
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText
from shared_schema.quality import Quality, Reason

Delivery = Literal["waiting", "sent", "acknowledged", "withheld"]


@dataclass(frozen=True, slots=True)
class ReportPart:
    """One meter's share of a number."""

    source: str
    meter: str
    opening: BoundaryReading
    closing: BoundaryReading
    quantity: DecimalText
    opening_dial: DecimalText | None
    """What the dial showed beside the register; None: it was never compared with its module."""
    closing_dial: DecimalText | None


@dataclass(frozen=True, slots=True)
class ReportHeld:
    """A change that waits for a person."""

    quantity: DecimalText | None
    """What it would become; None: it would be withdrawn."""
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One subject's month of one service."""

    tower: str | None
    subject_type: str
    subject: str
    service: Service
    quantity: DecimalText | None
    """None: withheld."""
    unit: str
    quality: Quality
    reasons: tuple[Reason, ...]
    version: int | None
    delivery: Delivery
    parts: tuple[ReportPart, ...]
    bounds: Bounds | None = None
    """Between what the truth lies; None: the quantity is exact, or withheld."""
    estimate: Estimate | None = None
    """What it probably is, where it is withheld because a border was not read."""
    since: str | None = None
    """The first month that a catch-up covers."""
    shares: tuple[MonthShare, ...] = ()
    """Of the months that it covers."""
    correction: Cause | None = None
    """None: it is the first version."""
    held: ReportHeld | None = None
    is_withdrawn: bool = False
    """What was sent was taken back; the version is that of the withdrawal."""

    @property
    def goes_to(self) -> str:
        """Who does something with it next, in a few words."""
        if self.is_withdrawn:
            return f"taken back from billing ({self.delivery})"
        if self.delivery == "withheld":
            return "nobody yet: investigate, self-read"
        if self.held is not None:
            return f"billing ({self.delivery}); a change is held"
        return f"billing ({self.delivery})"


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A closed month of a society."""

    society: str
    month: str
    closed_at: datetime
    lines: tuple[ReportLine, ...]
    reconciliations: tuple[Reconciliation, ...]
    unassigned: tuple[Unassigned, ...] = ()
    """What meters counted while they served nobody."""


@translating
def month_report(conn: Connection, society: str, month: str) -> MonthReport:
    """Return a closed month.

    Raises:
        NotFound: no such society, or the month is not closed.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    span = parse_month(month, store.zone)
    manifest = manifest_of(conn, society_id, month)
    if manifest is None:
        raise NotFound(
            f"{month} of {society} is not closed: cloud-ingest close-month {month} "
            f"--society '{society}'"
        )
    corrections = causes_of(conn, society_id, span)
    lines = [
        *_published(conn, society_id, month, corrections, manifest.held),
        *_missing(conn, society_id, span, manifest, corrections),
    ]
    lines.sort(key=lambda line: (line.subject_type != "unit", line.subject, line.service))
    return MonthReport(
        society=society,
        month=month,
        closed_at=manifest.closed_at,
        lines=tuple(lines),
        reconciliations=tuple(
            sorted(
                months.reconciliations(conn, society_id, month),
                key=lambda result: (result.tower, result.service),
            )
        ),
        unassigned=manifest.unassigned,
    )


_Corrections = Mapping[NumberKey, Cause]


def _published(
    conn: Connection,
    society_id: int,
    month: str,
    corrections: _Corrections,
    held: Iterable[Held],
) -> list[ReportLine]:
    known = dials(conn, society_id)
    numbers = months.current(conn, society_id, month)
    delivered = deliveries(conn, [billing_ack_key(number) for number in numbers])
    waits = {_key(each): ReportHeld(each.quantity, each.reasons) for each in held}
    return [
        ReportLine(
            tower=number.tower,
            subject_type=number.subject.type.value,
            subject=number.subject.id,
            service=number.service,
            quantity=number.quantity,
            unit=number.unit,
            quality=number.quality,
            reasons=number.reasons,
            version=number.version,
            delivery=delivered.get(billing_ack_key(number), "acknowledged"),
            parts=tuple(_part(part, known) for part in number.parts),
            bounds=number.bounds,
            since=number.since,
            shares=number.shares,
            correction=corrections.get(_key(number)),
            held=waits.get(_key(number)),
        )
        for number in numbers
    ]


def _key(named: MonthlyConsumption | MonthlyWithdrawal | Held | Withheld) -> NumberKey:
    return NumberKey(named.subject.type.value, named.subject.id, named.service)


def _part(part: MeterMonth, known: Dials) -> ReportPart:
    meter = str(part.meter)
    opening, closing = part.opening, part.closing
    return ReportPart(
        source=part.source,
        meter=meter,
        opening=opening,
        closing=closing,
        quantity=part.quantity,
        opening_dial=known.shown(meter, opening.register_value, opening.at),
        closing_dial=known.shown(meter, closing.register_value, closing.at),
    )


def _missing(
    conn: Connection,
    society_id: int,
    span: Month,
    manifest: BillingManifest,
    corrections: _Corrections,
) -> list[ReportLine]:
    """Return a line for each number that is withheld or was taken back, or both."""
    towers = {
        (str(a.subject_type), a.subject): a.tower
        for a in assignments_between(conn, society_id, span.start, span.end)
    }
    named = {(entry.subject, entry.service, entry.version) for entry in manifest.withdrawn}
    taken = {
        _key(kept.withdrawal): kept.withdrawal
        for kept in months.withdrawals(conn, society_id, str(span))
        if (kept.withdrawal.subject, kept.withdrawal.service, kept.withdrawal.version) in named
    }
    delivered = deliveries(conn, [billing_ack_key(each) for each in taken.values()])
    withheld = {_key(each): each for each in manifest.withheld}
    return [
        ReportLine(
            tower=towers.get((key.subject_type, key.subject)),
            subject_type=key.subject_type,
            subject=key.subject,
            service=key.service,
            quantity=None,
            unit=BILLING_UNITS[key.service],
            quality=Quality.MISSING,
            reasons=withheld[key].reasons if key in withheld else taken[key].reasons,
            version=taken[key].version if key in taken else None,
            delivery=delivered.get(billing_ack_key(taken[key]), "acknowledged")
            if key in taken
            else "withheld",
            parts=(),
            estimate=withheld[key].estimate if key in withheld else None,
            correction=corrections.get(key),
            is_withdrawn=key in taken,
        )
        for key in sorted(withheld.keys() | taken.keys())
    ]


def deliveries(conn: Connection, keys: list[str]) -> dict[str, Delivery]:
    """Return how far messages have got, by their acknowledgement keys."""
    found: dict[str, Delivery] = {}
    for message in sent_messages(conn, keys):
        sent: Delivery = "waiting" if message.published_at is None else "sent"
        found[message.ack_key] = sent if message.acked_at is None else "acknowledged"
    return found


def as_json(report: MonthReport) -> str:
    """Write a closed month as one JSON document."""
    return TypeAdapter(MonthReport).dump_json(report, indent=2, by_alias=True).decode()
