# SPDX-License-Identifier: MIT
"""The refresh of the rollups: readings become days and months, right behind the ingest.

A commit marks the days that it touched; a refresh rolls them up and takes their marks away. A
portable store computes the marked (channel, day) again, and the months above them. TimescaleDB
refreshes its continuous aggregates over the marked days, the days before the months. The rows look
alike on every edition.

Before days are rolled up, `validation.judge` sets aside what is unsound in them: a day is rolled up
from sound readings. If that changes what is elected on another day, that day is rolled up as well.

A refresh window that cuts a bucket would leave that bucket empty, so that windows run from
border to border. The months of a window are always materialised anew: TimescaleDB 2.28 takes
a day that begins a month, where it is the last that has changed, for the month before (a
changed range that ends on the first instant of a bucket), and would leave the month as it was.
It costs no more, because a month is materialised for all channels at once anyway.

If a day counts more readings than there are, somebody has dropped readings, and a rollup outlives
them: the day stays as it is, and its mark goes. `recompute` makes it anew nevertheless. What was
set aside was not dropped: a day of which nothing else was known tells of nothing then. With
continuous aggregates only days older than `LONG_PAST` are looked at, for the look costs what a
refresh does; nobody is expected to drop younger readings.

Rules that look at days are told whose past days are others now (`put_changed`).

In: the marks in ``dirty``. Out: fresh rows of ``reading_day`` and ``reading_month``.
Never: a mark that goes before its day is done, or two refreshes at a time in a database; a mark
that is added meanwhile stays.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, MICROSECOND, bucket_start, next_month, runs
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.load_days import put_changed
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.month_runs import touch_months
from cloud_ingest.store.rollups_write import (
    Bucket,
    Mark,
    clear_marks,
    compute_days,
    compute_months,
    days_that_lost_readings,
    forget_days,
    forget_months,
    forget_set_aside,
    newest_mark,
    oldest_marks,
    refresh_aggregate,
)
from cloud_ingest.validation.judge import judge_waiting

MARKS_AT_ONCE = 500
KEYS_AT_ONCE = 5_000
"""On a portable store: about a quarter of a second of work in one transaction."""
SAME_WINDOW = timedelta(days=7)
"""Days closer than this are refreshed together: one chunk is read once."""
LONG_PAST = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh dealt with."""

    marks: int = 0
    days: int = 0
    """(channel, day) pairs; with continuous aggregates, days."""


@translating
def refresh(conn: Connection, now: datetime) -> Refreshed:
    """Bring days and months up to every commit that was visible when this began.

    Args:
        conn: The store, outside of a transaction (TimescaleDB refreshes in none).
        now: The time; the marks of days that have not come are left, so that no window of a
            refresh reaches into the future.

    Raises:
        StoreUnavailable: try again; no mark is lost.
    """
    marks = days = 0
    with advisory_lock(conn, Lock.ROLLUP):
        store = open_store(conn)  # what is kept changes under the same lock
        continuous = store.rollups == "continuous"
        tomorrow = now.astimezone(store.zone).date() + DAY
        oldest = None if store.kept_from is None else store.kept_from.astimezone(store.zone).date()
        newest = newest_mark(conn)  # a refresh ends also where readings keep coming
        full = True
        while full:
            taken = oldest_marks(conn, newest, tomorrow, MARKS_AT_ONCE)
            # Behind the marks: what a marked day holds waits to be judged by then.
            moved = judge_waiting(conn, store, now)
            full = len(taken) >= MARKS_AT_ONCE
            taken += moved
            if not taken:
                break
            changed = _channels_by_day(taken, oldest)
            if continuous:
                lost = _lost(conn, [day for day in changed if day < tomorrow - LONG_PAST], store)
                _refresh_aggregates(conn, changed, store.zone, store.kept_from, lost)
                days += len(changed)
            else:
                days += _recompute(conn, changed, store)
                _forget_empty(conn, _channels_by_day(moved, oldest), store)
            touch_months(conn, changed, tomorrow - DAY)
            put_changed(conn, _channels_before(changed, tomorrow - DAY))
            clear_marks(conn, taken)
            marks += len(taken)
    return Refreshed(marks, days)


def _channels_by_day(marks: Iterable[Mark], oldest: date | None) -> dict[date, set[int]]:
    """Return the channels of each day that is marked; pure.

    The mark of a day whose readings were dropped changes nothing: the day stays.
    """
    changed: dict[date, set[int]] = {}
    for mark in marks:
        if oldest is None or mark.day >= oldest:
            changed.setdefault(mark.day, set()).update(mark.channels)
    return changed


def _channels_before(changed: Mapping[date, Collection[int]], today: date) -> set[int]:
    """Return the channels that a past day is of; pure."""
    return {channel_id for day, own in changed.items() if day < today for channel_id in own}


def _forget_empty(conn: Connection, moved: Mapping[date, Collection[int]], store: Store) -> None:
    """Let days and months of which every reading was set aside tell of none."""
    for day, channels in moved.items():
        month = day.replace(day=1)
        with conn.transaction():
            forget_days(conn, channels, day, day, store.zone)
            forget_months(conn, channels, month, month)
            compute_months(conn, [(channel_id, month) for channel_id in sorted(channels)])


def _recompute(conn: Connection, changed: Mapping[date, Collection[int]], store: Store) -> int:
    """Roll up days of channels and the months above them; return how many days."""
    keys = sorted((channel_id, day) for day, channels in changed.items() for channel_id in channels)
    for at in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[at : at + KEYS_AT_ONCE]
        months = sorted({(channel_id, day.replace(day=1)) for channel_id, day in part})
        with conn.transaction():
            told = set(compute_days(conn, part, store.zone))
            empty = [key for key in part if key not in told]
            gone = forget_set_aside(conn, empty, store.zone) if empty else []
            compute_months(conn, months)
            for channel_id, day in gone:
                month = day.replace(day=1)
                forget_months(conn, [channel_id], month, month)
    return len(keys)


def _lost(conn: Connection, days: Collection[date], store: Store) -> set[date]:
    """Return the days, in the windows that days are refreshed in, whose readings were dropped."""
    found: set[date] = set()
    for first, last in runs(days, SAME_WINDOW):
        found.update(days_that_lost_readings(conn, first - DAY, last + DAY, store.zone))
    return found


def _refresh_aggregates(
    conn: Connection,
    days: Collection[date],
    zone: ZoneInfo,
    kept_from: datetime | None = None,
    lost: Collection[date] = (),
) -> None:
    def materialise(bucket: Bucket, first: date, after: date, *, force: bool) -> None:
        start, end = bucket_start(first, zone), bucket_start(after, zone)
        if kept_from is not None:  # what is older would be rolled up to nothing
            start = max(start, kept_from + MICROSECOND)
        if start < end:
            refresh_aggregate(conn, bucket, start, end, force=force)

    for first, last in runs(days, SAME_WINDOW):
        for begin, end in _around(first - DAY, last + DAY, lost):
            materialise("day", begin, end + DAY, force=False)
    for first, last in runs({day.replace(day=1) for day in days}, timedelta(days=31)):
        materialise("month", first, next_month(last), force=True)


def _around(first: date, last: date, lost: Collection[date]) -> Iterator[tuple[date, date]]:
    """Cut days out of a stretch, and give what is left of it; pure."""
    for day in sorted(day for day in lost if first <= day <= last):
        if first < day:
            yield first, day - DAY
        first = day + DAY
    if first <= last:
        yield first, last
