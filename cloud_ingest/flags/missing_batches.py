# SPDX-License-Identifier: MIT
"""The flag of missing batches: later ones of a gateway are stored, and these do not come.

The broker lost them, or somebody takes the workers' share of them; the gateway sends again what
has no receipt. The flag ends when they have come, or after a week.

In: a connection, the time. Out: what changed. One flag a gateway.
"""

from collections.abc import Sequence
from datetime import datetime

from cloud_ingest.core.flag import Finding
from cloud_ingest.flags.gateway_finding import gateway_finding
from cloud_ingest.flags.lifecycle import Changes, settle
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import open_events
from cloud_ingest.store.missing_batches import Gap, standing_gaps
from shared_schema.events import EventKind
from shared_schema.evidence import MissingBatchesEvidence


def refresh_missing_batches(conn: Connection, now: datetime) -> Changes:
    """Raise, correct and clear the flags of gateways whose batches are missing."""
    opened = open_events(conn, EventKind.MISSING_BATCHES)
    gaps: dict[int, list[Gap]] = {}
    for gap in standing_gaps(conn, now):
        gaps.setdefault(gap.gateway_id, []).append(gap)
    return settle(
        conn,
        opened,
        [_finding(each) for each in gaps.values()],
        judged={flag.key for flag in opened},
        now=now,
        ended="they came, or did not in a week",
    )


def _finding(gaps: Sequence[Gap]) -> Finding:
    first = gaps[0]
    missing = sum(gap.last - gap.first + 1 for gap in gaps)
    return gateway_finding(
        first,
        EventKind.MISSING_BATCHES,
        since=min(gap.came_at for gap in gaps),
        message=(
            f"Batches of gateway {first.gateway} are missing, {missing} in all, and later ones "
            "came: the broker lost them, or another client takes the share of the ingest."
        ),
        evidence=MissingBatchesEvidence(
            missing=missing, stream=str(first.stream), first=first.first, last=first.last
        ),
    )
