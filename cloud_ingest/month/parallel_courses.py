# SPDX-License-Identifier: MIT
"""What the dials of meters showed at midnights, from the rollups of days.

A day's last register stands for its end if it was read within the hour before. Of a meter that
persons read, a register stands for the whole of its day. What a dial shows beyond its register is
added. Days that wait for a refresh are read from their readings.

In: assignments and a stretch of time. Out: a course for each. Never: a register of another unit's
time.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import DAY, day_of, midnight
from cloud_ingest.core.notebook_course import Course
from cloud_ingest.core.register import LONGEST_TOLERANCE, DayRegister
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.channels import channels_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.rollups_read import day_registers_now, waiting_days
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import BILLED_REGISTER


def read_courses(
    conn: Connection,
    society_id: int,
    serving: Iterable[Assignment],
    stretch: tuple[datetime, datetime],
    zone: ZoneInfo,
) -> Mapping[int, Course]:
    """Return what the dial of each assignment's meter showed, by the assignment's id."""
    by_meter: dict[int, list[Assignment]] = {}
    for each in serving:
        by_meter.setdefault(each.meter_id, []).append(each)
    services = {own[0].service for own in by_meter.values()}
    codes = [str(BILLED_REGISTER[service]) for service in services]
    meters: dict[int, int] = {}
    exponents: dict[int, int] = {}
    for channel in channels_of_meters(conn, by_meter, codes):
        service = by_meter[channel.meter_id][0].service
        exponent = billing_exponent(service, channel.unit, channel.scaler)
        if exponent is not None:
            meters[channel.channel_id] = channel.meter_id
            exponents[channel.channel_id] = exponent
    first, last = (day_of(at, zone) for at in stretch)
    waiting = waiting_days(conn, exponents, last)
    found = day_registers_now(conn, exponents, first, last, waiting=waiting, zone=zone)
    rows: dict[int, list[DayRegister]] = {}
    for channel_id, own_rows in found.items():
        rows.setdefault(meters[channel_id], []).extend(own_rows)
    shown = dials(conn, society_id)
    return {
        each.assignment_id: _course(each, rows.get(meter_id, ()), shown, zone)
        for meter_id, own in by_meter.items()
        for each in own
    }


def _course(
    served: Assignment, rows: Iterable[DayRegister], shown: Dials, zone: ZoneInfo
) -> Course:
    """Return the dial of a meter while it served somebody; pure."""
    name = str(served.meter)
    at: dict[date, Decimal] = {}
    newest: dict[date, datetime] = {}
    for row in rows:
        until = served.valid_to
        is_served = served.valid_from <= row.last_ts and (until is None or row.last_ts <= until)
        ends = row.day + DAY
        if not is_served or newest.get(ends, row.last_ts) > row.last_ts:
            continue
        with exactly():
            register = Decimal(row.last_raw).scaleb(row.exponent)
            register += shown.adds(name, row.last_ts) or 0
        is_near = midnight(ends, zone) - row.last_ts <= LONGEST_TOLERANCE
        if not is_near and not served.legacy and row.last_ts != until:
            continue
        newest[ends] = row.last_ts
        at[ends] = register
        if served.legacy:
            at.setdefault(row.day, register)
    return Course(served.meter.serial, at)
