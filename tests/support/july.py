# SPDX-License-Identifier: MIT
"""A flat's published number of July 2026, for tests of what becomes of it."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import month_of
from cloud_ingest.month.closing import SubjectKey
from shared_schema.billing import BoundaryReading, MeterMonth, MonthlyConsumption
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.events import Subject, SubjectType
from shared_schema.message import MeterId
from shared_schema.quality import Origin, Quality

KOLKATA = ZoneInfo("Asia/Kolkata")
JULY = month_of(2026, 7, KOLKATA)
CLOSED = datetime(2026, 8, 2, tzinfo=UTC)
KEY = SubjectKey("unit", "A-1", Service.ELECTRICITY)
METER = ("LNT", "1")


def number(
    used: int,
    *,
    opening: int = 1000,
    subject: str = "A-1",
    since: str | None = None,
    begin: datetime = JULY.start,
) -> MonthlyConsumption:
    """Return a number of one meter that was read at both borders."""
    part = MeterMonth(
        meter=MeterId(manufacturer="LNT", serial="1"),
        source="grid",
        obis=BILLED_REGISTER[Service.ELECTRICITY],
        opening=BoundaryReading(at=begin, register_value=Decimal(opening), origin=Origin.METER),
        closing=BoundaryReading(
            at=JULY.end, register_value=Decimal(opening + used), origin=Origin.METER
        ),
        quantity=Decimal(used),
    )
    return MonthlyConsumption(
        society="Lake View",
        month="2026-07",
        subject=Subject(type=SubjectType.UNIT, id=subject),
        service=Service.ELECTRICITY,
        version=1,
        quantity=Decimal(used),
        unit="kWh",
        quality=Quality.VALIDATED,
        parts=(part,),
        since=since,
        closed_at=CLOSED,
    )
