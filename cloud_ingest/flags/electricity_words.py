# SPDX-License-Identifier: MIT
"""What the electricity rules say of a meter, as findings.

In: a meter with its days, or with a phase that is lost. Out: findings. Pure.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding, Key
from cloud_ingest.core.local_time import local_time
from cloud_ingest.core.month import midnight
from cloud_ingest.core.rules.electricity import (
    LoadJump,
    NoLoad,
    PhaseLoss,
    Reverse,
    load_jump,
    no_load,
    reverse,
)
from cloud_ingest.flags.meter_finding import meter_fields, meter_finding
from cloud_ingest.store.load_days import LoadMeter, Loads
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, SubjectType
from shared_schema.evidence import (
    LoadJumpEvidence,
    NoLoadEvidence,
    PhaseLossEvidence,
    ReverseEnergyEvidence,
)


def key_of_meter(meter: LoadMeter) -> Key:
    """Return the key of a meter's flags."""
    return (meter.society_id, SubjectType.METER, meter.name, Service(meter.service))


def day_findings(
    meter: LoadMeter, loads: Loads, zone: ZoneInfo, *, was_idle: bool
) -> list[Finding]:
    """Return what the rules of days say of a meter.

    Args:
        meter: The meter.
        loads: Its days.
        zone: Of the days.
        was_idle: It had a flag of no load before, which ended.
    """
    idle = no_load(loads.days, loads.step_kwh)
    if idle is not None and was_idle:
        idle = replace(idle, learnt=True)
    jump = load_jump(loads.days)
    given = reverse(loads.days, loads.export_step_kwh)
    found = [
        None if idle is None else _no_load(meter, idle, zone),
        None if jump is None else _load_jump(meter, jump, zone),
        None if given is None else _reverse(meter, given, zone),
    ]
    return [finding for finding in found if finding is not None]


def phase_finding(meter: LoadMeter, loss: PhaseLoss, zone: ZoneInfo) -> Finding:
    """Return that phases of a meter are lost."""
    which = " and ".join(loss.phases)
    return meter_finding(
        meter,
        EventKind.PHASE_LOSS,
        f"Phase {which} of {meter.subject} has had less than half of the others' voltage since"
        f" {local_time(loss.since, zone)}: look at its fuse and its wires.",
        PhaseLossEvidence(**meter_fields(meter), phases=loss.phases),
        since=loss.since,
        severity=Severity.ALARM,
    )


def _no_load(meter: LoadMeter, idle: NoLoad, zone: ZoneInfo) -> Finding:
    usual = _rounded(idle.usual_kwh)
    before = "It had such days before." if idle.learnt else "It has not had such a day for long."
    return meter_finding(
        meter,
        EventKind.NO_LOAD,
        f"{meter.subject} has taken no electricity since {_day(idle.since)}; {usual} kWh a day are"
        f" usual. {before} Is its main switch off, or is nobody at home?",
        NoLoadEvidence(
            **meter_fields(meter), last_load_at=midnight(idle.since, zone), kwh_a_day_before=usual
        ),
        since=midnight(idle.since, zone),
        severity=Severity.WATCH if idle.learnt else Severity.ALARM,
    )


def _load_jump(meter: LoadMeter, jump: LoadJump, zone: ZoneInfo) -> Finding:
    usual, newest = _rounded(jump.usual_kwh), _rounded(jump.now_kwh)
    return meter_finding(
        meter,
        EventKind.LOAD_JUMP,
        f"{meter.subject} has taken more electricity on each day since {_day(jump.since)} than on"
        f" any before: {newest} kWh on the last day, where {usual} kWh are usual. Is"
        " there a new appliance, or one that does not switch off?",
        LoadJumpEvidence(**meter_fields(meter), kwh_a_day_before=usual, kwh_a_day_now=newest),
        since=midnight(jump.since, zone),
    )


def _reverse(meter: LoadMeter, given: Reverse, zone: ZoneInfo) -> Finding:
    return meter_finding(
        meter,
        EventKind.REVERSE_ENERGY,
        f"{meter.subject} has given {given.kwh:f} kWh back to the mains since {_day(given.since)},"
        " and gives none otherwise: has it solar panels, or are wires of its meter exchanged?",
        ReverseEnergyEvidence(**meter_fields(meter), kwh_so_far=given.kwh),
        since=midnight(given.since, zone),
    )


def _day(day: date) -> str:
    return day.strftime("%d %b %Y")


def _rounded(kwh: float | Decimal) -> Decimal:
    return Decimal(kwh).quantize(Decimal("0.1"))
