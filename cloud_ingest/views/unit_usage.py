# SPDX-License-Identifier: MIT
"""What a unit used in a month: as it was published, or so far; its meters, with their days.

In: a society, a month, whose. Out: one value for a table, JSON or a page. A day without data is not
there. Never: an estimate, a write.

Raises: NotFound.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypedDict, Unpack
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.month.published import ShownNumber, shown_month
from cloud_ingest.store.connection import Connection
from cloud_ingest.usage.so_far import DayUsage, day_usage
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText


class Whose(TypedDict):
    """Of whom, and how far from a border a dial may stand for it."""

    subject_type: SubjectKind
    subject: str
    self_read_window: timedelta


@dataclass(frozen=True, slots=True)
class MeterDays:
    """What one meter counted for its subject."""

    service: Service
    source: str
    meter: str
    since: datetime | None
    opening: DecimalText | None
    until: datetime | None
    closing: DecimalText | None
    quantity: DecimalText | None
    """None: not known, or known to be wrong."""
    unit: str
    days: dict[date, DecimalText]
    """A day without data is not there."""


@dataclass(frozen=True, slots=True)
class UnitUsage:
    """What a unit used in a month."""

    month: str
    closed_at: datetime | None
    """None: so far."""
    numbers: tuple[ShownNumber, ...]
    meters: tuple[MeterDays, ...]


def unit_usage(
    conn: Connection,
    society_id: int,
    span: Month,
    zone: ZoneInfo,
    *,
    subject_type: SubjectKind,
    subject: str,
    self_read_window: timedelta,
) -> UnitUsage:
    """Return what was published of a closed month; of an open one what is known so far."""
    found = published_or_so_far(
        conn,
        society_id,
        span,
        zone,
        subject_type=subject_type,
        subject=subject,
        self_read_window=self_read_window,
    )
    meters = tuple(map(_meter, found.usages))
    return UnitUsage(str(span), found.closed_at, found.numbers, meters)


@dataclass(frozen=True, slots=True)
class Found:
    """A unit's month, by number and by meter."""

    closed_at: datetime | None
    """None: so far, and without a number."""
    numbers: tuple[ShownNumber, ...]
    usages: tuple[DayUsage, ...]


def published_or_so_far(
    conn: Connection, society_id: int, span: Month, zone: ZoneInfo, **whose: Unpack[Whose]
) -> Found:
    """Return what was published of a closed month; of an open one what is known so far."""
    closed = shown_month(conn, society_id, span, zone, **whose)
    if closed is not None:
        return Found(closed.closed_at, closed.numbers, closed.usages)
    return Found(None, (), tuple(day_usage(conn, society_id, span, zone, **whose)))


def _meter(found: DayUsage) -> MeterDays:
    month = found.month
    service = Service(month.place.service)
    return MeterDays(
        service=service,
        source=month.place.source,
        meter=f"{month.place.manufacturer} {month.place.serial}",
        since=month.since,
        opening=month.opening,
        until=month.until,
        closing=month.closing,
        quantity=month.quantity,
        unit=BILLING_UNITS[service],
        days=dict(sorted(found.days.items())),
    )
