# SPDX-License-Identifier: MIT
"""The search of the past: registers that were stored before there was a validation.

An upgrade judges the two months before it at once, for they may still be billed. What is older is
judged in the background, the oldest first, some registers and a month of each at a time. How far
it has come is stored behind each step, so that it goes on where it was interrupted.

In: the registers that wait. Out: how many were looked at. Never: a change of a published number: a
month is closed again by a person, and a change that nobody asked for is held.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from cloud_ingest.core.month import MICROSECOND
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.past_search import Past, oldest_past, put_past
from cloud_ingest.store.readings_read import Window, boundary_readings
from cloud_ingest.store.unjudged import Stretch, closely
from cloud_ingest.validation.judge import judge_stretches

REGISTERS_AT_ONCE: Final = 50
SPAN: Final = timedelta(days=31)
_BEGIN: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before any reading."""


def judge_past(conn: Connection, now: datetime) -> int:
    """Judge the next part of the past.

    Args:
        conn: The store, outside of a transaction.
        now: The time.

    Returns:
        How many registers were looked at; 0: nothing waits.
    """
    waiting = oldest_past(conn, REGISTERS_AT_ONCE)
    if not waiting:
        return 0
    store = open_store(conn)
    found = _first_readings(conn, waiting, store.kept_from)
    judged: list[tuple[Past, datetime | None]] = []
    stretches: list[Stretch] = []
    for past in waiting:
        first = found.get(past.channel_id)
        if first is None or past.next_at is None:
            judged.append((past, first))
            continue
        last = min(first + SPAN, past.until)
        stretches.append(closely(past.channel_id, int(first.timestamp()), int(last.timestamp())))
        judged.append((past, last + MICROSECOND))
    judge_stretches(conn, stretches, store, now)
    put_past(conn, judged)
    return len(waiting)


def _first_readings(
    conn: Connection, waiting: list[Past], kept_from: datetime | None
) -> dict[int, datetime]:
    """Return the first reading of each register that is not judged yet, by channel."""
    begin = _BEGIN if kept_from is None else kept_from
    windows = [
        Window(past.channel_id, start, past.until)
        for past in waiting
        if (start := max(past.next_at or begin, begin)) <= past.until
    ]
    exponents = dict.fromkeys((past.channel_id for past in waiting), 0)
    read = boundary_readings(conn, first_in=windows, exponents=exponents)
    return {channel_id: rows[0].ts for channel_id, rows in read.items()}
