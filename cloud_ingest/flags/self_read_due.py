# SPDX-License-Identifier: MIT
"""The flag of a dial that was not read by the set day, so that its month waits for it.

It tells of a unit, a common area or a tower whose meter nobody but a person reads. It ends when the
dial was read, when the month was closed with a number without it, or when it is too late: a dial
that is read after the window does not close that month any more.

In: a society, what is due. Out: what changed. Owns: the rule.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.flag import Finding, Flag, Key
from cloud_ingest.core.local_time import short_day
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, Unit
from shared_schema.evidence import SelfReadDueEvidence


@dataclass(frozen=True, slots=True)
class DueDial:
    """What is due of one subject's service for one month."""

    subject: Subject
    tower: str | None
    service: Service
    month: str
    border: datetime
    until: datetime
    meters: tuple[str, ...]
    is_sent: bool
    """Somebody sent a value, and it waits for the manager."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A society whose dials were looked at."""

    society_id: int
    society: str
    zone: ZoneInfo
    ended: Callable[[Flag], str]
    """Why a flag that is not found any more is over."""


def refresh_self_read_due(
    conn: Connection, judged: Judged, due: Iterable[DueDial], now: datetime
) -> Changes:
    """Raise and clear the flags of one society."""
    opened = [
        each
        for each in open_events(conn, EventKind.SELF_READ_DUE)
        if each.society_id == judged.society_id
    ]
    keys: set[Key] = {each.key for each in opened}
    findings = [_finding(judged, each) for each in due]
    return settle(conn, opened, findings, judged=keys, now=now, ended=judged.ended)


def _finding(judged: Judged, due: DueDial) -> Finding:
    last = short_day(due.until, judged.zone)
    told = f"The dial of {due.subject.id}, {due.service}, was not read for {due.month}"
    if due.is_sent:
        told = (
            f"What {due.subject.id} sent of its {due.service} dial for {due.month} waits for a "
            "decision (cloud-ingest self-read list)"
        )
    return Finding(
        kind=EventKind.SELF_READ_DUE,
        society_id=judged.society_id,
        society=judged.society,
        severity=Severity.WATCH,
        subject=due.subject,
        unit=Unit(type=due.subject.type, id=due.subject.id, tower=due.tower),
        service=due.service,
        since=due.border,
        message=f"{told}: read until {last} it closes the month.",
        evidence=SelfReadDueEvidence(
            month=due.month,
            meters=due.meters,
            tower=due.tower,
            why="what was sent waits for a decision" if due.is_sent else "it has no data port",
            until=due.until,
        ),
    )
