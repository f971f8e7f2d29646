# SPDX-License-Identifier: MIT
"""The flag of a read failure: a meter that should speak by itself has been silent too long.

A read failure is of a meter, and names the unit that it serves. The flag ends when the meter is
read again, or when it was removed.

In: a connection, the time, and the societies that may be judged. Out: what changed. The rule is
pure (`core.rules.read_failure`).
"""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.read_failure import Silence, silence
from cloud_ingest.core.typed_text import LONGEST_LABEL
from cloud_ingest.flags.lifecycle import Changes, Finding, key_of, local_time, served_unit, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.rule_inputs import AssignedMeter, assigned_meters
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import ReadFailureEvidence


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
    findings = [
        _finding(meter, quiet, zone)
        for meter in assigned_meters(conn, now)
        if societies is None or meter.society_id in societies
        if (quiet := _silence(meter, now)) is not None
    ]
    judged = {key_of(each) for each in opened} | {finding.key for finding in findings}
    return settle(
        conn, opened, findings, judged=judged, now=now, ended="it is read again or was removed"
    )


def _silence(meter: AssignedMeter, now: datetime) -> Silence | None:
    return silence(
        newest=meter.last_reading_at,
        assigned_at=meter.valid_from,
        legacy=meter.legacy,
        now=now,
    )


def _finding(meter: AssignedMeter, quiet: Silence, zone: ZoneInfo) -> Finding:
    name = f"{meter.manufacturer} {meter.serial}"
    return Finding(
        kind=EventKind.READ_FAILURE,
        society_id=meter.society_id,
        society=meter.society,
        severity=Severity.ALARM,
        subject=Subject(
            type=SubjectType.METER, id=name if len(name) <= LONGEST_LABEL else meter.serial
        ),
        unit=served_unit(meter.subject_type, meter.subject, meter.tower),
        service=Service(meter.service),
        since=quiet.since,
        message=_message(meter, quiet, zone),
        evidence=ReadFailureEvidence(
            newest_reading_at=meter.last_reading_at,
            subject_type=meter.subject_type,
            subject=meter.subject,
            tower=meter.tower or None,
            source=meter.source,
            manufacturer=meter.manufacturer,
            serial=meter.serial,
        ),
    )


def _message(meter: AssignedMeter, quiet: Silence, zone: ZoneInfo) -> str:
    what = f"The {meter.service} meter of {meter.subject} ({meter.manufacturer} {meter.serial})"
    when = local_time(quiet.since, zone)
    if quiet.ever_read:
        return f"{what} was last read {when}."
    return f"{what} was never read since it was installed {when}."
