# SPDX-License-Identifier: MIT
"""The flags of a tower: what its bulk meter gave and nobody counted, and which meter explains it.

A tower is judged once a day by its rollups, and by its hours where something may have changed. A
loss is of the tower; a meter that is named has a flag of its own, which stays while the evidence
still speaks against it. Without a bulk meter there is nothing to judge.

In: a connection, the time. Out: what changed. The rules are pure (`core.rules.tower`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding, Flag, Key, meter_label, served_unit
from cloud_ingest.core.month import DAY, day_of, midnight
from cloud_ingest.core.rules.tower.judge import Judgement, judge_tower
from cloud_ingest.core.rules.tower.loss import Loss
from cloud_ingest.core.rules.tower.suspects import Suspect
from cloud_ingest.core.rules.tower.within_day import LEARN_HOURS, Patterns, patterns_of
from cloud_ingest.core.rules.tower.words import loss_message, suspect_message
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.flags.tower_days import (
    BULK,
    Stretch,
    TowerRead,
    hangs_until,
    read_hours,
    read_towers,
)
from cloud_ingest.store.assignments import Assignment
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.rule_inputs import assigned_meters
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import (
    BypassEvidence,
    Evidence,
    StoppedMeterEvidence,
    TowerLossEvidence,
)
from shared_schema.evidence import Suspect as SuspectEvidence

WINDOW = timedelta(days=120)
BEFORE_LOSS = timedelta(days=60)
LONGEST_WINDOW = timedelta(days=400)
"""While a loss is open its tower is held against the weeks before it, however long ago."""
LIKELIEST = 3
STAYS_NAMED = 0.5
"""A meter that was named stays so while its explanations hold so much of the weight."""
NAMED_KINDS = {
    "stopped_meter": (EventKind.STOPPED_METER, StoppedMeterEvidence),
    "bypass": (EventKind.BYPASS, BypassEvidence),
}
METER_KINDS = (EventKind.STOPPED_METER, EventKind.BYPASS)
PER_THOUSAND = Decimal("0.001")


@dataclass(slots=True)
class _Found:
    """What the towers of all societies show."""

    judged: set[Key] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Tower:
    """One tower as it was read and judged."""

    society_id: int
    society: str
    read: TowerRead
    verdict: Judgement
    zone: ZoneInfo
    told: frozenset[str]
    """Meters of its society that have a flag, as labels."""


def refresh_towers(conn: Connection, zone: ZoneInfo, now: datetime) -> Changes:
    """Judge each tower that has a bulk meter, up to yesterday.

    Args:
        conn: A connection.
        zone: The zone of the days.
        now: The time.
    """
    last = day_of(now, zone) - DAY
    opened = open_events(conn, EventKind.TOWER_LOSS, *METER_KINDS)
    found = _Found()
    with_bulk: set[tuple[int, str, str]] = set()
    societies = {
        each.society_id: each.society
        for each in assigned_meters(conn, now)
        if each.subject_type == BULK
    }
    for society_id, society in societies.items():
        losses = {
            (each.event.subject.id, each.event.service): each
            for each in opened
            if each.society_id == society_id and each.event.kind is EventKind.TOWER_LOSS
        }
        told = frozenset(
            each.event.subject.id
            for each in opened
            if each.society_id == society_id and each.event.kind in METER_KINDS
        )
        stretch = Stretch(_first_day(losses.values(), last, zone), last, zone)
        for read in read_towers(conn, society_id, stretch):
            with_bulk.add((society_id, read.tower, read.service))
            is_open = (read.tower, read.service) in losses
            verdict = _judge(conn, read, stretch, is_open=is_open, told=told)
            if verdict is not None:
                _tell(_Tower(society_id, society, read, verdict, zone, told), found)
    gone = {each.key for each in opened if _place_of(each) not in with_bulk}
    return settle(
        conn,
        opened,
        found.findings,
        judged=found.judged | gone,
        now=now,
        ended="the tower's balance does not show it any more, or its meter was removed",
    )


def _first_day(losses: Iterable[Flag], last: date, zone: ZoneInfo) -> date:
    begun = [day_of(each.event.since, zone) - BEFORE_LOSS for each in losses]
    return max(last - LONGEST_WINDOW, min([last - WINDOW, *begun]))


def _judge(
    conn: Connection, read: TowerRead, stretch: Stretch, *, is_open: bool, told: frozenset[str]
) -> Judgement | None:
    def patterns_between(since: date, until: date) -> Patterns:
        hours = Stretch(since - LEARN_HOURS, until, stretch.zone)
        return patterns_of(read_hours(conn, read, hours), since)

    return judge_tower(
        read.days,
        patterns_between,
        is_open=is_open,
        told=[place for place, hung in read.places.items() if _name(hung[-1]) in told],
    )


def _tell(tower: _Tower, found: _Found) -> None:
    """Turn a judgement into what is found, and into the subjects that were looked at."""
    read, verdict = tower.read, tower.verdict
    found.judged.add((tower.society_id, SubjectType.TOWER, read.tower, read.service))
    for places in read.places.values():
        for each in places:
            found.judged.add((tower.society_id, SubjectType.METER, _name(each), read.service))
    named = [
        suspect
        for suspect in verdict.suspects
        if suspect.is_named
        or (suspect.weight >= STAYS_NAMED and _name(_hung(read, suspect)) in tower.told)
    ]
    for suspect in named:
        found.findings.append(_named_finding(tower, suspect))
    if verdict.loss is not None:
        found.findings.append(_loss_finding(tower, verdict.loss, named))


def _named_finding(tower: _Tower, suspect: Suspect) -> Finding:
    meter = _hung(tower.read, suspect)
    kind, evidence = NAMED_KINDS[suspect.kind]
    days = (tower.verdict.until - suspect.since).days + 1
    missed = suspect.per_day * days
    is_water = tower.read.service is Service.WATER
    until = midnight(tower.verdict.until + DAY, tower.zone)
    return Finding(
        kind=kind,
        society_id=tower.society_id,
        society=tower.society,
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType.METER, id=_name(meter)),
        unit=served_unit(meter.subject_type, meter.subject, meter.tower),
        service=tower.read.service,
        since=midnight(suspect.since, tower.zone),
        message=suspect_message(
            meter.subject, tower.read.service, suspect, hangs=hangs_until(meter, until)
        ),
        evidence=evidence(
            manufacturer=meter.meter.manufacturer,
            serial=meter.meter.serial,
            source=meter.source,
            tower=meter.tower,
            litres_missed=Decimal(round(missed)) if is_water else None,
            kwh_missed=None if is_water else _thousandths(missed),
            least_share=_thousandths(1000 * (1 - suspect.upper)),
            most_share=_thousandths(1000 * (1 - suspect.lower)),
        ),
    )


def _loss_finding(tower: _Tower, loss: Loss, named: Sequence[Suspect]) -> Finding:
    read = tower.read
    likeliest = () if named else tower.verdict.suspects[:LIKELIEST]
    return Finding(
        kind=EventKind.TOWER_LOSS,
        society_id=tower.society_id,
        society=tower.society,
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType.TOWER, id=read.tower),
        unit=Unit(type=SubjectType.TOWER, id=read.tower, tower=read.tower),
        service=read.service,
        since=midnight(loss.since, tower.zone),
        message=loss_message(
            read.tower,
            read.service,
            loss,
            [_hung(read, each).subject for each in named],
            [_hung(read, each).subject for each in likeliest],
        ),
        evidence=_loss_evidence(tower, loss, [*named, *likeliest]),
    )


def _loss_evidence(tower: _Tower, loss: Loss, suspects: Sequence[Suspect]) -> Evidence:
    told = tuple(
        SuspectEvidence(
            unit=each.subject, manufacturer=each.meter.manufacturer, serial=each.meter.serial
        )
        for each in (_hung(tower.read, suspect) for suspect in suspects)
    )
    per_day, least, most = loss.per_day, max(0.0, loss.lower), loss.upper
    if tower.read.service is not Service.WATER:
        return TowerLossEvidence(
            kwh_a_day=_thousandths(per_day),
            least_kwh_a_day=_thousandths(least),
            most_kwh_a_day=_thousandths(most),
            suspects=told,
        )
    days = (tower.verdict.until - loss.since).days + 1
    return TowerLossEvidence(
        litres_so_far=Decimal(round(per_day * days)),
        litres_a_day=Decimal(round(per_day)),
        least_litres_a_day=Decimal(round(least)),
        most_litres_a_day=Decimal(round(most)),
        suspects=told,
    )


def _thousandths(value: float) -> Decimal:
    """Return thousandths, whole ones: watt hours as kWh, a share in parts of a thousand."""
    return Decimal(round(value)) * PER_THOUSAND


def _hung(read: TowerRead, suspect: Suspect) -> Assignment:
    return read.places[suspect.meter][-1]


def _name(each: Assignment) -> str:
    return meter_label(each.meter.manufacturer, each.meter.serial)


def _place_of(flag: Flag) -> tuple[int, str, str]:
    """Return the tower that a flag is of."""
    event = flag.event
    tower = event.unit.tower if event.unit is not None else None
    return (flag.society_id, tower or event.subject.id, event.service)
