# SPDX-License-Identifier: MIT
"""The recomputation of days and months from their readings, which says which had been wrong.

It is for a person who doubts the rollups: behind the ingest `rollup.refresh` keeps them right, and
a month is not closed if they are not what the readings say. A rollup outlives its readings.
Therefore nothing is computed from before the line of retention or the oldest reading that the
store still keeps, nor the day that this reading cuts: what is known of that time would be lost.

In: a range of local days. Out: which rollups changed.
Never: a change of a reading, or of a number that was sent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, MICROSECOND, bucket_start, next_month
from cloud_ingest.errors import RecomputeRefused
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, advisory_lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.readings_read import is_any_kept_until, oldest_between
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rollups_write import (
    RollupChange,
    RollupChanges,
    channels_after,
    compute_days,
    compute_months,
    forget_days,
    forget_months,
    forget_remembered,
    has_day_of_older_readings,
    refresh_aggregate,
    remember_rollups,
    remembered_changes,
)

DAYS_AT_ONCE = 7
CHANNELS_AT_ONCE = 1_000
"""On a portable store: about a second of work in one transaction."""
MOST_SHOWN = 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Which days and months were computed again, and which of them changed."""

    first: date
    last: date
    """Both included; the first may be later than was asked for: see `cut`."""
    cut: bool
    """The readings of earlier days of the range are no longer kept."""
    days_changed: int
    months_changed: int
    days: tuple[RollupChange, ...]
    """The first `MOST_SHOWN` of them."""
    months: tuple[RollupChange, ...]


@translating
def recompute(
    conn: Connection,
    first: date,
    last: date,
    now: datetime,
    *,
    society: str | None = None,
    progress: Progress = lambda _text: None,
) -> Recomputed:
    """Roll up local days again from their readings, and the months above them from the days.

    Args:
        conn: The store, outside of a transaction.
        first: The first day, in the store's zone.
        last: The last day, included; days that have not come are left out.
        now: The time.
        society: Of whom; None is everybody. A continuous aggregate is made anew for everybody in
            any case, and what changed is then told of this society alone.
        progress: Is told what is being done, in a few words.

    Raises:
        RecomputeRefused: the range is none, has not come, or nothing of it is kept.
        NotFound: no such society.
    """
    store = open_store(conn)
    society_id = None if society is None else find_society(conn, society)
    last = min(last, now.astimezone(store.zone).date())
    if last < first:
        raise RecomputeRefused(f"no day from {first} to {last} has come yet")
    progress("rolling up what came in")
    refresh(conn, now)
    kept = _kept_from(conn, first, last, store)
    days: list[RollupChanges] = []
    for begin, end in _windows(kept, last):
        progress(f"{begin} to {end}")
        days.append(_recompute(conn, store, _Span("day", begin, end), society_id))
    progress("months")
    span = _Span("month", kept.replace(day=1), last.replace(day=1))
    months = _recompute(conn, store, span, society_id)
    return Recomputed(
        first=kept,
        last=last,
        cut=kept > first,
        days_changed=sum(each.total for each in days),
        months_changed=months.total,
        days=tuple(change for each in days for change in each.first)[:MOST_SHOWN],
        months=months.first,
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """Days, or months by their 1st; both ends included."""

    bucket: Literal["day", "month"]
    first: date
    last: date

    def after(self, day: date) -> date:
        return day + DAY if self.bucket == "day" else next_month(day)

    def buckets(self) -> list[date]:
        found = [self.first]
        while found[-1] < self.last:
            found.append(self.after(found[-1]))
        return found


def _kept_from(conn: Connection, first: date, last: date, store: Store) -> date:
    """Return the first day of a range whose readings are all kept."""
    zone = store.zone
    if store.kept_from is not None:
        line = store.kept_from.astimezone(zone).date()
        if last < line:
            raise RecomputeRefused(f"the store no longer keeps all readings from {first} to {last}")
        first = max(first, line)
    start, end = (bucket_start(day, zone) - MICROSECOND for day in (first, last + DAY))
    if is_any_kept_until(conn, start):
        return first
    oldest = oldest_between(conn, start, end)
    if oldest is None:
        raise RecomputeRefused(f"the store keeps no reading from {first} to {last}")
    day = (oldest - MICROSECOND).astimezone(zone).date()
    if not has_day_of_older_readings(conn, first, day, oldest):
        return day
    if day == last:
        raise RecomputeRefused(f"the store no longer keeps all readings from {first} to {last}")
    return day + DAY


def _windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + timedelta(days=DAYS_AT_ONCE - 1), last)
        yield first, end
        first = end + DAY


def _recompute(
    conn: Connection, store: Store, span: _Span, society_id: int | None
) -> RollupChanges:
    """Roll up a span again, and return which of its rows changed."""
    remembered = (span.bucket, span.first, span.last, society_id)
    with advisory_lock(conn, Lock.ROLLUP):
        line = open_store(conn).kept_from
        if line is not None and bucket_start(span.first, store.zone) <= line:
            raise RecomputeRefused("retention dropped readings meanwhile: recompute again")
        forget_remembered(conn)
        remember_rollups(conn, *remembered, after=False)
        if store.rollups == "continuous":
            start = bucket_start(span.first, store.zone)
            end = bucket_start(span.after(span.last), store.zone)
            refresh_aggregate(conn, span.bucket, start, end, force=True)
        else:
            for channels in _channels(conn, society_id):
                _recompute_tables(conn, store.zone, span, channels)
        remember_rollups(conn, *remembered, after=True)
        changes = remembered_changes(conn, MOST_SHOWN)
        forget_remembered(conn)
    return changes


def _channels(conn: Connection, society_id: int | None) -> Iterator[list[int]]:
    after = 0
    while True:
        found = channels_after(conn, after, society_id, CHANNELS_AT_ONCE)
        if not found:
            return
        yield found
        after = found[-1]


def _recompute_tables(conn: Connection, zone: ZoneInfo, span: _Span, channels: list[int]) -> None:
    """Roll up a span of some channels in the tables of a portable store."""
    keys = [(channel_id, bucket) for channel_id in channels for bucket in span.buckets()]
    with conn.transaction():
        if span.bucket == "day":
            forget_days(conn, channels, span.first, span.last, zone)
            compute_days(conn, keys, zone)
        else:
            forget_months(conn, channels, span.first, span.last)
            compute_months(conn, keys)
