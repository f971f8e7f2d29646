# SPDX-License-Identifier: MIT
"""Compare the dial of a meter with the module that reads it.

In: what a dial showed, from a commissioning sheet or from a person. Out: a row of
``dial_reading`` with the register beside it, who says so and why. From then on every register
is shown beside its dial: dial = register + offset. It owns that table; a row of it is never
changed: of the rows of one moment the newest counts.

A comparison changes no consumption: that is a difference of registers. What dial and module
have counted apart since the comparison before (pulses that were lost, or counted twice) is the
deviation, which is told to people and to nobody's bill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.register import LONGEST_TOLERANCE, billing_exponent
from cloud_ingest.entries.self_read import MAX_DIAL, find_dial, neighbours
from cloud_ingest.errors import DialRefused
from cloud_ingest.store import readings_read
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.dials import DialReading, Dials, dials, losses
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import BILLED_REGISTER, Service
from shared_schema.message import DecimalText

COMMISSIONED = "commissioned"


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison that was recorded."""

    subject: str
    meter: str
    at: datetime
    dial: Decimal
    register: Decimal
    deviation: Decimal | None
    """How much more the dial counted than the module since the comparison before."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _SheetDial(_Part):
    at: AwareDatetime
    dial_m3: DecimalText
    register_m3: DecimalText


class _SheetExamination(_Part):
    manufacturer: str
    serial: str


class _SheetMeter(_Part):
    label: str
    dial: _SheetDial | None = None
    examination: _SheetExamination | None = None


class _Sheet(_Part):
    gateway: str
    by: str = ""
    meters: tuple[_SheetMeter, ...] = Field(min_length=1)


@translating
def import_sheet(
    conn: Connection, society: str, text: str, *, by: str | None, now: datetime
) -> tuple[Sequence[Compared], int]:
    """Take the dials of a commissioning sheet; all of them or none.

    Args:
        conn: The store.
        society: The society's name.
        text: The sheet's JSON, as ``edge-agent commission`` writes it.
        by: Who says so; None: who commissioned.
        now: The time.

    Returns:
        What is new, and how many were known already.

    Raises:
        DialRefused: it is no such sheet, or one of its meters is not assigned.
        NotFound: no such society.
    """
    try:
        sheet = _Sheet.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DialRefused(f"this is no commissioning sheet: {where}: {first['msg']}") from None
    author = (by if by is not None else sheet.by).strip()
    if not author:
        raise DialRefused("the sheet does not say who commissioned: give --by")
    store = open_store(conn)
    society_id = find_society(conn, society)
    found: list[Compared] = []
    known = 0
    with conn.transaction():
        for meter in sheet.meters:
            if meter.dial is None or meter.examination is None:
                continue
            who = f"{meter.examination.manufacturer} {meter.examination.serial}"
            row = conn.execute(
                query("registry/meter_at"),
                {
                    "society_id": society_id,
                    "manufacturer": meter.examination.manufacturer,
                    "serial": meter.examination.serial,
                    "service": Service.WATER.value,
                    "at": meter.dial.at,
                },
            ).fetchone()
            if row is None:
                day = meter.dial.at.astimezone(store.zone).date()
                raise DialRefused(
                    f"{meter.label}: no unit of {society} had water meter {who} on {day}: "
                    "import it first (cloud-ingest units import)"
                )
            assignment_id, meter_id, subject = row
            at = meter.dial.at.astimezone(UTC)
            before = dials(conn, society_id)
            lost = Dials({}, losses(conn, {meter_id: (who, Service.WATER)})).lost_until(who, at)
            with exactly():
                register = meter.dial.register_m3 + lost
            told = before.readings.get(who, ())
            if any(
                (each.at, each.dial, each.register) == (at, meter.dial.dial_m3, register)
                for each in told
            ):
                known += 1
                continue
            found.append(
                _record(
                    conn,
                    society_id,
                    assignment_id,
                    meter_id,
                    before,
                    Compared(subject, who, at, meter.dial.dial_m3, register, None),
                    reason=f"{COMMISSIONED} at {sheet.gateway}",
                    by=author,
                    now=now,
                )
            )
    return found, known


@translating
def compare_dial(
    conn: Connection,
    society: str,
    subject: str,
    service: Service,
    *,
    value: Decimal,
    at: datetime,
    by: str,
    reason: str,
    now: datetime,
    source: str | None = None,
    subject_type: SubjectKind = "unit",
) -> Compared:
    """Record what a dial shows beside its module.

    Args:
        conn: The store.
        society: The society's name.
        subject: The label of the unit, the common area or the bulk meter.
        service: What it counts.
        value: What the dial shows, kWh or kL.
        at: When it was read, aware.
        by: Who read it.
        reason: Why it was compared.
        now: The time.
        source: Which of the subject's meters, where it has several.
        subject_type: What ``subject`` is the label of.

    Raises:
        DialRefused: its module was not read then, or this is no dial value.
        SelfReadRefused: no such meter.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    what, unit = f"{subject} {service}", BILLING_UNITS[service]
    if not reason.strip() or not by.strip():
        raise DialRefused(f"{what}: say why it was compared and who read it: --reason, --by")
    if not value.is_finite() or not 0 <= value < MAX_DIAL:
        raise DialRefused(f"{what}: {value} is no dial value: give what it shows, in {unit}")
    if at > now:
        raise DialRefused(f"{what}: give --at as it was, not a time to come")
    at = at.astimezone(UTC).replace(microsecond=0)
    meter = find_dial(
        conn, society_id, subject, service, at=at, source=source, subject_type=subject_type
    )
    with conn.transaction():
        exponents = {
            channel.channel_id: exponent
            for channel in readings_read.channels(
                conn, [meter.meter_id], [str(BILLED_REGISTER[service])]
            )
            if (exponent := billing_exponent(service, channel.unit, channel.scaler)) is not None
        }
        read = neighbours(conn, exponents, at)[0]
        if read is None or at - read.ts > LONGEST_TOLERANCE:
            raise DialRefused(
                f"{what}: its module was not read in the hour before "
                f"{at.astimezone(store.zone):%Y-%m-%d %H:%M}: give --at as it was, or enter the "
                "dial alone (cloud-ingest self-read)"
            )
        before = dials(conn, society_id)
        lost = Dials({}, losses(conn, {meter.meter_id: (meter.meter, service)}))
        with exactly():
            register = read.value + lost.lost_until(meter.meter, read.ts)
        return _record(
            conn,
            society_id,
            meter.assignment_id,
            meter.meter_id,
            before,
            Compared(subject, meter.meter, at, value, register, None),
            reason=reason,
            by=by,
            now=now,
        )


def _record(  # noqa: PLR0917  # what a row needs
    conn: Connection,
    society_id: int,
    assignment_id: int,
    meter_id: int,
    known: Dials,
    found: Compared,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Compared:
    earlier = [each for each in known.readings.get(found.meter, ()) if each.at < found.at]
    deviation = deviates(found, earlier[-1]) if earlier else None
    conn.execute(
        query("entry/dial_add"),
        {
            "society_id": society_id,
            "assignment_id": assignment_id,
            "meter_id": meter_id,
            "read_at": found.at,
            "dial": found.dial,
            "register": found.register,
            "deviation": deviation,
            "reason": reason,
            "entered_by": by,
            "now": now,
        },
    )
    return Compared(found.subject, found.meter, found.at, found.dial, found.register, deviation)


def deviates(found: Compared, before: DialReading) -> Decimal:
    """Return how much more a dial counted than its module since another comparison; pure."""
    with exactly():
        return found.dial - found.register - before.offset
