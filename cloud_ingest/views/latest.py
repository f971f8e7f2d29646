# SPDX-License-Identifier: MIT
"""The newest billed register of every meter that serves somebody now.

In: a society and the time. Out: frozen rows for a table, JSON or a page. It writes nothing. A
meter without a reading stays in the list, without a value. A register that its gateway could not
keep stands there until a reading comes, and is marked.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cloud_ingest.store import readings_read
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.readings_write import ORIGINS
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS, billing_exponent
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText
from shared_schema.quality import Origin


@dataclass(frozen=True, slots=True)
class LatestLine:
    """The newest billed register of one meter."""

    tower: str | None
    subject_type: str
    subject: str
    service: Service
    source: str
    meter: str
    legacy: bool
    at: datetime | None
    value: DecimalText | None
    dial: DecimalText | None
    """What its dial shows beside it; None: it was never compared with its module."""
    unit: str
    origin: Origin | None
    volatile: bool
    """It came from a gateway whose disk is full: it is shown, and is no reading."""


@translating
def latest(conn: Connection, society: str, now: datetime) -> list[LatestLine]:
    """Return the newest billed register of every meter that is assigned now.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    known = dials(conn, society_id)
    return [_line(row, known) for row in readings_read.latest(conn, society_id, now)]


def _line(row: readings_read.Latest, known: Dials) -> LatestLine:
    service = Service(row.service)
    meter = f"{row.manufacturer} {row.serial}"
    value = _value(row, service)
    return LatestLine(
        tower=row.tower,
        subject_type=row.subject_type,
        subject=row.subject,
        service=service,
        source=row.source,
        meter=meter,
        legacy=row.legacy,
        at=row.at,
        value=value,
        dial=None if value is None or row.at is None else known.shown(meter, value, row.at),
        unit=BILLING_UNITS[service],
        origin=None if row.origin is None else ORIGINS[row.origin],
        volatile=row.volatile,
    )


def _value(row: readings_read.Latest, service: Service) -> Decimal | None:
    if row.raw is None or row.unit is None or row.scaler is None:
        return None
    exponent = billing_exponent(service, row.unit, row.scaler)
    return None if exponent is None else Decimal(row.raw).scaleb(exponent)
