# SPDX-License-Identifier: MIT
"""The flag of crossed meters: a hint that two units have each other's meter, for the tap test.

The units of a tower with one water meter and one electricity meter each are looked at, by the hours
of the last twelve weeks. A hint is of the unit that comes first by name, and names both; it is a
watch and never an alarm.

In: a connection, the time. Out: what changed. The rule is pure (`core.rules.crossed`).
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding, Flag, Key, served_unit
from cloud_ingest.core.month import DAY, day_of
from cloud_ingest.core.rules.crossed import Activity, CrossedHint, crossed_hints
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.flags.tower_days import Stretch, hours_of_meters
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.rule_inputs import AssignedMeter, assigned_meters
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import CrossedMetersEvidence, Suspect

WINDOW_DAYS: Final = 84

Pair = Mapping[Service, AssignedMeter]
"""The two meters of a unit."""


def refresh_crossed(conn: Connection, zone: ZoneInfo, now: datetime) -> Changes:
    """Look for exchanged meters in each tower, up to yesterday.

    Args:
        conn: A connection.
        zone: Of the hours.
        now: The time.
    """
    opened = open_events(conn, EventKind.CROSSED_METERS)
    known = {(flag.society_id, *_pair_of(flag)) for flag in opened}
    last = day_of(now, zone) - DAY
    stretch = Stretch(last - (WINDOW_DAYS - 1) * DAY, last, zone)
    findings: list[Finding] = []
    judged: set[Key] = {flag.key for flag in opened}
    for (society_id, _), units in _towers(conn, now).items():
        activity = {
            service: _activity(conn, service, units, stretch)
            for service in (Service.WATER, Service.ELECTRICITY)
        }
        hints = crossed_hints(
            activity[Service.WATER],
            activity[Service.ELECTRICITY],
            {(first, second) for society, first, second in known if society == society_id},
        )
        findings += [_finding(hint, units, stretch) for hint in hints]
    return settle(
        conn,
        opened,
        findings,
        judged=judged,
        now=now,
        ended="water and electricity of both units go together, or a meter was removed",
    )


def _towers(conn: Connection, now: datetime) -> dict[tuple[int, str], dict[str, Pair]]:
    """Return the units of each tower that have one meter of each service."""
    meters: dict[tuple[int, str], dict[str, list[AssignedMeter]]] = {}
    for each in assigned_meters(conn, now):
        if each.subject_type == "unit" and each.tower and not each.legacy:
            tower = meters.setdefault((each.society_id, each.tower), defaultdict(list))
            tower[each.subject].append(each)
    return {
        tower: {
            unit: {Service(each.service): each for each in own}
            for unit, own in units.items()
            if sorted(each.service for each in own) == ["electricity", "water"]
        }
        for tower, units in meters.items()
    }


def _activity(
    conn: Connection, service: Service, units: Mapping[str, Pair], stretch: Stretch
) -> dict[str, Activity]:
    """Return each unit's hours, since its meter has served it."""
    meters = {unit: pair[service] for unit, pair in units.items()}
    hours = hours_of_meters(conn, service, {each.meter_id for each in meters.values()}, stretch)

    def own(meter: AssignedMeter) -> list[list[float] | None]:
        served_from: date = day_of(meter.valid_from, stretch.zone)
        known = hours.get(meter.meter_id, {})
        return [known.get(day) if day > served_from else None for day in stretch.days]

    return {unit: own(meter) for unit, meter in meters.items()}


def _finding(hint: CrossedHint, units: Mapping[str, Pair], stretch: Stretch) -> Finding:
    first = units[hint.first][Service.WATER]
    return Finding(
        kind=EventKind.CROSSED_METERS,
        society_id=first.society_id,
        society=first.society,
        severity=Severity.WATCH,
        subject=Subject(type=SubjectType.UNIT, id=hint.first),
        unit=served_unit(first.subject_type, first.subject, first.tower),
        service="all",
        since=stretch.start,
        message=(
            f"For {hint.days} days water of {hint.first} has gone with electricity of "
            f"{hint.second}, and the other way round: of one service the two meters may be "
            "exchanged. Find out by a tap test at both units."
        ),
        evidence=CrossedMetersEvidence(
            suspects=tuple(
                Suspect(unit=unit, manufacturer=meter.manufacturer, serial=meter.serial)
                for unit in (hint.first, hint.second)
                for meter in units[unit].values()
            )
        ),
    )


def _pair_of(flag: Flag) -> tuple[str, str]:
    """Return the two units of a flag."""
    evidence = CrossedMetersEvidence.model_validate(flag.event.evidence)
    return (flag.event.subject.id, evidence.suspects[-1].unit)
