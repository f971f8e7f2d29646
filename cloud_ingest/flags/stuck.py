# SPDX-License-Identifier: MIT
"""The flag of a stuck register: a flat is lived in, and its water meter stands still.

The days of both services come from the rollups; only a flat whose water register was read on each
of the newest days and never moved is looked at more closely. The flag is of the meter. It ends
when its register moves, or the meter was removed.

In: a connection, the zone, the time. Out: what changed. The rule is pure (`core.rules.stuck`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.local_time import local_time
from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.core.register import LITRES_IN
from cloud_ingest.core.rules.stuck import HISTORY_DAYS, STILL_DAYS, Day, Stuck, stuck
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.flags.meter_finding import meter_fields, meter_finding
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.meter_states import (
    DayRegister,
    ServingMeter,
    still_registers,
    unit_days,
)
from shared_schema.catalogue import Service, Unit
from shared_schema.events import EventKind
from shared_schema.evidence import StuckRegisterEvidence

KWH_IN: dict[int, Decimal] = {Unit.WATT_HOUR: Decimal("0.001")}
LOOKED_AT = timedelta(days=HISTORY_DAYS + 5 * STILL_DAYS)
ENDED = "its register moved, or is not read any more"


def refresh_stuck(conn: Connection, zone: ZoneInfo, now: datetime) -> Changes:
    """Judge the water meters that stood still on all of the newest days.

    Args:
        conn: The store.
        zone: Of the store's days.
        now: The time.
    """
    last = now.astimezone(zone).date() - DAY
    still = still_registers(conn, last - STILL_DAYS * DAY, last, now)
    findings = []
    for meter, valid_from in still:
        first = max((now - LOOKED_AT).astimezone(zone).date(), valid_from.astimezone(zone).date())
        found = stuck(days_of(unit_days(conn, meter, first, last, now), first, last))
        if found is not None:
            findings.append(_finding(meter, found, zone))
    opened = open_events(conn, EventKind.STUCK_REGISTER)
    standing = {(meter.society_id, meter.name) for meter, _ in still}
    moved = {
        flag.key for flag in opened if (flag.society_id, flag.event.subject.id) not in standing
    }
    judged = moved | {finding.key for finding in findings}
    return settle(conn, opened, findings, judged=judged, now=now, ended=ENDED)


def days_of(registers: Iterable[DayRegister], first: date, last: date) -> list[Day]:
    """Return the days of a unit, each known where all of its registers are; pure.

    What passed on a day is what its last register shows more than that of the day before. A
    register that did not move between two days was still on each day between them.
    """
    used: dict[Service, list[dict[date, Decimal]]] = defaultdict(list)
    shown: dict[int, list[DayRegister]] = defaultdict(list)
    for each in registers:
        shown[each.channel_id].append(each)
    for own in shown.values():
        worth = LITRES_IN.get(own[0].unit, KWH_IN.get(own[0].unit))
        if worth is not None:
            used[Service(own[0].service)].append(_by_day(own, worth.scaleb(own[0].scaler)))

    def of(service: Service, day: date) -> Decimal | None:
        parts = [own.get(day) for own in used[service]]
        known = [part for part in parts if part is not None]
        return sum(known, Decimal(0)) if known and len(known) == len(parts) else None

    count = (last - first).days
    every = (first + number * DAY for number in range(1, count + 1))
    return [Day(day, of(Service.WATER, day), of(Service.ELECTRICITY, day)) for day in every]


def _by_day(registers: Sequence[DayRegister], worth: Decimal) -> dict[date, Decimal]:
    found: dict[date, Decimal] = {}
    for before, after in pairwise(registers):
        moved = after.last_raw - before.last_raw
        if moved == 0:
            between = (after.day - before.day).days
            found.update({before.day + n * DAY: Decimal(0) for n in range(1, between + 1)})
        elif moved > 0 and after.day - before.day == DAY:
            found[after.day] = moved * worth
    return found


def _finding(meter: ServingMeter, found: Stuck, zone: ZoneInfo) -> Finding:
    since = midnight(found.first_day, zone)
    return meter_finding(
        meter,
        EventKind.STUCK_REGISTER,
        f"The water meter of {meter.subject} ({meter.name}) has stood still since "
        f"{local_time(since, zone)}, while the flat took {found.kwh:.0f} kWh"
        ", as when it is lived in. Open a tap and see whether the register moves.",
        StuckRegisterEvidence(**meter_fields(meter), last_moved_at=since, kwh_meanwhile=found.kwh),
        since=since,
    )
