# SPDX-License-Identifier: MIT
"""The flag of a prolonged estimation: a subject whose months in a row could not be proved.

A month is not proved if its number is withheld, or was sent as an estimate. The flag is raised when
a second month in a row is not, and ends when the newest closed month is proved: by its own
borders, or by a catch-up.

In: a society, the months that were not proved, the time. Out: what changed. Owns: the rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.flag import Finding, Key
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from shared_schema.catalogue import Service
from shared_schema.events import EventKind, Severity, Subject, Unit
from shared_schema.evidence import ProlongedEstimateEvidence

FEWEST_MONTHS = 2
"""So many in a row are a flag."""


@dataclass(frozen=True, slots=True)
class UnprovedRun:
    """The newest months of a subject in a row that were not proved."""

    subject: Subject
    service: Service
    since: datetime
    """When the first of them began."""
    months: tuple[str, ...]
    """Ascending."""
    reasons: tuple[str, ...]
    """Of the newest."""


def refresh_prolonged(
    conn: Connection,
    society_id: int,
    society: str,
    runs: Iterable[UnprovedRun],
    now: datetime,
) -> Changes:
    """Raise and clear the flags of one society.

    Args:
        conn: A connection.
        society_id: Of the society.
        society: Its name.
        runs: Of every subject whose newest closed month was not proved.
        now: The time.
    """
    findings = [_finding(society_id, society, run) for run in runs if _is_prolonged(run)]
    opened = [
        each
        for each in open_events(conn, EventKind.PROLONGED_ESTIMATE)
        if each.society_id == society_id
    ]
    judged: set[Key] = {each.key for each in opened}
    return settle(
        conn, opened, findings, judged=judged, now=now, ended="its newest month is proved"
    )


def _is_prolonged(run: UnprovedRun) -> bool:
    return len(run.months) >= FEWEST_MONTHS


def _finding(society_id: int, society: str, run: UnprovedRun) -> Finding:
    return Finding(
        kind=EventKind.PROLONGED_ESTIMATE,
        society_id=society_id,
        society=society,
        severity=Severity.WATCH,
        subject=run.subject,
        unit=Unit(type=run.subject.type, id=run.subject.id),
        service=run.service,
        since=run.since,
        message=(
            f"The {run.service} of {run.subject.id} could not be proved for months in a row, "
            f"since {run.months[0]}: {', '.join(run.reasons)}."
        ),
        evidence=ProlongedEstimateEvidence(months=", ".join(run.months)),
    )
