# SPDX-License-Identifier: MIT
"""A closed month as one value for a file: what was published, with registers and what is missing.

In: a society and a month. Out: a `shared_schema.export.MonthExport`. Never: a write, a number that
was not published.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month
from cloud_ingest.errors import NotFound
from cloud_ingest.month.published import shown_month
from cloud_ingest.store import months
from cloud_ingest.store.assignments import assignments_between
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.published import PublishedMonth, published_month
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.so_far import DayUsage
from shared_schema.billing import (
    BILLING_UNITS,
    Held,
    ManifestEntry,
    MeterMonth,
    MonthlyConsumption,
    NumberStatus,
    Withheld,
)
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType
from shared_schema.export import (
    ExportedHeld,
    ExportedMeter,
    ExportedNumber,
    ExportedStatus,
    MonthExport,
)
from shared_schema.quality import Quality, Reason

_Key = tuple[Subject, Service]


class Owner(NamedTuple):
    """Whose numbers they are."""

    kind: SubjectKind
    label: str


def unit_export(
    conn: Connection, society: str, month: Month, owner: Owner
) -> tuple[MonthExport, Mapping[tuple[str, str], Mapping[date, Decimal]]]:
    """Return what a closed month says of one subject, and what its meters counted by day.

    Raises:
        NotFound: no such society or subject, or the month is not closed.
    """
    found = month_export(conn, society, month, owner)
    shown = shown_month(
        conn,
        find_society(conn, society),
        month,
        ZoneInfo(found.zone),
        subject_type=owner.kind,
        subject=owner.label,
    )
    days = {} if shown is None else {_meter_of(each): each.days for each in shown.usages}
    return found, days


def _meter_of(usage: DayUsage) -> tuple[str, str]:
    return (usage.month.place.manufacturer, usage.month.place.serial)


@translating
def month_export(
    conn: Connection, society: str, month: Month, only: Owner | None = None
) -> MonthExport:
    """Return a closed month.

    Args:
        conn: The store.
        society: Its name.
        month: The month.
        only: Whose numbers alone: with them nothing of the towers, and of nobody else.

    Raises:
        NotFound: no such society, or the month is not closed.
    """
    zone = open_store(conn).zone
    society_id = find_society(conn, society)
    kind, label = only or (None, None)
    found = published_month(conn, society_id, str(month), subject_type=kind, subject=label)
    if found is None:
        raise NotFound(
            f"{month} of {society} is not closed, so that nothing of it was published: "
            f"cloud-ingest close-month {month} --society '{society}'"
        )
    towers = {
        (str(each.subject_type), each.subject): each.tower
        for each in assignments_between(
            conn, society_id, month.start, month.end, subject_type=kind, subject=label
        )
    }
    known = dials(conn, society_id)
    held = {(each.subject, each.service): each for each in found.held}
    numbers = [
        *(_sent(each, held.get((each.subject, each.service)), known) for each in found.numbers),
        *_missing(found, towers, _withdrawn(conn, society_id, found, str(month))),
    ]
    balances = [] if only else months.reconciliations(conn, society_id, str(month))
    return MonthExport(
        society=society,
        month=str(month),
        zone=zone.key,
        closed_at=found.closed_at,
        approved=found.approved,
        numbers=tuple(sorted(numbers, key=_order)),
        reconciliations=tuple(sorted(balances, key=lambda each: (each.tower, each.service))),
        unassigned=found.unassigned,
    )


def _order(number: ExportedNumber) -> tuple[object, ...]:
    subject = number.subject
    return (subject.type is not SubjectType.UNIT, subject.id, number.service)


def _sent(number: MonthlyConsumption, held: Held | None, known: Dials) -> ExportedNumber:
    is_provisional = number.status is NumberStatus.PROVISIONAL
    return ExportedNumber(
        subject=number.subject,
        tower=number.tower,
        service=number.service,
        unit=BILLING_UNITS[number.service],
        status=ExportedStatus.PROVISIONAL if is_provisional else ExportedStatus.FINAL,
        quantity=number.quantity,
        quality=number.quality,
        reasons=number.reasons,
        version=number.version,
        bounds=number.bounds,
        since=number.since,
        held=None if held is None else ExportedHeld(quantity=held.quantity, reasons=held.reasons),
        meters=tuple(_meter(part, known) for part in number.parts),
    )


def _meter(part: MeterMonth, known: Dials) -> ExportedMeter:
    meter, opening, closing = str(part.meter), part.opening, part.closing
    return ExportedMeter(
        meter=part.meter,
        source=part.source,
        tower=part.tower,
        obis=part.obis,
        opening=opening,
        closing=closing,
        quantity=part.quantity,
        bounds=part.bounds,
        opening_dial=known.shown(meter, opening.register_value, opening.at),
        closing_dial=known.shown(meter, closing.register_value, closing.at),
    )


def _withdrawn(
    conn: Connection, society_id: int, found: PublishedMonth, month: str
) -> dict[_Key, tuple[Reason, ...]]:
    """Return why numbers were taken back."""
    if not found.withdrawn:
        return {}
    kept = months.withdrawals(conn, society_id, month)
    return {(e.withdrawal.subject, e.withdrawal.service): e.withdrawal.reasons for e in kept}


def _missing(
    found: PublishedMonth,
    towers: dict[tuple[str, str], str | None],
    reasons: dict[_Key, tuple[Reason, ...]],
) -> Iterator[ExportedNumber]:
    """Give what is withheld, what was taken back, and what is both as taken back."""
    withheld: dict[_Key, Withheld] = {(each.subject, each.service): each for each in found.withheld}
    taken: dict[_Key, ManifestEntry] = {
        (each.subject, each.service): each for each in found.withdrawn
    }
    for subject, service in withheld.keys() | taken.keys():
        lacks = withheld.get((subject, service))
        entry = taken.get((subject, service))
        yield ExportedNumber(
            subject=subject,
            tower=towers.get((subject.type.value, subject.id)),
            service=service,
            unit=BILLING_UNITS[service],
            status=ExportedStatus.WITHHELD if entry is None else ExportedStatus.WITHDRAWN,
            quantity=None,
            quality=Quality.MISSING,
            reasons=reasons.get((subject, service), ()) if lacks is None else lacks.reasons,
            version=None if entry is None else entry.version,
            estimate=None if lacks is None else lacks.estimate,
        )
