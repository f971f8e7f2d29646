# SPDX-License-Identifier: MIT
"""A unit's month as people look at it: its numbers, whence they come, what they stand beside.

Of a closed month the numbers are those that were sent. Another month that it stands beside is asked
in the same way, so that both pages say the same.

In: a society, a month, whose, the time. Out: one value. Never: an estimate, a neighbour's number;
of similar units the middle one alone, where they are enough that nobody is seen in it.

Raises: NotFound, CloseRefused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.consumption import Stretch
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.flag import Flag
from cloud_ingest.core.month import Month, parse_month, previous_month
from cloud_ingest.errors import NotFound
from cloud_ingest.month.exported import Owner, month_export
from cloud_ingest.month.published import ShownNumber
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import list_events
from cloud_ingest.store.similar_units import Similar, similar_units
from cloud_ingest.usage.so_far import DayUsage
from cloud_ingest.views.unit_usage import published_or_so_far
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.quality import Origin

ENOUGH_UNITS: Final = 5
"""So many others are known before one of them stands for all."""
MOST_FLAGS: Final = 20


@dataclass(frozen=True, slots=True)
class MeterOfUnit:
    """What one meter counted in a month."""

    source: str
    meter: str
    since: datetime | None
    opening: Decimal | None
    opening_origin: Origin | None
    """None: the month is not closed, or the number does not stand."""
    until: datetime | None
    closing: Decimal | None
    closing_origin: Origin | None
    quantity: Decimal | None
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class ServiceOfUnit:
    """A unit's month of one service."""

    service: Service
    unit: str
    quantity: Decimal | None
    """None: not known, withheld or taken back."""
    number: ShownNumber | None
    """None: the month is not closed."""
    meters: tuple[MeterOfUnit, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    """Another month of the same unit."""

    span: Month
    services: tuple[ServiceOfUnit, ...]

    @property
    def month(self) -> str:
        """Its name, such as 2026-10."""
        return str(self.span)

    def of(self, service: Service) -> ServiceOfUnit | None:
        """Return what it says of a service."""
        return next((each for each in self.services if each.service is service), None)


@dataclass(frozen=True, slots=True)
class UnitPage:
    """A unit's month."""

    society: str
    kind: SubjectKind
    subject: str
    tower: str | None
    span: Month
    closed_at: datetime | None
    """None: so far."""
    services: tuple[ServiceOfUnit, ...]
    before: Beside | None
    year_before: Beside | None
    similar: tuple[Similar, ...]
    flags: tuple[Flag, ...]
    """That were open in the month, the newest first."""

    @property
    def month(self) -> str:
        """Its name, such as 2026-10."""
        return str(self.span)

    def beside(self, service: Service) -> list[tuple[Beside, ServiceOfUnit]]:
        """Return the other months that know a service, the nearest first."""
        months = (each for each in (self.before, self.year_before) if each is not None)
        return [(each, found) for each in months if (found := each.of(service)) is not None]

    def similar_of(self, service: Service) -> Similar | None:
        """Return what similar units used of a service."""
        return next((each for each in self.similar if each.service == service), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose month is asked for."""

    society: str
    society_id: int
    kind: SubjectKind
    subject: str
    window: timedelta
    """How far from a border a dial may stand for it."""


def unit_page(
    conn: Connection, asked: Asked, month: str, zone: ZoneInfo, now: datetime
) -> UnitPage:
    """Return a unit's month: as it was published, or so far."""
    span = month_to_show(conn, asked.society_id, month, zone, now)
    closed_at, services = _services(conn, asked, span, zone)
    before = parse_month(f"{previous_month(span.first):%Y-%m}", zone)
    year_before = parse_month(f"{span.first.year - 1}-{span.first.month:02}", zone)
    serving = assignments_between(
        conn,
        asked.society_id,
        span.start,
        span.end,
        subject_type=asked.kind,
        subject=asked.subject,
    )
    tower = serving[-1].tower if serving else None
    similar: Sequence[Similar] = ()
    if closed_at is not None and asked.kind == "unit":
        similar = similar_units(conn, asked.society_id, span, tower, asked.subject)
    return UnitPage(
        society=asked.society,
        kind=asked.kind,
        subject=asked.subject,
        tower=tower,
        span=span,
        closed_at=closed_at,
        services=services,
        before=_beside(conn, asked, before, zone),
        year_before=_beside(conn, asked, year_before, zone),
        similar=tuple(each for each in similar if each.units >= ENOUGH_UNITS),
        flags=tuple(_flags(conn, asked, span)),
    )


def _beside(conn: Connection, asked: Asked, span: Month, zone: ZoneInfo) -> Beside | None:
    try:
        _, services = _services(conn, asked, span, zone)
    except NotFound:
        return None
    known = tuple(each for each in services if each.quantity is not None)
    return Beside(span, known) if known else None


def _services(
    conn: Connection, asked: Asked, span: Month, zone: ZoneInfo
) -> tuple[datetime | None, tuple[ServiceOfUnit, ...]]:
    found = published_or_so_far(
        conn,
        asked.society_id,
        span,
        zone,
        subject_type=asked.kind,
        subject=asked.subject,
        self_read_window=asked.window,
    )
    if found.closed_at is None:
        return None, tuple(_so_far(service, own) for service, own in _by_service(found.usages))
    origins = _origins(conn, asked, span)
    numbers = {each.service: each for each in found.numbers}
    meters = dict(_by_service(found.usages))
    return found.closed_at, tuple(
        ServiceOfUnit(
            service,
            BILLING_UNITS[service],
            number.quantity,
            number,
            tuple(_meter(each, origins) for each in meters.get(service, ())),
        )
        for service, number in sorted(numbers.items())
    )


def _so_far(service: Service, usages: Sequence[DayUsage]) -> ServiceOfUnit:
    known = [each.month.quantity for each in usages if each.month.quantity is not None]
    with exactly():
        quantity = sum(known, Decimal(0)) if len(known) == len(usages) else None
    meters = tuple(_meter(each, {}) for each in usages)
    return ServiceOfUnit(service, BILLING_UNITS[service], quantity, None, meters)


def _by_service(usages: Iterable[DayUsage]) -> list[tuple[Service, list[DayUsage]]]:
    found: dict[Service, list[DayUsage]] = {}
    for each in sorted(usages, key=lambda each: (each.month.place.service, _name(each))):
        found.setdefault(Service(each.month.place.service), []).append(each)
    return list(found.items())


def _name(usage: DayUsage) -> tuple[str, str, str, float]:
    place, since = usage.month.place, usage.month.since
    at = 0.0 if since is None else since.timestamp()
    return (place.source, place.manufacturer, place.serial, at)


_Ends = tuple[Origin, Origin]
_Origins = dict[tuple[str, datetime, datetime], _Ends]


def _origins(conn: Connection, asked: Asked, span: Month) -> _Origins:
    """Return who read the borders of a closed month's meters."""
    found = month_export(conn, asked.society, span, Owner(asked.kind, asked.subject))
    return {
        (str(each.meter), each.opening.at, each.closing.at): (
            each.opening.origin,
            each.closing.origin,
        )
        for number in found.numbers
        for each in number.meters
    }


def _meter(usage: DayUsage, origins: _Origins) -> MeterOfUnit:
    month = usage.month
    meter = f"{month.place.manufacturer} {month.place.serial}"
    ends = None
    if month.since is not None and month.until is not None:
        ends = origins.get((meter, month.since, month.until))
    return MeterOfUnit(
        source=month.place.source,
        meter=meter,
        since=month.since,
        opening=month.opening,
        opening_origin=ends and ends[0],
        until=month.until,
        closing=month.closing,
        closing_origin=ends and ends[1],
        quantity=month.quantity,
        stretches=tuple(usage.stretches),
    )


def _flags(conn: Connection, asked: Asked, span: Month) -> list[Flag]:
    found = list_events(conn, society=asked.society, state=None, about=asked.subject, limit=200)
    return [
        each
        for each in found
        if each.event.since < span.end
        and (each.event.cleared_at is None or each.event.cleared_at > span.start)
    ][:MOST_FLAGS]
