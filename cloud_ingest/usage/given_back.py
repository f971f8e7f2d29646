# SPDX-License-Identifier: MIT
"""What grid meters gave back: their export register at the moments at which they were billed.

A stretch runs from the reading that opens a meter's month to the one that closes it. Its export is
known where the export register was read at both moments, or stood still across them. It is not
where it fell, moved more than any meter can, or two claims of a border differ. Nothing validates
this register: nobody is billed by it.

In: meters and stretches. Out: a value for each stretch of a meter that has such a register; a meter
without one is not there. Never: a write.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import CHECK, GENERATOR, NOTHING, SOLAR
from cloud_ingest.core.border import JITTER
from cloud_ingest.core.consumption import Measured, between, days_of
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import MICROSECOND, Month
from cloud_ingest.core.rating import most_per_hour
from cloud_ingest.core.register import Register, in_time
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.load_days import ACTIVE_EXPORT
from cloud_ingest.store.readings_read import Window, boundary_readings, not_elected_in
from cloud_ingest.store.rollups_read import RegisterMonth, day_registers
from cloud_ingest.usage.so_far import MeterUsage
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import Service

AT_REST: Final = timedelta(days=31)
"""How far beside a border a register is looked for that stood still across it."""
MOST_PER_HOUR: Final = most_per_hour(Service.ELECTRICITY, only_units=False)
HOUR: Final = timedelta(hours=1)
NOT_GRID: Final = frozenset({GENERATOR, SOLAR, CHECK})


class Stretch(NamedTuple):
    """From when to when a meter was counted."""

    manufacturer: str
    serial: str
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What meters gave back, of those that have an export register."""

    by_stretch: Mapping[Stretch, Measured]
    exponents: Mapping[int, int]
    """e of value = raw * 10^e in kWh, by channel."""

    def of(self, stretch: Stretch | None) -> Decimal | None:
        """Return what was given back; None: that is not known."""
        measured = None if stretch is None else self.by_stretch.get(stretch)
        return NOTHING if measured is None else measured.quantity

    def of_usage(self, usage: MeterUsage) -> Decimal | None:
        """Return what was given back while a meter was counted; None: that is not known."""
        return self.of(stretch_of_usage(usage)) if self.by_stretch else NOTHING


NOBODY: Final = GivenBack({}, {})
DaysGivenBack = Mapping[Stretch, Mapping[date, Decimal]]
"""What was given back on each day that is known, of meters that gave back anything."""


Border = tuple[int, datetime]
"""A channel and a moment."""


def stretch_of(
    meter: tuple[str, str], source: str, since: datetime | None, until: datetime | None
) -> Stretch | None:
    """Return the stretch of a grid meter that was counted; None: it is not one, or was not."""
    if source in NOT_GRID or since is None or until is None:
        return None
    return Stretch(*meter, since, until)


def stretch_of_usage(usage: MeterUsage) -> Stretch | None:
    """Return from when to when a grid meter was counted, as a view has it."""
    place = usage.place
    meter = (place.manufacturer, place.serial)
    return stretch_of(meter, place.source, usage.since, usage.until)


def given_back_so_far(conn: Connection, usages: Collection[MeterUsage]) -> GivenBack:
    """Read what grid meters gave back in a month that is open."""
    meters = {
        (each.place.manufacturer, each.place.serial): each.place.meter_id
        for each in usages
        if isinstance(each.place, RegisterMonth)
    }
    return given_back(conn, meters, map(stretch_of_usage, usages))


def given_back(
    conn: Connection,
    meter_ids: Mapping[tuple[str, str], int],
    stretches: Iterable[Stretch | None],
) -> GivenBack:
    """Read what meters gave back.

    Args:
        conn: The store.
        meter_ids: By manufacturer and serial number.
        stretches: Of these meters.
    """
    asked = {
        each: meter_ids[each[:2]]
        for each in stretches
        if each is not None and each[:2] in meter_ids
    }
    channels: dict[int, list[int]] = {}
    exponents: dict[int, int] = {}
    for each in channels_of_meters(conn, set(asked.values()), {str(ACTIVE_EXPORT)}):
        own = channels.setdefault(each.meter_id, [])
        exponent = billing_exponent(Service.ELECTRICITY, each.unit, each.scaler)
        if exponent is not None:
            own.append(each.channel_id)
            exponents[each.channel_id] = exponent
    counted = {stretch: channels[meter] for stretch, meter in asked.items() if meter in channels}
    borders = {
        (channel, at)
        for stretch, own in counted.items()
        for at in (stretch.since, stretch.until)
        for channel in own
    }
    shown = _registers_at(conn, borders, exponents)
    found = {stretch: _measured(stretch, own, shown) for stretch, own in counted.items()}
    return GivenBack(_without_rivals(conn, found, exponents), exponents)


def _registers_at(
    conn: Connection, borders: Collection[Border], exponents: dict[int, int]
) -> dict[Border, Register]:
    """Return what registers said at moments, where that is known."""
    near = _read(conn, borders, exponents, back=JITTER)
    found = {border: max(own, key=in_time) for border, own in near.items()}
    unmet = borders - found.keys()
    if unmet:
        before = _read(conn, unmet, exponents, back=AT_REST)
        after = _read(conn, unmet, exponents, on=AT_REST)
        for border in unmet & before.keys() & after.keys():
            last, following = max(before[border], key=in_time), min(after[border], key=in_time)
            if last.raw == following.raw:
                found[border] = last
    return found


def _read(
    conn: Connection,
    borders: Collection[Border],
    exponents: dict[int, int],
    *,
    back: timedelta = timedelta(),
    on: timedelta = timedelta(),
) -> dict[Border, list[Register]]:
    """Return the readings beside moments: the last one of before them, or the first one after."""
    windows = {(channel, at): Window(channel, at - back, at + on) for channel, at in borders}
    readings = boundary_readings(
        conn,
        last_in=windows.values() if back else (),
        first_in=windows.values() if on else (),
        exponents=exponents,
    )
    found: dict[Border, list[Register]] = {}
    for border, window in windows.items():
        own = [e for e in readings.get(border[0], ()) if window.start <= e.ts <= window.end]
        if own:
            found[border] = own
    return found


def _measured(
    stretch: Stretch, channels: Sequence[int], shown: Mapping[Border, Register]
) -> Measured:
    opening, closing = (
        max((shown[c, at] for c in channels if (c, at) in shown), key=in_time, default=None)
        for at in (stretch.since, stretch.until)
    )
    measured = between(opening, closing, {})
    if measured.quantity is None:
        return measured
    hours = Decimal(str((stretch.until - stretch.since) / HOUR))
    with exactly():
        is_possible = measured.quantity <= MOST_PER_HOUR * hours
    return measured if is_possible else replace(measured, quantity=None)


def _without_rivals(
    conn: Connection, found: Mapping[Stretch, Measured], exponents: dict[int, int]
) -> dict[Stretch, Measured]:
    """Take no export for known that another claim of one of its borders denies."""
    ends = {
        stretch: [end for end in (each.opening, each.closing) if end is not None]
        for stretch, each in found.items()
        if each.quantity
    }
    windows = [Window(end.channel_id, end.ts, end.ts) for own in ends.values() for end in own]
    claims = not_elected_in(conn, windows, exponents)

    def is_denied(end: Register) -> bool:
        rivals = (each.claim for each in claims.get(end.channel_id, ()))
        return any(each.ts == end.ts and each.raw != end.raw for each in rivals)

    return {
        stretch: replace(each, quantity=None)
        if any(map(is_denied, ends.get(stretch, ())))
        else each
        for stretch, each in found.items()
    }


def days_given_back(
    conn: Connection, found: GivenBack, month: Month, zone: ZoneInfo
) -> DaysGivenBack:
    """Return what each meter gave back on each day; a day that is not known is not there."""
    last = (month.end - MICROSECOND).astimezone(zone).date()
    days = day_registers(conn, dict(found.exponents), month.first, last)
    return {
        stretch: {}
        if measured.closing is None
        else days_of(measured, days.get(measured.closing.channel_id, ()), {}, zone)
        for stretch, measured in found.by_stretch.items()
        if measured.quantity != NOTHING
    }
