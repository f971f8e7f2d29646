# SPDX-License-Identifier: MIT
"""The life of a flag: raised once, corrected while it is open, cleared at its end.

A rule says what it found now; the store has what is open. `settle` writes the difference: what
is new is raised, what turns out to have begun earlier is sent again, and what was judged and
not found is cleared. What was not judged stays as it is.

In: what is open, what a rule found, and for which subjects it looked. Out: the number of changes.
Owns: when a flag is raised, corrected or cleared; `store.events` writes it.
Never: a rule.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import StoredEvent, change_event, raise_event
from shared_schema.events import (
    Event,
    EventKind,
    EventService,
    Severity,
    Subject,
    SubjectType,
    Unit,
)
from shared_schema.evidence import Evidence

EARLIER_BY = timedelta(hours=1)
"""An open flag is sent again when what it is about turns out to have begun so much earlier."""
MAX_MESSAGE = 400
"""Characters that the contract allows."""

Key = tuple[int, SubjectType, str, EventService]
"""Society, subject, service: one flag of a kind is open for each at most."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of one subject now."""

    kind: EventKind
    society_id: int
    society: str
    severity: Severity
    subject: Subject
    unit: Unit | None
    """The unit that it is about, whatever its subject is; None where there is none."""
    service: EventService
    since: datetime
    message: str
    evidence: Evidence
    """Of the model that `shared_schema.evidence.EVIDENCE` has for the kind."""

    @property
    def key(self) -> Key:
        """What makes two findings the same thing."""
        return (self.society_id, self.subject.type, self.subject.id, self.service)


@dataclass(frozen=True, slots=True)
class Changes:
    """How many flags were raised and cleared."""

    raised: int = 0
    cleared: int = 0


def settle(
    conn: Connection,
    opened: Iterable[StoredEvent],
    findings: Iterable[Finding],
    *,
    judged: Collection[Key],
    now: datetime,
    ended: str,
) -> Changes:
    """Write the difference between the flags that are open and what a rule found.

    Args:
        conn: A connection.
        opened: The open flags of the rule's kind.
        findings: What the rule found.
        judged: The subjects for which the rule looked: only their flags are cleared.
        now: The time.
        ended: Why a flag that is not found any more is over, in a few words.
    """
    raised = cleared = 0
    known = {key_of(each): each for each in opened}
    found = {finding.key: finding for finding in findings}
    for key, finding in found.items():
        if key not in known:
            raised += raise_event(conn, finding.society_id, _new_event(finding, now))
        elif known[key].event.since - finding.since >= EARLIER_BY:
            earlier = {
                "since": finding.since,
                "message": finding.message,
                "severity": finding.severity,
                "unit": finding.unit,
                "evidence": finding.evidence.document(),
            }
            change_event(conn, known[key].event.model_copy(update=earlier))
    for key, stored in known.items():
        if key in judged and key not in found:
            message = f"Over: {ended}. {stored.event.message}"
            over = {"state": "cleared", "cleared_at": now, "message": message[:MAX_MESSAGE]}
            cleared += change_event(conn, stored.event.model_copy(update=over))
    return Changes(raised, cleared)


def key_of(stored: StoredEvent) -> Key:
    """Return what makes a stored flag and a finding the same thing."""
    event = stored.event
    return (stored.society_id, event.subject.type, event.subject.id, event.service)


def served_unit(subject_type: str, subject: str, tower: str | None) -> Unit:
    """Return the unit of an assignment; a bulk meter's is the tower that it measures."""
    if subject_type == "bulk":
        return Unit(type=SubjectType.TOWER, id=tower or subject, tower=tower or None)
    return Unit(type=SubjectType(subject_type), id=subject, tower=tower or None)


def local_time(when: datetime, zone: ZoneInfo) -> str:
    """Write a time as a flag's message does."""
    return when.astimezone(zone).strftime("%d %b %Y %H:%M")


def _new_event(finding: Finding, now: datetime) -> Event:
    return Event(
        id=uuid4(),
        society=finding.society,
        kind=finding.kind,
        severity=finding.severity,
        unit=finding.unit,
        subject=finding.subject,
        service=finding.service,
        state="open",
        since=finding.since,
        raised_at=now,
        message=finding.message,
        evidence_schema=finding.evidence.SCHEMA,
        evidence=finding.evidence.document(),
    )
