# SPDX-License-Identifier: MIT
"""The flags of a gateway's machine: a disk that is nearly full, a clock that is off.

Both are of what the gateway said last. They end when it says otherwise, or once its keys are taken
back; of a gateway that is away nothing new is known, and its flags stay.

In: a connection, the time. Out: what changed. One flag of each kind a gateway.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from cloud_ingest.core.flag import Finding, Flag
from cloud_ingest.core.gateway_standing import (
    MB,
    Standing,
    clock_is_off,
    clock_stops_reading,
    disk_is_least,
    disk_is_little,
)
from cloud_ingest.flags.gateway_finding import gateway_finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.gateways import standings
from shared_schema.events import EventKind, Severity
from shared_schema.evidence import GatewayClockEvidence, GatewayDiskEvidence

_Find = Callable[[Standing, datetime], Finding | None]


def refresh_disks(conn: Connection, now: datetime) -> Changes:
    """Raise, correct and clear the flags of disks that are nearly full."""
    return _refresh(conn, EventKind.GATEWAY_DISK, standings(conn, now), _disk, now)


def refresh_clocks(conn: Connection, now: datetime) -> Changes:
    """Raise, correct and clear the flags of clocks of gateways."""
    return _refresh(conn, EventKind.GATEWAY_CLOCK, standings(conn, now), _clock, now)


def _refresh(
    conn: Connection, kind: EventKind, found: Sequence[Standing], find: _Find, now: datetime
) -> Changes:
    opened = open_events(conn, kind)
    since = {flag.event.subject.id: flag.event.since for flag in opened}
    states = {each.gateway: each.state for each in found}
    findings = [
        find(each, since.get(each.gateway, now)) for each in found if each.state == "online"
    ]
    return settle(
        conn,
        opened,
        [each for each in findings if each is not None],
        judged={flag.key for flag in opened if _is_judged(flag, states)},
        now=now,
        ended="the gateway says otherwise, or was taken back",
    )


def _is_judged(flag: Flag, states: Mapping[str, str]) -> bool:
    return states.get(flag.event.subject.id, "taken back") in {"online", "taken back"}


def _disk(standing: Standing, since: datetime) -> Finding | None:
    status = standing.status
    machine = None if status is None else status.machine
    if machine is None or machine.disk_free_bytes is None or not disk_is_little(status):
        return None
    free_mb = machine.disk_free_bytes // MB
    total = machine.disk_total_bytes
    return gateway_finding(
        standing,
        EventKind.GATEWAY_DISK,
        severity=Severity.ALARM if disk_is_least(status) else Severity.WATCH,
        since=since,
        message=(
            f"The disk of gateway {standing.gateway} has {free_mb} MB left: when it is full, what "
            "the gateway reads is kept no more, and is read again from the meters later."
        ),
        evidence=GatewayDiskEvidence(
            free_mb=free_mb, total_mb=None if total is None else total // MB
        ),
    )


def _clock(standing: Standing, since: datetime) -> Finding | None:
    stops, offset_s = clock_stops_reading(standing.status), standing.clock_offset_s
    if not stops and not clock_is_off(standing):
        return None
    minutes = None if offset_s is None else round(offset_s / 60)
    if stops:
        said = "is not believed, as no time service keeps it or it jumped: it reads no meter."
    else:
        said = f"is {abs(minutes or 0)} minutes {'ahead' if (minutes or 0) > 0 else 'behind'}."
    return gateway_finding(
        standing,
        EventKind.GATEWAY_CLOCK,
        severity=Severity.ALARM if stops else Severity.WATCH,
        since=since,
        message=f"The clock of gateway {standing.gateway} {said}",
        evidence=GatewayClockEvidence(reads=not stops, offset_minutes=minutes),
    )
