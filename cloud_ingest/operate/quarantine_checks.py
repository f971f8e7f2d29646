# SPDX-License-Identifier: MIT
"""The doctor's judgement of the quarantine.

In: how much waits there, and what had no room. Out: a `Check`. Never: a question to a server.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.operate.checks import Check
from cloud_ingest.store.quarantine_room import Dropped

DROPPED_LATELY: Final = timedelta(days=7)


def check_quarantine(waiting: int, dropped: Sequence[Dropped], now: datetime) -> Check:
    """Judge what is kept apart, and what had no room there."""
    said = f"{waiting} entries wait for a person"
    times = sum(each.times for each in dropped if now - each.last_at < DROPPED_LATELY)
    if not times:
        return Check("ok", "quarantine", said)
    said = f"{said}; {times} unverified messages were dropped, some of them this week"
    return Check("warn", "quarantine", said, "cloud-ingest quarantine dropped says of whom")
