# SPDX-License-Identifier: MIT
"""What is added to registers from a time on: after a rollover, a reset, a replacement.

In: channels. Out: their epochs; of one moment the epoch that was recorded last counts. Owns: the
table ``epoch``. Never: a changed row; a correction is a newer one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.register import Epoch
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows
from cloud_ingest.store.unjudged import closely, mark_unjudged


@translating
def epochs_of(conn: Connection, channel_ids: Collection[int]) -> dict[int, list[Epoch]]:
    """Return the epochs of channels, ascending."""
    found: dict[int, list[Epoch]] = {}
    rows = conn.execute(
        """
        SELECT DISTINCT ON (channel_id, starts_at) channel_id, starts_at, offset_raw FROM epoch
        WHERE channel_id = ANY(%s::int[])
        ORDER BY channel_id, starts_at, entry_order DESC
        """,
        (sorted(channel_ids),),
    )
    for channel_id, starts_at, offset_raw in rows:
        found.setdefault(channel_id, []).append(Epoch(starts_at, offset_raw))
    return found


@dataclass(frozen=True, slots=True)
class ToldEpoch:
    """An epoch, and who said it."""

    channel_id: int
    starts_at: datetime
    offset_raw: int
    author: str
    reason: str
    recorded_at: datetime


@translating
def epochs_as_known(
    conn: Connection, channel_ids: Collection[int], heard: int | None
) -> list[ToldEpoch]:
    """Return the epochs of channels as they were known, ascending.

    Args:
        conn: The store.
        channel_ids: The channels.
        heard: The last entry that was known; None: all are.
    """
    return all_rows(
        conn,
        ToldEpoch,
        """
        SELECT DISTINCT ON (channel_id, starts_at)
               channel_id, starts_at, offset_raw, author, reason, recorded_at FROM epoch
        WHERE channel_id = ANY(%(channels)s::int[])
          AND (%(heard)s::bigint IS NULL OR entry_order <= %(heard)s)
        ORDER BY channel_id, starts_at, entry_order DESC
        """,
        {"channels": sorted(channel_ids), "heard": heard},
    )


@translating
def store_epoch(
    conn: Connection, channel_id: int, epoch: Epoch, *, reason: str, by: str, now: datetime
) -> None:
    """Remember what is added to a register from a time on, who says so and why.

    The register is judged again from then on: with the epoch other claims may be sound.
    """
    conn.execute(
        """
        INSERT INTO epoch (channel_id, starts_at, offset_raw, reason, author, recorded_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (channel_id, epoch.starts_at, epoch.offset_raw, reason, by, now),
    )
    since = int(epoch.starts_at.timestamp())
    mark_unjudged(conn, [closely(channel_id, since, max(since, int(now.timestamp())))])
