# SPDX-License-Identifier: MIT
"""The manager's queue: what residents sent, beside what their dials showed before.

In: a society. Out: one page of values, the worst first. Never: a write, a decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.entries.meter import billed_channels, exponents_of
from cloud_ingest.entries.self_read_links import served_now
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.dials import Dials, dials
from cloud_ingest.store.readings_read import neighbours
from cloud_ingest.store.self_read_submissions import Submission, submissions
from shared_schema.billing import BILLING_UNITS

MOST: Final = 20
"""On one page."""
_WORST: Final[Sequence[str]] = (
    "below",
    "above",
    "too_much",
    "rollover",
    "known_otherwise",
    "better_claim",
    "neighbour",
    "decimal_point",
    "digits_exchanged",
    "digit_missing",
    "digit_too_many",
    "too_little",
    "unusual",
    "photo_time",
    "long_ago",
    "first",
)


@dataclass(frozen=True, slots=True)
class QueuedRead:
    """What a resident sent, beside what the dial showed before."""

    sent: Submission
    unit: str
    """kWh or kL."""
    before: Decimal | None
    """What the dial showed last before; None: it was never read."""
    before_at: datetime | None

    @property
    def difference(self) -> Decimal | None:
        """What was counted since; None: nobody knows."""
        if self.before is None:
            return None
        with exactly():
            return self.sent.value - self.before


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of what was sent."""

    reads: tuple[QueuedRead, ...]
    total: int
    page: int
    """From 1."""

    @property
    def has_more(self) -> bool:
        """Whether there is a page behind this one."""
        return self.page * MOST < self.total


@translating
def queue(
    conn: Connection, society_id: int, *, waiting: bool, subject: str | None, page: int
) -> Queue:
    """Return a page of what waits for a person, the worst first; or of all, the newest first."""
    found = submissions(conn, society_id, waiting=waiting, subject=subject)
    if waiting:
        found.sort(key=_badness)
    page = max(1, page)
    known = dials(conn, society_id)
    own = found[(page - 1) * MOST : page * MOST]
    return Queue(tuple(_beside(conn, each, known) for each in own), len(found), page)


def _badness(sent: Submission) -> tuple[int, datetime]:
    ranks = [_WORST.index(kind) for kind in _kinds(sent) if kind in _WORST]
    return min(ranks, default=len(_WORST)), sent.received_at


def _kinds(sent: Submission) -> list[str]:
    return [str(each["kind"]) for each in sent.remarks]


def _beside(conn: Connection, sent: Submission, known: Dials) -> QueuedRead:
    unit, at = BILLING_UNITS[sent.service], sent.read_at - MICROSECOND
    serving = served_now(
        conn, sent.society_id, sent.subject_type, sent.subject, service=sent.service, now=at
    )
    meter = next((each for each in serving if each.source == sent.source), None)
    if meter is None:
        return QueuedRead(sent, unit, None, None)
    exponents = exponents_of(billed_channels(conn, meter.meter_id, sent.service), sent.service)
    last = neighbours(conn, exponents, at)[0] if exponents else None
    if last is None:
        return QueuedRead(sent, unit, None, None)
    with exactly():
        shown = last.value + (known.adds(str(meter.meter), last.ts) or Decimal(0))
    return QueuedRead(sent, unit, shown, last.ts)
