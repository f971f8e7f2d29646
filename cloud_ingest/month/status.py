# SPDX-License-Identifier: MIT
"""Where a month stands: how many of its numbers are final, and which are missing.

In: a society, a month, the time. Out: one value for a sentence, a table or JSON. Never: a write.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cloud_ingest.core.month import Month
from cloud_ingest.month.published import ShownNumber, shown_states
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.registry import find_society

Phase = Literal["running", "ended", "closed"]
"""It has not ended, it was never closed, or it was."""


@dataclass(frozen=True, slots=True)
class MonthStatus:
    """Where a month of a society stands."""

    society: str
    month: str
    phase: Phase
    closed_at: datetime | None
    final: int
    missing: tuple[ShownNumber, ...]
    """Withheld or withdrawn."""

    @property
    def total(self) -> int:
        """How many numbers the month has."""
        return self.final + len(self.missing)


@translating
def month_status(conn: Connection, society: str, month: Month, now: datetime) -> MonthStatus:
    """Say where a month stands.

    Raises:
        NotFound: no such society.
    """
    society_id = find_society(conn, society)
    states = shown_states(conn, society_id, month)
    phase: Phase = "running" if now < month.end else "ended"
    if states is None:
        return MonthStatus(society, str(month), phase, None, 0, ())
    return MonthStatus(
        society, str(month), "closed", states.closed_at, states.published, states.others
    )
