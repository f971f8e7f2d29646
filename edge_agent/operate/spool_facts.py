# SPDX-License-Identifier: GPL-2.0-only
"""What a spool holds, in numbers: how many batches, since when, and how fast it grows.

It is opened read-only, as `status` does: the agent may run.

In: the spool's path. Out: `SpoolFacts`. Never: a reading; a write.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.operate.machine import spool_bytes
from edge_agent.spool.schema import APPLICATION_ID

DAY_S: Final = 86400
MEASURED_DAYS: Final = 7
"""The growth is that of the newest days."""
LEAST_MEASURED_S: Final = DAY_S // 4
_COUNTS: Final = """
SELECT count(*) AS batches, ifnull(sum(length(payload)), 0) AS payload_bytes,
       min(created_at) AS oldest_at, max(created_at) AS newest_at,
       (SELECT count(*) FROM waiting) AS waiting, (SELECT count(*) FROM gathered) AS gathered,
       ifnull(sum(length(payload)) FILTER (WHERE seq NOT IN (SELECT seq FROM waiting)), 0)
         AS reusable
FROM batch
"""
_RECENT: Final = """
SELECT ifnull(sum(length(payload)), 0), ifnull(max(created_at) - min(created_at), 0)
FROM batch WHERE created_at > ?
"""
_MARKS: Final = (
    "SELECT manufacturer || ' ' || serial, profile, ts FROM watermark ORDER BY 1, 2 LIMIT 4096"
)


@dataclass(frozen=True, slots=True)
class SpoolFacts:
    """A spool in numbers. Times are seconds since 1970."""

    file_bytes: int
    batches: int
    payload_bytes: int
    waiting: int
    gathered: int
    reusable: int
    """Of the payloads what the cloud has: it gives way to what comes."""
    oldest_at: int | None
    newest_at: int | None
    bytes_per_day: int | None
    """What a day of readings takes in the file; None: too little is there to tell."""
    watermarks: tuple[tuple[str, str, int], ...] = ()
    """Meter, profile, up to when it was read."""


def spool_facts(path: Path) -> SpoolFacts | None:
    """Look into a spool; None: there is none, or it cannot be read.

    Args:
        path: where it is.
    """
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            if database.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                return None
            return _read(database, path)
    except sqlite3.Error:
        return None


def _read(database: sqlite3.Connection, path: Path) -> SpoolFacts:
    cursor = database.execute(_COUNTS)
    names = [column[0] for column in cursor.description]
    counts = dict(zip(names, cursor.fetchone(), strict=True))
    size = spool_bytes(path)
    return SpoolFacts(
        file_bytes=size,
        bytes_per_day=_bytes_per_day(database, counts["payload_bytes"], counts["newest_at"]),
        watermarks=tuple(database.execute(_MARKS)),
        **counts,
    )


def _bytes_per_day(
    database: sqlite3.Connection, payload_bytes: int, newest_at: int | None
) -> int | None:
    """Return the growth of the newest days, with what the file takes beside the payloads."""
    if newest_at is None or not payload_bytes:
        return None
    after = newest_at - MEASURED_DAYS * DAY_S
    recent, lasted_s = database.execute(_RECENT, (after,)).fetchone()
    if lasted_s < LEAST_MEASURED_S:
        return None
    pages, free, page_bytes = (
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    beside = max(1.0, (pages - free) * page_bytes / payload_bytes)
    return int(recent * beside * DAY_S / lasted_s)
