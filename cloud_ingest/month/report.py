# SPDX-License-Identifier: MIT
"""A closed month as it was published: its numbers, what is withheld, and the reconciliations.

In: a society and a month. Out: frozen rows for a table, JSON or a page. It writes nothing and
decides nothing: a month's numbers are those that were published.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from cloud_ingest.core.month import Month, parse_month
from cloud_ingest.errors import NotFound
from cloud_ingest.store import months
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.outbox import billing_ack_key, sent_messages
from cloud_ingest.store.registry import find_society
from shared_schema.billing import (
    BILLING_UNITS,
    BoundaryReading,
    Bounds,
    Estimate,
    MeterMonth,
    MonthShare,
    Reconciliation,
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

    @property
    def goes_to(self) -> str:
        """Who does something with it next, in a few words."""
        if self.delivery == "withheld":
            return "nobody yet: investigate, self-read"
        return f"billing ({self.delivery})"


@dataclass(frozen=True, slots=True)
class MonthReport:
    """A closed month of a society."""

    society: str
    month: str
    closed_at: datetime
    lines: tuple[ReportLine, ...]
    reconciliations: tuple[Reconciliation, ...]


@translating
def month_report(conn: Connection, society: str, month: str) -> MonthReport:
    """Return a closed month.

    Raises:
        NotFound: no such society, or the month is not closed.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    span = parse_month(month, store.zone)
    manifest = months.manifest(conn, society_id, month)
    if manifest is None:
        raise NotFound(
            f"{month} of {society} is not closed: cloud-ingest close-month {month} "
            f"--society '{society}'"
        )
    lines = [
        *_published(conn, society_id, month),
        *_withheld(conn, society_id, span, manifest.withheld),
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
    )


def _published(conn: Connection, society_id: int, month: str) -> list[ReportLine]:
    known = dials(conn, society_id)
    numbers = months.current(conn, society_id, month)
    delivered = deliveries(conn, [billing_ack_key(number) for number in numbers])
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
        )
        for number in numbers
    ]


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


def _withheld(
    conn: Connection, society_id: int, span: Month, withheld: Iterable[Withheld]
) -> list[ReportLine]:
    towers = {
        (str(a.subject_type), a.subject): a.tower
        for a in assignments_between(conn, society_id, span.start, span.end)
    }
    return [
        ReportLine(
            tower=towers.get((entry.subject.type.value, entry.subject.id)),
            subject_type=entry.subject.type.value,
            subject=entry.subject.id,
            service=entry.service,
            quantity=None,
            unit=BILLING_UNITS[entry.service],
            quality=Quality.MISSING,
            reasons=entry.reasons,
            version=None,
            delivery="withheld",
            parts=(),
            estimate=entry.estimate,
        )
        for entry in withheld
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
