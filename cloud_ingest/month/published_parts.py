# SPDX-License-Identifier: MIT
"""What one meter gave to a closed month: its two borders, its quantity and its days.

The days are cut out of the quantity that was published: each takes what its rollup says, and the
last takes the rest, so that they add up to it exactly. What was counted over a gap lands in the
next day that has data.

In: published numbers, what was counted of bulk meters, rollups of days. Out: parts with their
days. Never: a quantity that was not published.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.consumption import Stretch
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import day_of
from cloud_ingest.core.register import DayRegister, Epochs, normalised
from cloud_ingest.month.count import Counted
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.billed_registers import SERVICE_OF
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.epochs import epochs_of
from cloud_ingest.store.published import channels_of
from cloud_ingest.store.rollups_read import day_registers
from cloud_ingest.usage.so_far import DayUsage, MeterPlace, MeterUsage
from shared_schema.billing import MeterMonth, MonthlyConsumption, billing_exponent
from shared_schema.catalogue import Service
from shared_schema.events import Subject, SubjectType

MeterName = tuple[str, str]
"""Manufacturer and serial number."""


@dataclass(frozen=True, slots=True)
class MeterPart:
    """What one meter gave to a number, between two registers in the unit of billing."""

    place: MeterPlace
    since: datetime | None = None
    opening: Decimal | None = None
    until: datetime | None = None
    closing: Decimal | None = None
    quantity: Decimal | None = None
    """None: not known."""

    @property
    def meter(self) -> MeterName:
        """The meter."""
        return (self.place.manufacturer, self.place.serial)


def kind_of(subject: Subject) -> SubjectKind:
    """Return what a number is of: a bulk meter has none."""
    return "unit" if subject.type is SubjectType.UNIT else "common"


def parts_of(number: MonthlyConsumption) -> list[MeterPart]:
    """Return what each meter gave to a number."""
    return [_part_of(number, part) for part in number.parts]


def _part_of(number: MonthlyConsumption, part: MeterMonth) -> MeterPart:
    place = MeterPlace(
        part.tower or number.tower,
        kind_of(number.subject),
        number.subject.id,
        number.service,
        part.source,
        part.meter.manufacturer,
        part.meter.serial,
    )
    opening, closing = part.opening, part.closing
    return MeterPart(
        place,
        opening.at,
        opening.register_value,
        closing.at,
        closing.register_value,
        part.quantity,
    )


def place_of(served: Assignment) -> MeterPlace:
    """Return whose meter an assignment is of."""
    return MeterPlace(
        served.tower,
        served.subject_type,
        served.subject,
        served.service,
        served.source,
        served.meter.manufacturer,
        served.meter.serial,
    )


def counted_part(counted: Counted) -> MeterPart:
    """Return what a meter counted as a part."""
    opening, closing = counted.measured.opening, counted.measured.closing
    return MeterPart(
        place_of(counted.assignment),
        None if opening is None else opening.ts,
        None if opening is None else opening.value,
        None if closing is None else closing.ts,
        None if closing is None else closing.value,
        counted.measured.quantity,
    )


def with_days(
    conn: Connection, society_id: int, parts: Sequence[MeterPart], zone: ZoneInfo
) -> list[DayUsage]:
    """Return what each part used, also on the days that have data."""
    channels = _channels(conn, society_id, {part.meter for part in parts})
    exponents = {each.channel_id: each.exponent for own in channels.values() for each in own}
    ends = [at for part in parts for at in (part.since, part.until) if at is not None]
    registers = (
        day_registers(conn, exponents, day_of(min(ends), zone), day_of(max(ends), zone))
        if ends
        else {}
    )
    epochs = epochs_of(conn, exponents.keys())
    return [
        DayUsage.of(
            MeterUsage(
                part.place, part.since, part.opening, part.until, part.closing, part.quantity
            ),
            cut_into_stretches(
                part,
                [
                    row
                    for channel in channels.get((part.meter, Service(part.place.service)), ())
                    for row in registers.get(channel.channel_id, ())
                ],
                epochs,
                zone,
            ),
        )
        for part in parts
    ]


class _BilledChannel(NamedTuple):
    channel_id: int
    exponent: int


def _channels(
    conn: Connection, society_id: int, meters: Collection[MeterName]
) -> dict[tuple[MeterName, Service], list[_BilledChannel]]:
    """Return the billed channels of meters."""
    found: dict[tuple[MeterName, Service], list[_BilledChannel]] = {}
    for channel in channels_of(conn, society_id, meters, SERVICE_OF.keys()):
        service = SERVICE_OF[channel.obis]
        exponent = billing_exponent(service, channel.unit, channel.scaler)
        if exponent is not None:
            own = found.setdefault(((channel.manufacturer, channel.serial), service), [])
            own.append(_BilledChannel(channel.channel_id, exponent))
    return found


def cut_into_stretches(
    part: MeterPart, rows: Iterable[DayRegister], epochs: Epochs, zone: ZoneInfo
) -> tuple[Stretch, ...]:
    """Cut a published quantity where its days have registers; they add up to it; pure."""
    since, until, quantity, before = part.since, part.until, part.quantity, part.opening
    if since is None or until is None or quantity is None or before is None:
        return ()
    inner = sorted(
        (row for row in rows if since < row.last_ts < until),
        key=lambda row: (row.last_ts, row.channel_id),
    )
    found: list[Stretch] = []
    start = since
    with exactly():
        if inner:
            before += _added(inner[0], since, epochs)
        for row in inner:
            after = normalised(row, epochs)
            found.append(Stretch(start, row.last_ts, row.day, after - before))
            start, before = row.last_ts, after
        rest = quantity - sum((each.quantity for each in found), Decimal(0))
        found.append(Stretch(start, until, day_of(until, zone), rest))
    return tuple(found)


def _added(row: DayRegister, at: datetime, epochs: Epochs) -> Decimal:
    """Return what the epochs of a channel add to its register at a time."""
    return normalised(row._replace(last_ts=at, last_raw=0), epochs)
