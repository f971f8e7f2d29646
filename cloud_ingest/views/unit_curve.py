# SPDX-License-Identifier: MIT
"""The quarter hours of a unit's day, and who looked at them.

In: a unit, a day. Out: values. Never: an estimate, a write; whether somebody may look is
`entries.curve_looks`'s.

Raises: NotFound, ReadRefused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.curve_looks import CurveLook, looks_at
from cloud_ingest.views.load_curve import Curve, load_curve
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

STEP: Final = timedelta(minutes=15)
MOST_LOOKS: Final = 200


@dataclass(frozen=True, slots=True)
class DayCurve:
    """The quarter hours of a day, meter by meter."""

    unit: str
    service: Service
    day: date
    symbol: str
    """Of the amounts: kWh or kL."""
    curves: Sequence[Curve]

    @property
    def known(self) -> int:
        """How many quarter hours are known."""
        return sum(each.quantity is not None for curve in self.curves for each in curve.points)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(len(curve.points) for curve in self.curves)

    @property
    def used(self) -> Decimal | None:
        """What was used in those that are known; None: none is."""
        known = [e.quantity for c in self.curves for e in c.points if e.quantity is not None]
        with exactly():
            return sum(known, Decimal(0)) if known else None


def day_curve(
    conn: Connection, society_id: int, unit: str, service: Service, *, day: date, zone: ZoneInfo
) -> DayCurve:
    """Return the quarter hours of a unit's day; one that is not known is None."""
    found = load_curve(
        conn,
        society_id,
        unit,
        service,
        start=midnight(day, zone),
        end=midnight(day + DAY, zone),
        step=STEP,
    )
    return DayCurve(unit, service, day, BILLING_UNITS[service], found)


def who_looked(conn: Connection, society_id: int, unit: str) -> list[CurveLook]:
    """Return who looked at a unit's quarter hours, the newest first."""
    return looks_at(conn, society_id, unit, limit=MOST_LOOKS)


def plotted(found: DayCurve, zone: ZoneInfo) -> dict[str, object]:
    """Return a day as a script draws it: seconds since 1970, and amounts or nothing; pure."""
    starts: list[datetime] = [each.start for each in found.curves[0].points]
    return {
        "zone": str(zone),
        "end": int(found.curves[0].points[-1].end.timestamp()),
        "unit": found.symbol,
        "names": [curve.source for curve in found.curves],
        "data": [
            [int(each.timestamp()) for each in starts],
            *(
                [None if each.quantity is None else float(each.quantity) for each in curve.points]
                for curve in found.curves
            ),
        ],
    }
