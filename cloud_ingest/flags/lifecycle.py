# SPDX-License-Identifier: MIT
"""Turn what the rules see into flags: raised once, corrected while open, cleared at the end.

In: a connection, the time, and the meters that have new readings. Out: what changed. The rules
themselves are pure (`cloud_ingest.rules`); this module fetches what they look at, compares
their word with what is open, and writes the difference through `store.events`.

A leak is of a unit, whichever of its water meters shows it. A read failure is of a meter, and
names whom it serves.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.leak import (
    LONG_FLOW,
    LOOK_BACK,
    Leak,
    hourly_flows,
    may_leak,
    running_leak,
)
from cloud_ingest.core.rules.read_failure import silence
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import StoredEvent, change_event, open_events, raise_event
from cloud_ingest.store.rule_inputs import AssignedMeter, Register, assigned_meters, registers
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.events import Event, EventKind, EventService, Subject, SubjectType

FIRST_LOOK = timedelta(hours=27)
"""The newest day of a register, and a little more for readings beside the hour."""
EARLIER_BY = timedelta(hours=1)
"""A flag that is open is sent again when its thing turns out to have begun so much earlier."""
MAX_LABEL = 64
LITRES: dict[int, Decimal] = {Unit.LITRE: Decimal(1), Unit.CUBIC_METRE: Decimal(1000)}

Key = tuple[int, SubjectType, str, EventService]
"""Society, subject, service: one flag of a kind is open for each at most."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one subject now."""

    kind: EventKind
    society_id: int
    society: str
    subject: Subject
    service: Service
    since: datetime
    message: str
    evidence: dict[str, str | int | None]

    @property
    def key(self) -> Key:
        """What makes two findings the same thing."""
        return (self.society_id, self.subject.type, self.subject.id, self.service)


@dataclass(frozen=True, slots=True)
class Changes:
    """How many flags were raised and cleared."""

    raised: int = 0
    cleared: int = 0


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
    units: dict[Key, list[AssignedMeter]] = defaultdict(list)
    for meter in assigned_meters(conn, now):
        if meter.service == Service.WATER and meter.subject_type == "unit" and not meter.legacy:
            key = (meter.society_id, SubjectType.UNIT, meter.subject, Service.WATER)
            units[key].append(meter)
    opened = open_events(conn, EventKind.LEAK)
    open_keys = {_key(each) for each in opened}
    judged = {
        key: own
        for key, own in units.items()
        if meters is None or any(meter.meter_id in meters for meter in own)
    }
    suspects = _suspects(conn, judged, open_keys)
    findings = _leaks(conn, {key: judged[key] for key in suspects}, zone)
    gone = open_keys - units.keys()
    return _settle(
        conn,
        opened,
        findings,
        judged=judged.keys() | gone,
        now=now,
        ended="it ran dry, or its meter was removed",
    )


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
    findings: list[Finding] = []
    for own in suspects.values():
        found: list[tuple[Leak, AssignedMeter]] = []
        for meter in own:
            stretch = newest.get(meter.meter_id)
            litres = None if stretch is None else _litres_per_count(stretch)
            if stretch is None or litres is None:
                continue
            leak = running_leak(hourly_flows(stretch.readings, litres), litres)
            if leak is not None:
                found.append((leak, meter))
        if found:
            findings.append(_leak_finding(*min(found, key=lambda pair: pair[0].since), zone))
    return findings


def _leak_finding(leak: Leak, meter: AssignedMeter, zone: ZoneInfo) -> Finding:
    return Finding(
        kind=EventKind.LEAK,
        society_id=meter.society_id,
        society=meter.society,
        subject=Subject(type=SubjectType.UNIT, id=meter.subject),
        service=Service.WATER,
        since=leak.since,
        message=leak_message(leak, zone),
        evidence={
            "manufacturer": meter.manufacturer,
            "serial": meter.serial,
            "source": meter.source,
            "tower": meter.tower,
            "lowest_hour_litres": _plain(leak.lowest_hour_litres),
            "hours_with_flow": leak.hours,
            "start_known": leak.start_known,
            "rule_met_at": leak.found_at.isoformat(),
            "newest_hour_ends": leak.until.isoformat(),
        },
    )


def leak_message(leak: Leak, zone: ZoneInfo) -> str:
    """Say a leak in one sentence, and no more of its start than is known; pure."""
    start = _local(leak.since, zone)
    if leak.start_known:
        when = f"since {start}"
    elif leak.until - leak.since > LONG_FLOW:
        when = f"for more than {LONG_FLOW.days} days"
    else:
        when = f"since at least {start}"
    return f"No dry hour {when}, lowest hour {_plain(leak.lowest_hour_litres)} L."


def refresh_silence(
    conn: Connection, zone: ZoneInfo, now: datetime, societies: Collection[int] | None = None
) -> Changes:
    """Judge every meter that should speak by itself.

    Args:
        conn: A connection.
        zone: The zone in which people read a time.
        now: The time.
        societies: Those that may be judged; None judges all.
    """
    opened = [
        each
        for each in open_events(conn, EventKind.READ_FAILURE)
        if societies is None or each.society_id in societies
    ]
    findings: list[Finding] = []
    judged = {_key(each) for each in opened}
    for meter in assigned_meters(conn, now):
        if societies is not None and meter.society_id not in societies:
            continue
        quiet = silence(
            newest=meter.last_reading_at,
            assigned_at=meter.valid_from,
            legacy=meter.legacy,
            now=now,
        )
        if quiet is None:
            continue
        name = f"{meter.manufacturer} {meter.serial}"
        what = f"The {meter.service} meter of {meter.subject} ({name})"
        when = _local(quiet.since, zone)
        findings.append(
            Finding(
                kind=EventKind.READ_FAILURE,
                society_id=meter.society_id,
                society=meter.society,
                subject=Subject(
                    type=SubjectType.METER,
                    id=name if len(name) <= MAX_LABEL else meter.serial,
                ),
                service=Service(meter.service),
                since=quiet.since,
                message=f"{what} was last read {when}."
                if quiet.ever_read
                else f"{what} was never read since it was installed {when}.",
                evidence={
                    "subject_type": meter.subject_type,
                    "subject": meter.subject,
                    "tower": meter.tower,
                    "source": meter.source,
                    "manufacturer": meter.manufacturer,
                    "serial": meter.serial,
                },
            )
        )
        judged.add(findings[-1].key)
    return _settle(
        conn, opened, findings, judged=judged, now=now, ended="it is read again or was removed"
    )


def _settle(
    conn: Connection,
    opened: Iterable[StoredEvent],
    findings: Iterable[Finding],
    *,
    judged: Collection[Key],
    now: datetime,
    ended: str,
) -> Changes:
    """Write the difference between what is open and what was found."""
    raised = cleared = 0
    known = {_key(each): each for each in opened}
    found = {finding.key: finding for finding in findings}
    for key, finding in found.items():
        if key not in known:
            raised += raise_event(conn, finding.society_id, _new_event(finding, now))
        elif known[key].event.since - finding.since >= EARLIER_BY:
            earlier = known[key].event.model_copy(
                update={
                    "since": finding.since,
                    "message": finding.message,
                    "evidence": finding.evidence,
                }
            )
            change_event(conn, earlier)
    for key, stored in known.items():
        if key in judged and key not in found:
            message = f"Over: {ended}. {stored.event.message}"
            over = {"state": "cleared", "cleared_at": now, "message": message[:400]}
            cleared += change_event(conn, stored.event.model_copy(update=over))
    return Changes(raised, cleared)


def _new_event(finding: Finding, now: datetime) -> Event:
    return Event(
        id=uuid4(),
        society=finding.society,
        kind=finding.kind,
        subject=finding.subject,
        service=finding.service,
        state="open",
        since=finding.since,
        raised_at=now,
        message=finding.message,
        evidence=dict(finding.evidence),
    )


def _key(stored: StoredEvent) -> Key:
    event = stored.event
    return (stored.society_id, event.subject.type, event.subject.id, event.service)


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


def _local(when: datetime, zone: ZoneInfo) -> str:
    return when.astimezone(zone).strftime("%d %b %Y %H:%M")


def _plain(value: Decimal) -> str:
    text = format(value.quantize(Decimal("0.1")), "f")
    return text.removesuffix(".0")
