# SPDX-License-Identifier: MIT
"""The dial of a meter beside the module that reads it.

A dial is compared with its module at commissioning, or whenever a person reads it. From then on
every register is shown beside its dial: dial = register + offset. A comparison changes no
consumption: that is a difference of registers. What dial and module have counted apart since the
comparison before (pulses that were lost, or counted twice) is the deviation. People are told of
it, and it goes to nobody's bill. A month of which a dial tells that its register is false is
withheld (`cloud_ingest.core.dial_check`).

In: what a dial showed, from a commissioning sheet or from a person. Out: a row of ``dial_reading``
with the register beside it, who says so and why. Owns: that table. Never: a changed row; of the
rows of one moment the newest counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from cloud_ingest.core.dial_check import Disagreement, disagreement
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.core.plausible import is_dial_value
from cloud_ingest.core.rating import UNRATED
from cloud_ingest.core.register import LONGEST_TOLERANCE, Register
from cloud_ingest.core.typed_text import remark
from cloud_ingest.entries.meter import (
    NamedMeter,
    billed_channels,
    exponents_of,
    find_meter,
    judge_register,
    other_meter_hint,
    put_up_then,
)
from cloud_ingest.entries.sheet import Sheet
from cloud_ingest.errors import DialRefused
from cloud_ingest.store.assignments import Assignment, assignment_of_meter
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dial_points import dial_points
from cloud_ingest.store.dials import DialReading, Dials, dials, losses, store_dial_reading
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.ratings import ratings_of
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.register_breaks import breaks_of
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

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
    against: Disagreement | None = None
    """Why months that count by its register are withheld; None: they are not."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a dial showed at a time, in kWh or kL."""

    served: Assignment
    at: datetime
    dial: Decimal

    @property
    def meter(self) -> str:
        """Maker and serial number."""
        return str(self.served.meter)


@translating
def import_sheet(
    conn: Connection, society: str, sheet: Sheet, *, by: str | None, now: datetime
) -> tuple[Sequence[Compared], int]:
    """Take the dials of a commissioning sheet; all of them or none.

    Args:
        conn: The store.
        society: The society's name.
        sheet: What was commissioned.
        by: Who says so; None: who commissioned.
        now: The time.

    Returns:
        What is new, and how many were known already.

    Raises:
        SheetRefused: nobody says who commissioned.
        DialRefused: one of its meters is not assigned.
        NotFound: no such society.
    """
    author = sheet.author(by)
    store = open_store(conn)
    society_id = find_society(conn, society)
    reason = f"{COMMISSIONED} at {sheet.gateway}"
    found: list[Compared] = []
    known = 0
    with conn.transaction():
        for meter in sheet.meters:
            named = None if meter.examination is None else meter.examination.meter
            if meter.dial is None or named is None:
                continue
            at = meter.dial.at.astimezone(UTC)
            served = assignment_of_meter(conn, society_id, named, Service.WATER, at)
            if served is None:
                day = at.astimezone(store.zone).date()
                raise DialRefused(
                    f"{meter.label}: no unit of {society} had water meter {' '.join(named)} on "
                    f"{day}: import it first (cloud-ingest units import)"
                )
            shown = _Shown(served, at, meter.dial.dial_m3)
            before = dials(conn, society_id)
            register = _with_losses(conn, served, meter.dial.register_m3, at)
            if _is_recorded(before, shown, register):
                known += 1
                continue
            done = _record(
                conn, society_id, before, shown, register, reason=reason, by=author, now=now
            )
            found.append(done)
    return found, known


def _with_losses(conn: Connection, served: Assignment, register: Decimal, at: datetime) -> Decimal:
    """Return what a module counted until a time: its register, and what it lost by falling."""
    meter = str(served.meter)
    lost = Dials({}, losses(conn, {served.meter_id: (meter, served.service)}))
    with exactly():
        return register + lost.lost_until(meter, at)


def _is_recorded(known: Dials, shown: _Shown, register: Decimal) -> bool:
    return any(
        (each.at, each.dial, each.register) == (shown.at, shown.dial, register)
        for each in known.readings.get(shown.meter, ())
    )


@translating
def compare_dial(
    conn: Connection,
    society: str,
    named: NamedMeter,
    *,
    value: Decimal,
    at: datetime,
    by: str,
    reason: str,
    now: datetime,
) -> Compared:
    """Record what a dial shows beside its module.

    Args:
        conn: The store.
        society: The society's name.
        named: Whose dial it is.
        value: What the dial shows, kWh or kL.
        at: When it was read, aware.
        by: Who read it.
        reason: Why it was compared.
        now: The time.

    Raises:
        DialRefused: its module was not read then, or this is no dial value.
        SelfReadRefused: no such meter.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    what = f"{named.subject} {named.service}"
    if fault := _fault(value, BILLING_UNITS[named.service], at, now, by=by, reason=reason):
        raise DialRefused(f"{what}: {fault}")
    by, reason = remark(by, "--by"), remark(reason, "--reason")
    at = at.astimezone(UTC).replace(microsecond=0)
    served = find_meter(conn, society_id, named, at=at)
    with conn.transaction():
        judge_register(conn, served, store, now)
        read = _last_read(conn, served, at)
        if read is None:
            other = _other_meter(conn, society_id, served, at) if named.serial is None else ""
            raise DialRefused(f"{what}: {_not_read(at.astimezone(store.zone))}{other}")
        before = dials(conn, society_id)
        register = _with_losses(conn, served, read.value, read.ts)
        shown = _Shown(served, at, value)
        return _record(conn, society_id, before, shown, register, reason=reason, by=by, now=now)


def _fault(
    value: Decimal, unit: str, at: datetime, now: datetime, *, by: str, reason: str
) -> str | None:
    """Say what is wrong with a comparison as it was given, or None."""
    if not reason.strip() or not by.strip():
        return "say why it was compared and who read it: --reason, --by"
    if not is_dial_value(value):
        return f"{value} is no dial value: give what it shows, in {unit}"
    return "give --at as it was, not a time to come" if at > now else None


def _not_read(at: datetime) -> str:
    return (
        f"its module was not read in the hour before {at:%Y-%m-%d %H:%M}: give --at as it was, or "
        "enter the dial alone (cloud-ingest self-read)"
    )


def _other_meter(conn: Connection, society_id: int, served: Assignment, at: datetime) -> str:
    """Say that the dial can be of the meter that was put up at that minute, or nothing."""
    other = put_up_then(conn, society_id, served) if served.valid_to == at else None
    if other is None or _last_read(conn, other, at) is None:
        return ""
    return other_meter_hint(other)


def _last_read(conn: Connection, served: Assignment, at: datetime) -> Register | None:
    """Return the reading of a module in the hour before a time, or None."""
    channels = billed_channels(conn, served.meter_id, served.service)
    read, _ = neighbours(conn, exponents_of(channels, served.service), at)
    return None if read is None or at - read.ts > LONGEST_TOLERANCE else read


def _record(
    conn: Connection,
    society_id: int,
    known: Dials,
    shown: _Shown,
    register: Decimal,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> Compared:
    served = shown.served
    earlier = [each for each in known.readings.get(shown.meter, ()) if each.at < shown.at]
    deviation = _deviation(shown.dial, register, earlier[-1]) if earlier else None
    store_dial_reading(
        conn,
        society_id,
        assignment_id=served.assignment_id,
        meter_id=served.meter_id,
        read_at=shown.at,
        dial=shown.dial,
        register=register,
        deviation=deviation,
        reason=reason,
        by=by,
        now=now,
    )
    against = _against(conn, served, shown.at)
    return Compared(served.subject, shown.meter, shown.at, shown.dial, register, deviation, against)


def _against(conn: Connection, served: Assignment, at: datetime) -> Disagreement | None:
    """Return what a meter's dials say against its register up to a moment."""
    key = served.meter_id, served.service
    points = dial_points(conn, [served.meter_id]).get(key, ())
    breaks = breaks_of(conn, [served.meter_id]).get(served.meter_id, ())
    scales = {point.scale for point in points}
    ratios = ratings_of(conn, [served.meter_id]).get(served.meter_id, UNRATED).ratios
    stretch = at - MICROSECOND, at
    return disagreement(points, served.service, scales, stretch, breaks, ratios=ratios)


def _deviation(dial: Decimal, register: Decimal, before: DialReading) -> Decimal:
    """Return how much more a dial counted than its module since another comparison."""
    with exactly():
        return dial - register - before.offset
