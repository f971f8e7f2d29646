# SPDX-License-Identifier: MIT
"""Where a society's month stands, for the sentence that a page begins with.

In: a society, a month, the time. Out: how much of it is known and final, its leaks, what speaks
against approving it. Never: a write.

Raises: NotFound, CloseRefused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import Month
from cloud_ingest.month.status import MonthStatus, month_status
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import FlagNote, notes_of_stretch
from cloud_ingest.store.manifests import manifest_named
from cloud_ingest.store.number_words import count_doubted
from shared_schema.events import EventKind

LEAKS = frozenset({EventKind.LEAK, EventKind.BURST})


@dataclass(frozen=True, slots=True)
class Society:
    """Whose month it is, and by which rules."""

    name: str
    society_id: int
    zone: ZoneInfo
    window: timedelta
    """How far from a border a dial may stand for it."""
    grace: timedelta
    """How long after its end a month may be closed."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a month stands."""

    span: Month
    status: MonthStatus
    flags: Sequence[FlagNote]
    """That were open at any time of it."""
    doubted: int
    """How many numbers were sent in doubt, and nobody accepted them."""

    @property
    def month(self) -> str:
        """Its name, such as 2026-10."""
        return str(self.span)

    @property
    def leaks(self) -> int:
        """How many leaks and bursts it had."""
        return sum(each.kind in LEAKS for each in self.flags)

    @property
    def is_ready(self) -> bool:
        """Whether nothing speaks against approving it."""
        status = self.status
        lacks = status.missing or status.held or status.provisional or self.doubted
        return status.phase == "closed" and status.approved is None and not lacks


@dataclass(frozen=True, slots=True)
class ToApprove:
    """What a person approves: the newest manifest of a month, by its hash."""

    standing: Standing
    version: int | None
    """None: it is not closed, or approved already."""
    sha256: str | None


def month_standing(conn: Connection, society: Society, month: str, now: datetime) -> Standing:
    """Say where a month stands."""
    span = month_to_show(conn, society.society_id, month, society.zone, now)
    status = month_status(conn, society.name, span, now, window=society.window, grace=society.grace)
    return Standing(
        span=span,
        status=status,
        flags=notes_of_stretch(conn, society.society_id, span.start, span.end),
        doubted=count_doubted(conn, society.society_id, str(span)),
    )


def month_to_approve(conn: Connection, society: Society, month: str, now: datetime) -> ToApprove:
    """Say where a month stands, and what would be approved of it."""
    found = month_standing(conn, society, month, now)
    if found.status.phase != "closed" or found.status.approved is not None:
        return ToApprove(found, None, None)
    version, sha256 = manifest_named(conn, society.society_id, found.month)
    return ToApprove(found, version, sha256)
