# SPDX-License-Identifier: MIT
"""The flag of a held change: a published number would change, and nobody asked for it.

A unit has one flag for each service, however many of its months wait. It is corrected while they
change, and ends when a person accepted or kept them, or when the readings say again what was
published.

In: the changes that wait in a society. Out: what changed, in the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from cloud_ingest.core.flag import Finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.number_words import Doubt, NumberKey
from shared_schema.billing import BILLING_UNITS
from shared_schema.events import EventKind, Severity, Subject, SubjectType, Unit
from shared_schema.evidence import HeldChangeEvidence


def refresh_held_changes(
    conn: Connection, society_id: int, society: str, held: Sequence[Doubt], now: datetime
) -> Changes:
    """Raise, correct and clear the flags of a society.

    Args:
        conn: A connection.
        society_id: The society.
        society: Its name.
        held: All of its changes that wait.
        now: The time.
    """
    opened = [
        each for each in open_events(conn, EventKind.HELD_CHANGE) if each.society_id == society_id
    ]
    own: dict[NumberKey, list[Doubt]] = {}
    for each in held:
        own.setdefault(each.key, []).append(each)
    findings = [_finding(society_id, society, each) for each in own.values()]
    return settle(
        conn,
        opened,
        findings,
        judged={each.key for each in opened},
        now=now,
        ended="a person decided, or the readings say again what was published",
    )


def _finding(society_id: int, society: str, held: Sequence[Doubt]) -> Finding:
    first = held[0]
    changes = tuple(f"{each.month} {_becomes(each)}" for each in held)
    subject = Subject(type=SubjectType(first.key.subject_type), id=first.key.subject)
    return Finding(
        kind=EventKind.HELD_CHANGE,
        society_id=society_id,
        society=society,
        severity=Severity.WATCH,
        subject=subject,
        unit=Unit(type=subject.type, id=subject.id),
        service=first.key.service,
        since=min(each.since for each in held),
        message=f"Nobody asked for it, so it waits: {'; '.join(changes)}.",
        evidence=HeldChangeEvidence(
            months=", ".join(each.month for each in held),
            changes=changes,
            command="cloud-ingest number list",
        ),
    )


def _becomes(doubt: Doubt) -> str:
    unit = BILLING_UNITS[doubt.key.service]
    if doubt.quantity is None:
        return f"(v{doubt.version}) would be withdrawn"
    if doubt.version is None:
        return f"would be {doubt.quantity:f} {unit}"
    return f"(v{doubt.version}) would become {doubt.quantity:f} {unit}"
