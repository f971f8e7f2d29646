# SPDX-License-Identifier: MIT
"""Batches that are missing between stored ones of a stream, for longer than they may be under way.

In: a connection, the time. Out: the gaps whose borders have not moved for a while.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows

STANDS_FOR = timedelta(minutes=10)
"""A gateway sends what has no receipt again after 30, 90 and 210 seconds."""
TOLD_FOR = timedelta(days=7)
"""What did not come in so long a time was lost at the gateway."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a stream that are missing between stored ones."""

    society_id: int
    society: str
    gateway: str
    gateway_id: int
    stream: UUID
    first: int
    last: int
    came_at: datetime
    """When the later of the batches at its borders came."""


@translating
def standing_gaps(conn: Connection, now: datetime) -> list[Gap]:
    """Return the gaps whose borders have not moved, and no earlier gap's of their stream.

    A gateway sends its backlog in order: while an earlier gap fills, the later ones wait there.
    """
    standing: list[Gap] = []
    filling: set[tuple[int, UUID]] = set()
    for gap in all_rows(conn, Gap, query("batch/gaps"), {"since": now - TOLD_FOR}):
        stream = (gap.gateway_id, gap.stream)
        if gap.came_at > now - STANDS_FOR:
            filling.add(stream)
        elif stream not in filling:
            standing.append(gap)
    return standing
