# SPDX-License-Identifier: MIT
"""The flags of electricity meters: no load, a jump, energy given back, a phase that is lost.

Days are judged when they are over and the meter was read after them, and again when late readings
change them or days before; phases whenever the rules sweep. A flag is of a meter and names its
unit. It ends when the rule does not find it any more, or the meter was removed.

In: a connection, the zone, the time. Out: what changed. The rules are pure
(`core.rules.electricity`).
"""

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding
from cloud_ingest.core.month import DAY, day_of
from cloud_ingest.core.rules.electricity import NEW_NORMAL, PHASES, SEEN, phase_loss
from cloud_ingest.flags.electricity_words import day_findings, key_of_meter, phase_finding
from cloud_ingest.flags.lifecycle import Changes, Swept, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.load_days import (
    LoadMeter,
    idle_before,
    lived_phases,
    load_days,
    loads_due,
    newest_volts,
    put_judged,
    serving_among,
)
from shared_schema.events import EventKind

OF_DAYS = (EventKind.NO_LOAD, EventKind.LOAD_JUMP, EventKind.REVERSE_ENERGY)
AT_ONCE = 500
"""Meters whose days are in memory at once."""
MOST = 4 * AT_ONCE
"""Meters that one turn judges; other flags do not wait for more of them."""
LOOK_BACK = (NEW_NORMAL + SEEN) * DAY
LIVED_WITHIN = 60 * DAY
LEARNT_WITHIN = 365 * DAY
"""Who was away once in so long may be away again."""


def refresh_loads(conn: Connection, zone: ZoneInfo, now: datetime) -> Swept:
    """Judge the day that is over, of the meters that were read since.

    Args:
        conn: A connection.
        zone: The zone of days.
        now: The time.
    """
    day = day_of(now, zone) - DAY
    raised, cleared = 0, _end_of_removed(conn, OF_DAYS, now)
    behind = True
    for _ in range(MOST // AT_ONCE):
        meters = loads_due(conn, day, zone, now, AT_ONCE)
        loads = load_days(conn, meters, day - LOOK_BACK, day, zone)
        idle = idle_before(conn, meters, now - LEARNT_WITHIN)
        findings = [
            finding
            for meter in meters
            if meter.meter_id in loads
            for finding in day_findings(
                meter, loads[meter.meter_id], zone, was_idle=meter.meter_id in idle
            )
        ]
        changes = _settle(conn, OF_DAYS, findings, meters, now)
        put_judged(conn, meters, day)
        raised, cleared = raised + changes.raised, cleared + changes.cleared
        behind = len(meters) == AT_ONCE
        if not behind:
            break
    return Swept(Changes(raised, cleared), behind)


def refresh_phases(conn: Connection, zone: ZoneInfo, now: datetime) -> Changes:
    """Judge the newest voltages of the meters with three phases."""
    kinds = (EventKind.PHASE_LOSS,)
    found = newest_volts(conn, now)
    suspects = [meter.meter_id for meter, volts in found if phase_loss(volts, PHASES) is not None]
    today = day_of(now, zone)
    lived = lived_phases(conn, suspects, today - LIVED_WITHIN, today) if suspects else {}
    findings = [
        phase_finding(meter, loss, zone)
        for meter, volts in found
        if (loss := phase_loss(volts, lived.get(meter.meter_id, set()))) is not None
    ]
    removed = _end_of_removed(conn, kinds, now)
    changes = _settle(conn, kinds, findings, (meter for meter, _volts in found), now)
    return Changes(changes.raised, changes.cleared + removed)


def _settle(
    conn: Connection,
    kinds: tuple[EventKind, ...],
    findings: Iterable[Finding],
    judged: Iterable[LoadMeter],
    now: datetime,
) -> Changes:
    return settle(
        conn,
        open_events(conn, *kinds),
        findings,
        judged={key_of_meter(meter) for meter in judged},
        now=now,
        ended="it is not so any more",
    )


def _end_of_removed(conn: Connection, kinds: tuple[EventKind, ...], now: datetime) -> int:
    """End the flags of meters that serve nobody any more; return how many."""
    opened = open_events(conn, *kinds)
    if not opened:
        return 0
    serials = [str(flag.event.evidence["serial"]) for flag in opened]
    serving = {key_of_meter(meter) for meter in serving_among(conn, serials, now)}
    gone = {flag.key for flag in opened} - serving
    return settle(conn, opened, (), judged=gone, now=now, ended="its meter was removed").cleared
