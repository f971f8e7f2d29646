# SPDX-License-Identifier: MIT
"""The flags of what meters say of themselves, and of water that ran back through them.

Each is of a meter, and names the unit that it serves; a leak that a meter tells is its unit's
(`own_word`). It ends with the event that ends the state,
some days after one that has no end, or when the meter was removed.

In: a connection, the zone, the time. Out: what changed. The rules are pure
(`core.rules.meter_bits`, `core.rules.reverse_flow`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.local_time import local_time
from cloud_ingest.core.register import LITRES_IN
from cloud_ingest.core.rules.meter_bits import (
    KINDS,
    WATER_LOSS,
    Noted,
    Standing,
    standing,
)
from cloud_ingest.core.rules.reverse_flow import MOST_L_PER_H, QUIET, Fall, ran_back
from cloud_ingest.core.rules.water.words import litres
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.flags.meter_finding import meter_fields, meter_finding
from cloud_ingest.flags.own_word import ENDED, refresh_own_word, said_by_units
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.meter_states import (
    FallenRegister,
    ServingMeter,
    fallen_registers,
    noted_events,
)
from shared_schema.events import EventKind, Severity, SubjectType
from shared_schema.evidence import (
    EVIDENCE,
    MeterEvidence,
    NeutralEvidence,
    TamperEvidence,
)

SAYS: Mapping[EventKind, str] = {
    EventKind.DRY_PIPE: "says that its pipe is dry",
    EventKind.REVERSE_FLOW: "says that water runs back through it",
    EventKind.TAMPER: "noted a tamper",
    EventKind.NEUTRAL: "noted a fault of the neutral",
}
DO: Mapping[EventKind, str] = {
    EventKind.DRY_PIPE: "See whether the supply is on, and the valve before the meter open.",
    EventKind.REVERSE_FLOW: "Look for a pump or a tank behind the meter, and at its check valve.",
    EventKind.TAMPER: "Look at the meter, its seals and its cable.",
    EventKind.NEUTRAL: "Have an electrician look at the neutral.",
}
WATCHED = frozenset({EventKind.DRY_PIPE, EventKind.REVERSE_FLOW})
"""What may be innocent: a cut of the supply, a pump."""


def refresh_meter_bits(conn: Connection, zone: ZoneInfo, now: datetime) -> Changes:
    """Judge what meters noted, and where their registers fell.

    Args:
        conn: The store.
        zone: In which people read a time.
        now: The time.
    """
    noted: dict[ServingMeter, list[Noted]] = defaultdict(list)
    events = noted_events(conn, now)
    for meter, event in events:
        noted[meter].append(event)
    findings = [
        _says(meter, kind, state, zone)
        for meter, states in noted.items()
        for kind, state in standing(states, now).items()
        if kind not in WATER_LOSS
    ]
    back: dict[ServingMeter, list[FallenRegister]] = defaultdict(list)
    for each in fallen_registers(conn, now - QUIET, now):
        back[each.meter].append(each)
    findings += _ran_back(back, zone)  # behind what has no litres: the last of a kind counts
    opened = [
        flag for flag in open_events(conn, *KINDS) if flag.event.subject.type is SubjectType.METER
    ]
    judged = {flag.key for flag in opened} | {finding.key for finding in findings}
    own = settle(conn, opened, findings, judged=judged, now=now, ended=ENDED)
    leaks = refresh_own_word(conn, said_by_units(events, now), zone, now)
    return Changes(own.raised + leaks.raised, own.cleared + leaks.cleared)


def _says(meter: ServingMeter, kind: EventKind, own: Standing, zone: ZoneInfo) -> Finding:
    model = EVIDENCE[kind]
    named = f" ({', '.join(own.names)})" if kind in {EventKind.TAMPER, EventKind.NEUTRAL} else ""
    more: dict[str, object] = {}
    if issubclass(model, TamperEvidence | NeutralEvidence):
        more["noted"] = own.names
    what = f"{SAYS[kind]}{named} since {local_time(own.since, zone)}"
    return _finding(meter, kind, own.since, f"{what}. {DO[kind]}", more)


def _ran_back(
    meters: Mapping[ServingMeter, Iterable[FallenRegister]], zone: ZoneInfo
) -> Iterable[Finding]:
    for meter, registers in meters.items():
        flows = [(each, ran_back(_fall(each))) for each in registers if each.unit in LITRES_IN]
        known = [(each, flow) for each, flow in flows if flow is not None]
        if known:
            first = known[0][0]
            total = sum((flow for _, flow in known), Decimal(0))
            when = local_time(first.before_at, zone)
            words = f"ran back by {litres(float(total))} since {when}"
            yield _finding(
                meter,
                EventKind.REVERSE_FLOW,
                first.before_at,
                f"{words}. {DO[EventKind.REVERSE_FLOW]}",
                {"litres_so_far": total},
            )


def _fall(each: FallenRegister) -> Fall:
    step = LITRES_IN[each.unit].scaleb(each.scaler) * each.weight
    most = MOST_L_PER_H if each.q4_m3_h is None else each.q4_m3_h * 1000
    return Fall(each.before_at, each.after_at, each.counts // each.weight, step, most)


def _finding(
    meter: ServingMeter, kind: EventKind, since: datetime, words: str, more: Mapping[str, object]
) -> Finding:
    make: Callable[..., MeterEvidence] = EVIDENCE[kind]  # type: ignore[assignment]
    return meter_finding(
        meter,
        kind,
        f"The {meter.service} meter of {meter.subject} ({meter.name}) {words}",
        make(**meter_fields(meter), **more),
        since=since,
        severity=Severity.WATCH if kind in WATCHED else Severity.ALARM,
    )
