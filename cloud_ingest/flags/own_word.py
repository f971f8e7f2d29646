# SPDX-License-Identifier: MIT
"""What water meters say themselves of a leak or a burst: evidence of the flag of their unit.

One leak is one flag. Where the water rules show it the meter's word stands beside their figures.
Where they see nothing (a coarse register, few readings) its word alone is a flag of the unit, which
has no litres. A flag ends when neither the rules show it nor a meter says it. Where a fine register
was seen to stand still at its end, a bit that was set before means nothing any more: some meters
hold it. A bulk meter's word is passed over: water for a tower never rests, and the rules of towers
judge it.

In: a connection, the zone, the time; or findings and words. Out: what changed; findings.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding, Flag, Key, served_unit
from cloud_ingest.core.local_time import local_time
from cloud_ingest.core.rules.meter_bits import WATER_LOSS, Noted, standing
from cloud_ingest.core.rules.valve import WAITS
from cloud_ingest.core.rules.water.episode import RUN_ON, STEPS
from cloud_ingest.core.rules.water.words import CLOSE_NOW, LOOK_IN_COMMON, LOOK_IN_FLAT
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.flags.meter_finding import meter_fields
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import last_cleared, open_events
from cloud_ingest.store.meter_states import ServingMeter
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import BurstEvidence, LeakEvidence, WaterLossEvidence

EVIDENCE: Mapping[EventKind, type[LeakEvidence | BurstEvidence]] = {
    EventKind.LEAK: LeakEvidence,
    EventKind.BURST: BurstEvidence,
}
SAYS: Mapping[EventKind, str] = {
    EventKind.LEAK: "says that water does not stop",
    EventKind.BURST: "says that water runs too strongly",
}
LOOK_MINUTES = 30
"""How fast it leaks a bit does not say: so long 2 L an hour move a register of 1 L."""
METER_SAYS = "the meter says so"
"""The rule of a flag that rests on a meter's word alone."""
NEVER_DRY = (METER_SAYS, STEPS)
"""Rules whose end does not show that the water stood still."""
SAYS_SO_TOO = "The meter itself says so, too."
ENDED = "the meter says so no more, or was removed"


@dataclass(frozen=True, slots=True)
class Said:
    """What a meter of a unit says."""

    meter: ServingMeter
    kind: EventKind
    since: datetime


def refresh_own_word(
    conn: Connection, said: Mapping[Key, Sequence[Said]], zone: ZoneInfo, now: datetime
) -> Changes:
    """Settle the flags that rest on a meter's word alone; the others are the water rules'.

    Args:
        conn: The store.
        said: By unit, of all units.
        zone: In which people read a time.
        now: The time.
    """
    shown: dict[Key, dict[EventKind, str | None]] = defaultdict(dict)
    alone: list[Flag] = []
    for flag in open_events(conn, *WATER_LOSS):
        rule = flag.event.evidence.get("rule")
        if rule == METER_SAYS:
            alone.append(flag)
        else:
            shown[flag.key][flag.event.kind] = None if rule is None else str(rule)
    findings = [
        finding
        for key, own in still_said(conn, said).items()
        for finding in with_own_word((), own, zone, shown=shown[key])
        if finding.kind not in shown[key]
    ]
    judged = {flag.key for flag in alone}
    return settle(conn, alone, findings, judged=judged, now=now, ended=ENDED)


def said_by_units(
    noted: Iterable[tuple[ServingMeter, Noted]], now: datetime
) -> dict[Key, list[Said]]:
    """Return what the meters of units and common areas say of their water now; pure."""
    events: dict[ServingMeter, list[Noted]] = defaultdict(list)
    for meter, event in noted:
        if meter.service == Service.WATER and meter.subject_type != "bulk":
            events[meter].append(event)
    said: dict[Key, list[Said]] = defaultdict(list)
    for meter, own in events.items():
        key = (meter.society_id, SubjectType(meter.subject_type), meter.subject, Service.WATER)
        for kind, state in standing(own, now).items():
            if kind in WATER_LOSS:
                said[key].append(Said(meter, kind, state.since))
    return said


def still_said(
    conn: Connection, said: Mapping[Key, Sequence[Said]], over: Mapping[Key, datetime] = {}
) -> dict[Key, list[Said]]:
    """Return what meters have said since the rules saw the water of their unit stand still.

    Args:
        conn: The store.
        said: By unit.
        over: When it stood still, of units whose flag is about to end.
    """
    stood = {**last_cleared(conn, said, WATER_LOSS, but_by=NEVER_DRY), **over}
    return {
        key: [each for each in own if key not in stood or each.since > stood[key]]
        for key, own in said.items()
    }


def rests_on_fine_register(flag: Flag) -> bool:
    """Say whether the water rules show a flag, on a register whose dry hours are dry."""
    return flag.event.evidence.get("rule") not in {None, *NEVER_DRY}


def with_own_word(
    found: Iterable[Finding],
    said: Sequence[Said],
    zone: ZoneInfo,
    *,
    shown: Mapping[EventKind, str | None] = {},
) -> list[Finding]:
    """Return findings of a unit together with what its meters say; pure.

    Args:
        found: What the water rules show now, one of a kind at most.
        said: What its meters say.
        zone: In which people read a time.
        shown: What is known to be shown beside ``found``, and by which part of the rules.
    """
    findings = {each.kind: each for each in found}
    rules = {**shown, **{kind: _evidence(each).rule for kind, each in findings.items()}}
    for each in sorted(said, key=lambda one: one.since):
        kind = _told_as(each.kind, rules, said)
        own = findings.get(kind)
        findings[kind] = _alone(each, kind, zone) if own is None else _confirmed(own, each)
    return list(findings.values())


def _told_as(
    kind: EventKind, rules: Mapping[EventKind, str | None], said: Iterable[Said]
) -> EventKind:
    """Return as what a meter's word is told: the same water is no leak and a burst at once."""
    if kind is EventKind.LEAK and kind not in rules:
        is_burst = EventKind.BURST in rules or any(each.kind is EventKind.BURST for each in said)
        return EventKind.BURST if is_burst else kind
    if kind is EventKind.BURST and kind not in rules and rules.get(EventKind.LEAK) == RUN_ON:
        return EventKind.LEAK
    return kind


def _alone(said: Said, kind: EventKind, zone: ZoneInfo) -> Finding:
    meter = said.meter
    look = LOOK_IN_COMMON if meter.subject_type == "common" else LOOK_IN_FLAT
    do = CLOSE_NOW if kind is EventKind.BURST else look.format(WAITS[LOOK_MINUTES])
    words = f"{SAYS[said.kind]} since {local_time(said.since, zone)}. {do}"
    return Finding(
        kind=kind,
        society_id=meter.society_id,
        society=meter.society,
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType(meter.subject_type), id=meter.subject),
        unit=served_unit(meter.subject_type, meter.subject, meter.tower),
        service=Service.WATER,
        since=said.since,
        message=f"The water meter of {meter.subject} ({meter.name}) {words}",
        evidence=EVIDENCE[kind].model_validate(
            {**meter_fields(meter), "rule": METER_SAYS, "meter_says_since": said.since}
        ),
    )


def _confirmed(finding: Finding, said: Said) -> Finding:
    evidence = _evidence(finding)
    since = evidence.meter_says_since
    return replace(
        finding,
        message=finding.message if since else f"{finding.message} {SAYS_SO_TOO}",
        evidence=evidence.model_copy(
            update={"meter_says_since": min(since or said.since, said.since)}
        ),
    )


def _evidence(finding: Finding) -> WaterLossEvidence:
    assert isinstance(finding.evidence, WaterLossEvidence)  # noqa: S101
    return finding.evidence
