# SPDX-License-Identifier: MIT
"""The flag of a leak: a unit without one dry hour for a day.

A leak is of a unit, whichever of its water meters shows it. The newest day of every register is
looked at first; only a unit that had no dry stretch in it, or has an open flag, is worth the long
look back to where the flow began. The flag ends when the unit runs dry, or its meter was removed.

In: a connection, the time, and the meters that have new readings. Out: what changed. The rule is
pure (`core.rules.leak`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.leak import (
    LONG_FLOW,
    LOOK_BACK,
    Leak,
    hourly_flows,
    may_leak,
    running_leak,
)
from cloud_ingest.flags.lifecycle import (
    Changes,
    Finding,
    Key,
    key_of,
    local_time,
    served_unit,
    settle,
)
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.rule_inputs import AssignedMeter, Register, assigned_meters, registers
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import LeakEvidence

FIRST_LOOK = timedelta(hours=27)
"""The newest day of a register, and a little more for readings beside the hour."""
LITRES: dict[int, Decimal] = {Unit.LITRE: Decimal(1), Unit.CUBIC_METRE: Decimal(1000)}


def refresh_leaks(
    conn: Connection, zone: ZoneInfo, now: datetime, meters: Collection[int] | None = None
) -> Changes:
    """Judge the units whose water meters have new readings.

    Args:
        conn: A connection.
        zone: The zone in which people read a time.
        now: The time.
        meters: Meters with new readings; None judges all.
    """
    units = _water_meters(conn, now)
    opened = open_events(conn, EventKind.LEAK)
    open_keys = {key_of(each) for each in opened}
    judged = {
        key: own
        for key, own in units.items()
        if meters is None or any(meter.meter_id in meters for meter in own)
    }
    suspects = _suspects(conn, judged, open_keys)
    findings = _leaks(conn, {key: judged[key] for key in suspects}, zone)
    gone = open_keys - units.keys()
    return settle(
        conn,
        opened,
        findings,
        judged=judged.keys() | gone,
        now=now,
        ended="it ran dry, or its meter was removed",
    )


def _water_meters(conn: Connection, now: datetime) -> dict[Key, list[AssignedMeter]]:
    """Return the water meters with a data port of each unit."""
    units: dict[Key, list[AssignedMeter]] = defaultdict(list)
    for meter in assigned_meters(conn, now):
        if meter.service == Service.WATER and meter.subject_type == "unit" and not meter.legacy:
            key = (meter.society_id, SubjectType.UNIT, meter.subject, Service.WATER)
            units[key].append(meter)
    return units


def _suspects(
    conn: Connection, judged: Mapping[Key, Sequence[AssignedMeter]], open_keys: set[Key]
) -> list[Key]:
    """Return the units worth a long look: those open, and those without a dry stretch today."""
    everyone = [meter for own in judged.values() for meter in own]
    wet: set[int] = set()
    for register in registers(conn, WATER_VOLUME, _since(everyone, FIRST_LOOK)):
        litres = _litres_per_count(register)
        if litres is not None and may_leak(hourly_flows(register.readings, litres), litres):
            wet.add(register.meter_id)
    return [
        key
        for key, own in judged.items()
        if key in open_keys or any(meter.meter_id in wet for meter in own)
    ]


def _leaks(
    conn: Connection, suspects: Mapping[Key, Sequence[AssignedMeter]], zone: ZoneInfo
) -> list[Finding]:
    everyone = [meter for own in suspects.values() for meter in own]
    newest: dict[int, Register] = {}
    for register in registers(conn, WATER_VOLUME, _since(everyone, LOOK_BACK)):
        known = newest.get(register.meter_id)
        if known is None or register.readings[-1] > known.readings[-1]:
            newest[register.meter_id] = register
    found = (_earliest_leak(own, newest) for own in suspects.values())
    return [_finding(*each, zone) for each in found if each is not None]


def _earliest_leak(
    meters: Iterable[AssignedMeter], newest: Mapping[int, Register]
) -> tuple[Leak, AssignedMeter] | None:
    """Return the leak of a unit that began first, with the meter that shows it."""
    found: list[tuple[Leak, AssignedMeter]] = []
    for meter in meters:
        register = newest.get(meter.meter_id)
        litres = None if register is None else _litres_per_count(register)
        if register is None or litres is None:
            continue
        leak = running_leak(hourly_flows(register.readings, litres), litres)
        if leak is not None:
            found.append((leak, meter))
    return min(found, key=lambda pair: pair[0].since, default=None)


def _finding(leak: Leak, meter: AssignedMeter, zone: ZoneInfo) -> Finding:
    return Finding(
        kind=EventKind.LEAK,
        society_id=meter.society_id,
        society=meter.society,
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType.UNIT, id=meter.subject),
        unit=served_unit(meter.subject_type, meter.subject, meter.tower),
        service=Service.WATER,
        since=leak.since,
        message=leak_message(leak, zone),
        evidence=LeakEvidence(
            manufacturer=meter.manufacturer,
            serial=meter.serial,
            source=meter.source,
            tower=meter.tower or None,
            lowest_hour_litres=Decimal(_plain(leak.lowest_hour_litres)),
            hours_with_flow=leak.hours,
            start_known=leak.start_known,
            rule_met_at=leak.found_at,
            newest_hour_ends=leak.until,
        ),
    )


def leak_message(leak: Leak, zone: ZoneInfo) -> str:
    """Say a leak in one sentence, and no more of its start than is known; pure."""
    start = local_time(leak.since, zone)
    if leak.start_known:
        when = f"since {start}"
    elif leak.until - leak.since > LONG_FLOW:
        when = f"for more than {LONG_FLOW.days} days"
    else:
        when = f"since at least {start}"
    return f"No dry hour {when}, lowest hour {_plain(leak.lowest_hour_litres)} L."


def _since(meters: Iterable[AssignedMeter], back: timedelta) -> dict[int, datetime]:
    """Return from when on each meter's register is looked at: its own time, not the clock's."""
    return {
        meter.meter_id: max(meter.valid_from, meter.last_reading_at - back)
        for meter in meters
        if meter.last_reading_at is not None
    }


def _litres_per_count(register: Register) -> Decimal | None:
    litres = LITRES.get(register.unit)
    return None if litres is None else litres.scaleb(register.scaler)


def _plain(value: Decimal) -> str:
    text = format(value.quantize(Decimal("0.1")), "f")
    return text.removesuffix(".0")
