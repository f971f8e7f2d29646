# SPDX-License-Identifier: MIT
"""How a person names a reading, and how people see one.

A person names a unit, a service and a local time, never a channel. The time and the assignments
tell which meter is meant; where a unit changed its meter, its serial number does.

In: a label, a service, a time, perhaps a value. Out: the meter whose reading is meant. Never: a
guess between two meters.

Raises: ReadingRefused, SelfReadRefused.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from cloud_ingest.core.judgement import RulingKind, StoredClaim
from cloud_ingest.entries.meter import NamedMeter, find_meter
from cloud_ingest.errors import ReadingRefused
from cloud_ingest.store.assignments import (
    Assignment,
    assignments_between,
    assignments_of_subject,
)
from cloud_ingest.store.billed_registers import Dial
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.readings_write import ORIGINS
from shared_schema.quality import Origin

MINUTE = timedelta(minutes=1)
YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class NamedReading:
    """How a person names a reading."""

    meter: NamedMeter
    at: datetime
    """Aware."""
    within: timedelta = MINUTE
    """How much the time leaves open: a minute where no second was said."""
    value: Decimal | None = None
    """In kWh or kL, as the module's register shows it."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a reading, who, and why."""

    kind: RulingKind
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A claim as people see it."""

    at: datetime
    value: Decimal
    origin: Origin


def find_served(conn: Connection, society_id: int, named: NamedReading) -> Assignment:
    """Return the meter whose reading a person names.

    Raises:
        ReadingRefused: there are several, or none of that serial number.
        SelfReadRefused: there is none.
    """
    meter = named.meter
    if meter.serial is not None:
        return _by_serial(conn, society_id, meter, named.at)
    chosen = find_meter(conn, society_id, meter, at=named.at)
    serving = assignments_of_subject(
        conn,
        society_id,
        meter.subject,
        meter.service,
        subject_type=meter.subject_type,
        at=named.at,
    )
    meters = {str(each.meter) for each in serving if each.source == chosen.source}
    if len(meters) > 1:
        raise ReadingRefused(
            f"{meter.subject} changed its {meter.service} meter at that time: give --meter with "
            f"the serial number, of {', '.join(sorted(meters))}"
        )
    return chosen


def _by_serial(conn: Connection, society_id: int, named: NamedMeter, at: datetime) -> Assignment:
    own = [
        each
        for each in assignments_between(
            conn,
            society_id,
            at - YEAR,
            at + YEAR,
            subject_type=named.subject_type,
            subject=named.subject,
            checks="with",
        )
        if each.service is named.service
    ]
    found = [each for each in own if each.meter.serial == named.serial]
    if not found:
        known = ", ".join(sorted({str(each.meter) for each in own})) or "none"
        raise ReadingRefused(
            f"{named.subject} has no {named.service} meter with serial number {named.serial!r} "
            f"around that time: there is {known}"
        )
    serving = [
        each
        for each in found
        if each.valid_from <= at and (each.valid_to is None or each.valid_to >= at)
    ]
    return (serving or found)[-1]


def shown(dial: Dial, claim: StoredClaim) -> Shown:
    """Return a claim of a register as people see it; pure."""
    exponents = {channel.channel_id: channel.exponent for channel in dial.channels}
    value = Decimal(claim.raw).scaleb(exponents[claim.channel_id])
    return Shown(datetime.fromtimestamp(claim.ts, UTC), value, ORIGINS[claim.origin])
