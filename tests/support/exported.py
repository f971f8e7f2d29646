# SPDX-License-Identifier: MIT
"""A closed month as a value, with as many flats as a test wants."""

from datetime import UTC, datetime
from decimal import Decimal

from shared_schema.balance import Reconciliation
from shared_schema.billing import (
    BILLING_UNITS,
    BoundaryReading,
    Bounds,
    Estimate,
    EstimateMethod,
    Unassigned,
)
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Subject, SubjectType
from shared_schema.export import (
    ExportedHeld,
    ExportedMeter,
    ExportedNumber,
    ExportedStatus,
    MonthExport,
)
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality, Reason

START, END = datetime(2026, 9, 30, 18, 30, tzinfo=UTC), datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
CLOSED = datetime(2026, 11, 1, 3, 42, tzinfo=UTC)


def meter(serial: str, service: Service, used: Decimal, source: str = "grid") -> ExportedMeter:
    opening = Decimal("12345.678")
    return ExportedMeter(
        meter=MeterId(manufacturer="LNT", serial=serial),
        source=source,
        tower="Tower 1",
        obis=BILLED_REGISTER[service],
        opening=BoundaryReading(at=START, register_value=opening, origin=Origin.METER),
        closing=BoundaryReading(at=END, register_value=opening + used, origin=Origin.SELF_READ),
        quantity=used,
    )


def number(
    label: str, service: Service = Service.ELECTRICITY, used: str = "173.348", meters: int = 1
) -> ExportedNumber:
    parts = tuple(
        meter(f"{label}-{place}", service, Decimal(used), f"inlet-{place + 1}")
        for place in range(meters)
    )
    return ExportedNumber(
        subject=Subject(type=SubjectType.UNIT, id=label),
        tower="Tower 1",
        service=service,
        unit=BILLING_UNITS[service],
        status=ExportedStatus.FINAL,
        quantity=sum((part.quantity for part in parts), Decimal(0)),
        quality=Quality.SELF_READ,
        reasons=(Reason.SELF_READ,),
        version=1,
        meters=parts,
    )


def withheld(label: str) -> ExportedNumber:
    bounds = Bounds(lower=Decimal("120.000"), upper=Decimal("240.000"))
    estimate = Estimate(quantity=Decimal("180.000"), bounds=bounds, method=EstimateMethod.GOOD_DAYS)
    return number(label).model_copy(
        update={
            "status": ExportedStatus.WITHHELD,
            "quantity": None,
            "quality": Quality.MISSING,
            "reasons": (Reason.NO_CLOSING, Reason.OFFLINE),
            "version": None,
            "estimate": estimate,
            "meters": (),
        }
    )


def balance(tower: str, service: Service) -> Reconciliation:
    return Reconciliation(
        society="Sunrise Heights",
        month="2026-10",
        tower=tower,
        service=service,
        unit=BILLING_UNITS[service],
        bulk=Decimal("4711.250"),
        units=Decimal("4012.100"),
        common=Decimal("601.000"),
        loss=Decimal("98.150"),
        loss_percent=Decimal("2.08"),
        units_known=18,
        units_total=18,
        quality=Quality.DERIVED,
        closed_at=CLOSED,
    )


def month(*numbers: ExportedNumber, towers: int = 1) -> MonthExport:
    lift = number("Tower 1 lift").model_copy(
        update={
            "subject": Subject(type=SubjectType.COMMON, id="Tower 1 lift"),
            "held": ExportedHeld(quantity=None, reasons=(Reason.LATE_CHANGE,)),
        }
    )
    left = meter("26100099", Service.WATER, Decimal("0.500"))
    return MonthExport(
        society="Sunrise Heights",
        month="2026-10",
        zone="Asia/Kolkata",
        closed_at=CLOSED,
        numbers=(*numbers, lift),
        reconciliations=tuple(
            balance(f"Tower {place + 1}", service) for place in range(towers) for service in Service
        ),
        unassigned=(
            Unassigned(
                meter=left.meter,
                tower="Tower 1",
                service=Service.WATER,
                opening=left.opening,
                closing=left.closing,
                quantity=left.quantity,
            ),
        ),
    )


def society(flats: int, towers: int = 3) -> MonthExport:
    """A month of flats with electricity and water, of which the last one is withheld."""
    labels = [f"{chr(65 + place * towers // flats)}-{place + 101:04}" for place in range(flats)]
    numbers = [
        number(label, service, f"{100 + place}.{place % 1000:03}")
        for place, label in enumerate(labels[:-1])
        for service in Service
    ]
    return month(*numbers, withheld(labels[-1]), towers=towers)
