# SPDX-License-Identifier: MIT
"""Days and months made from readings: the statements that write the rollups, and their marks.

A commit marks the days that it changed in ``dirty``. Portable stores compute marked days and the
months above them; TimescaleDB refreshes its continuous aggregates. A person who recomputes learns
what changed: the session remembers the rollups in a temporary table before and after.

In: days and channels, from `cloud_ingest.rollup`, which decides what is made when. Out: rows of
``reading_day`` and ``reading_month``. Owns: these two and ``dirty``.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, MICROSECOND, bucket_start
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rollups_held import RollupFigures, figures
from cloud_ingest.store.rows import all_rows, scalar, scalars

Bucket = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A day that a commit has changed."""

    dirty_id: int
    day: date
    channels: list[int]
    """Whose day it is."""


@dataclass(frozen=True, slots=True)
class RollupChange:
    """A day or month of a channel that was not what its readings say."""

    society: str
    manufacturer: str
    serial: str
    obis: str
    bucket: date
    """The day, or the 1st of the month."""
    before: RollupFigures | None
    """None: there was no such row."""
    now: RollupFigures | None


@dataclass(frozen=True, slots=True)
class RollupChanges:
    """Which rollups are not what they were."""

    total: int
    first: tuple[RollupChange, ...]


@translating
def newest_mark(conn: Connection) -> int:
    """Return the number of the newest mark that is visible; 0: there is none."""
    return scalar(conn, "SELECT max(dirty_id) FROM dirty") or 0


@translating
def oldest_marks(conn: Connection, newest: int, last: date, limit: int) -> list[Mark]:
    """Return the oldest marks up to the number ``newest``, of days up to ``last``.

    At most ``limit`` are returned.
    """
    return all_rows(
        conn,
        Mark,
        """
        SELECT dirty_id, day, channels FROM dirty WHERE dirty_id <= %s AND day <= %s
        ORDER BY dirty_id LIMIT %s
        """,
        (newest, last, limit),
    )


@translating
def clear_marks(conn: Connection, marks: Iterable[Mark]) -> None:
    """Drop marks that a refresh has dealt with; marks that were added since stay."""
    numbers = [mark.dirty_id for mark in marks]
    conn.execute("DELETE FROM dirty WHERE dirty_id = ANY(%s::bigint[])", (numbers,))


@translating
def is_marked_before(conn: Connection, day: date) -> bool:
    """Say whether a day before another waits to be rolled up."""
    return bool(scalar(conn, "SELECT EXISTS (SELECT FROM dirty WHERE day < %s)", (day,)))


@translating
def compute_days(
    conn: Connection, keys: Sequence[tuple[int, date]], zone: ZoneInfo
) -> list[tuple[int, date]]:
    """Roll up days of a portable store from their readings, and return those that have some.

    Args:
        conn: The store.
        keys: Channel and day.
        zone: Of the days.
    """
    return all_rows(conn, _day_key, query("rollup/day_recompute"), _days(keys, zone))


@translating
def forget_set_aside(
    conn: Connection, keys: Sequence[tuple[int, date]], zone: ZoneInfo
) -> list[tuple[int, date]]:
    """Delete days of a portable store of which every reading was set aside, and return them.

    Args:
        conn: The store.
        keys: Channel and day.
        zone: Of the days.
    """
    return all_rows(conn, _day_key, query("rollup/day_forget_set_aside"), _days(keys, zone))


def _days(keys: Sequence[tuple[int, date]], zone: ZoneInfo) -> dict[str, Any]:
    return {
        "channels": [channel_id for channel_id, _ in keys],
        "days": [day for _, day in keys],
        "zone": zone.key,
    }


def _day_key(*, channel_id: int, day: date) -> tuple[int, date]:
    return channel_id, day


@translating
def compute_months(conn: Connection, keys: Sequence[tuple[int, date]]) -> None:
    """Roll up months of a portable store from their days; keys are channels and first days."""
    conn.execute(
        query("rollup/month_recompute"),
        {"channels": [channel_id for channel_id, _ in keys], "months": [day for _, day in keys]},
    )


@translating
def forget_days(
    conn: Connection, channels: Collection[int], first: date, last: date, zone: ZoneInfo
) -> None:
    """Delete the days of a portable store that no reading tells of."""
    window = {"channels": list(channels), "first": first, "last": last, "zone": zone.key}
    conn.execute(query("rollup/day_forget"), window)


@translating
def forget_months(conn: Connection, channels: Collection[int], first: date, last: date) -> None:
    """Delete the months of a portable store that no day tells of."""
    window = {"channels": list(channels), "first": first, "last": last}
    conn.execute(query("rollup/month_forget"), window)


@translating
def refresh_aggregate(
    conn: Connection, bucket: Bucket, start: datetime, end: datetime, *, force: bool
) -> None:
    """Materialise a window of a continuous aggregate; it must not cut a bucket.

    Args:
        conn: The store, outside of a transaction.
        bucket: Days or months.
        start: Of the window.
        end: Of the window.
        force: Also where TimescaleDB takes nothing for changed.
    """
    conn.execute(
        """
        CALL refresh_continuous_aggregate(
          %(name)s::regclass, %(start)s::timestamptz, %(end)s::timestamptz, force => %(force)s)
        """,
        {"name": f"reading_{bucket}_c", "start": start, "end": end, "force": force},
    )


@translating
def days_that_lost_readings(
    conn: Connection, first: date, last: date, zone: ZoneInfo
) -> list[date]:
    """Return the days of a stretch that tell of more readings than there are."""
    window = {
        "first": first,
        "last": last,
        "start": bucket_start(first, zone) - MICROSECOND,
        "end": bucket_start(last + DAY, zone) - MICROSECOND,
        "zone": zone.key,
    }
    return scalars(conn, query("rollup/days_lost"), window)


@translating
def has_day_of_older_readings(conn: Connection, first: date, last: date, oldest: datetime) -> bool:
    """Say whether days up to ``last`` tell of readings before the oldest that is kept."""
    found = scalar(
        conn,
        """
        SELECT EXISTS (
          SELECT FROM reading_day WHERE day BETWEEN %s AND %s AND min_ts < %s)
        """,
        (first, last, oldest),
    )
    return bool(found)


@translating
def channels_after(
    conn: Connection, channel_id: int, society_id: int | None, limit: int
) -> list[int]:
    """Return the next channels in the order of their ids, of one society or of all."""
    return scalars(
        conn,
        """
        SELECT channel_id FROM channel JOIN meter USING (meter_id)
        WHERE channel_id > %(after)s
          AND (%(society_id)s::int IS NULL OR society_id = %(society_id)s)
        ORDER BY channel_id LIMIT %(limit)s
        """,
        {"after": channel_id, "society_id": society_id, "limit": limit},
    )


@translating
def forget_remembered(conn: Connection) -> None:
    """Let the session remember no rollups; it can from now on."""
    conn.execute(query("rollup/remembered_make"))
    conn.execute("TRUNCATE remembered_rollup")


@translating
def remember_rollups(
    conn: Connection,
    bucket: Bucket,
    first: date,
    last: date,
    society_id: int | None,
    *,
    after: bool,
) -> None:
    """Let the session remember what rollups say, of one society or of all.

    Args:
        conn: The store.
        bucket: Days, or months by their 1st.
        first: The first of them.
        last: The last of them, included.
        society_id: Whose; None: everybody's.
        after: They are made anew now.
    """
    window = {"after": after, "first": first, "last": last, "society_id": society_id}
    conn.execute(query(f"rollup/{bucket}_remember"), window)


@translating
def remembered_changes(conn: Connection, limit: int) -> RollupChanges:
    """Return how many remembered rollups are not what they were, and the first of them."""
    rows = all_rows(conn, _change, query("rollup/changes"), {"limit": limit})
    total = rows[0][0] if rows else 0
    return RollupChanges(total, tuple(change for _, change in rows))


def _change(*, total: int, **columns: Any) -> tuple[int, RollupChange]:
    before, now = figures(columns, "before"), figures(columns, "now")
    return total, RollupChange(before=before, now=now, **columns)
