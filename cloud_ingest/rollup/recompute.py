# SPDX-License-Identifier: MIT
"""Make days and months anew from their readings, and say which of them had been wrong.

In: a range of local days. Out: which rollups are not what they were. It is for a person who
doubts them: behind the ingest they are kept right by `rollup.refresh`, and a month is not closed
where they are not what the readings say.

A rollup outlives its readings. Nothing is made anew from before the line of retention or the oldest
reading that the store still keeps, nor of the day that this one cuts: what is known of it would be
lost.

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
from cloud_ingest.store.connection import Connection, alone, query, translating
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.readings_read import Said, said
from cloud_ingest.store.registry import find_society

DAYS_AT_ONCE = 7
CHANNELS_AT_ONCE = 1_000
"""On a portable store: about a second of work in one transaction."""
MOST_SHOWN = 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """A day or month of a channel that was not what its readings say."""

    society: str
    manufacturer: str
    serial: str
    obis: str
    bucket: date
    """The day, or the 1st of the month."""
    before: Said | None
    """None: there was no such row."""
    now: Said | None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What was made anew."""

    first: date
    last: date
    """Both included; the first may be later than was asked for: see `cut`."""
    cut: bool
    """The readings of earlier days of the range are no longer kept."""
    days_changed: int
    months_changed: int
    days: tuple[Change, ...]
    """The first `MOST_SHOWN` of them."""
    months: tuple[Change, ...]


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
        raise RecomputeRefused(f"there is no day from {first} to {last} that has come")
    progress("rolling up what came in")
    refresh(conn, now)
    kept = _kept_from(conn, first, last, store)
    days_changed = 0
    days: list[Change] = []
    conn.execute(query("rollup/remembered_make"))
    for begin, end in _windows(kept, last):
        progress(f"{begin} to {end}")
        found, some = _anew(conn, store, _Span("day", begin, end), society_id)
        days_changed += found
        days.extend(some)
    progress("months")
    span = _Span("month", kept.replace(day=1), last.replace(day=1))
    months_changed, months = _anew(conn, store, span, society_id)
    return Recomputed(
        first=kept,
        last=last,
        cut=kept > first,
        days_changed=days_changed,
        months_changed=months_changed,
        days=tuple(days[:MOST_SHOWN]),
        months=tuple(months),
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
    below = conn.execute(query("reading/any_before"), {"start": start}).fetchone()
    if below is not None and below[0]:
        return first
    row = conn.execute(query("reading/oldest"), {"start": start, "end": end}).fetchone()
    oldest: datetime | None = None if row is None else row[0]
    if oldest is None:
        raise RecomputeRefused(f"the store keeps no reading from {first} to {last}")
    day = (oldest - MICROSECOND).astimezone(zone).date()
    window = {"first": first, "last": day, "oldest": oldest}
    older = conn.execute(query("rollup/day_older"), window).fetchone()
    if older is None or not older[0]:
        return day
    if day == last:
        raise RecomputeRefused(f"the store no longer keeps all readings from {first} to {last}")
    return day + DAY


def _windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + timedelta(days=DAYS_AT_ONCE - 1), last)
        yield first, end
        first = end + DAY


def _anew(
    conn: Connection, store: Store, span: _Span, society_id: int | None
) -> tuple[int, list[Change]]:
    """Make a span anew; return how many rows changed, and the first of them."""
    window = {
        "first": span.first,
        "last": span.last,
        "society_id": society_id,
    }
    with alone(conn, Lock.ROLLUP):
        line = open_store(conn).kept_from
        if line is not None and bucket_start(span.first, store.zone) <= line:
            raise RecomputeRefused("readings were let go meanwhile: recompute again")
        conn.execute(query("rollup/remembered_clear"))
        conn.execute(query(f"rollup/{span.bucket}_remember"), {**window, "after": False})
        if store.rollups == "continuous":
            arguments = {
                "name": f"reading_{span.bucket}_c",
                "start": bucket_start(span.first, store.zone),
                "end": bucket_start(span.after(span.last), store.zone),
                "force": True,
            }
            conn.execute(query("rollup/refresh_aggregate"), arguments)
        else:
            for channels in _channels(conn, society_id):
                _portable(conn, store.zone, span, channels)
        conn.execute(query(f"rollup/{span.bucket}_remember"), {**window, "after": True})
        rows = conn.execute(query("rollup/changes"), {"limit": MOST_SHOWN}).fetchall()
        conn.execute(query("rollup/remembered_clear"))
    changes = [Change(*row[1:6], *map(said, (row[6:14], row[14:]))) for row in rows]
    return (rows[0][0] if rows else 0), changes


def _channels(conn: Connection, society_id: int | None) -> Iterator[list[int]]:
    after = 0
    while True:
        window = {"after": after, "society_id": society_id, "limit": CHANNELS_AT_ONCE}
        found = [row[0] for row in conn.execute(query("registry/channels_after"), window)]
        if not found:
            return
        yield found
        after = found[-1]


def _portable(conn: Connection, zone: ZoneInfo, span: _Span, channels: list[int]) -> None:
    buckets = span.buckets()
    keys = {
        "channels": [channel for channel in channels for _ in buckets],
        f"{span.bucket}s": buckets * len(channels),
        "zone": zone.key,
    }
    window = {"channels": channels, "first": span.first, "last": span.last, "zone": zone.key}
    with conn.transaction():
        conn.execute(query(f"rollup/{span.bucket}_forget"), window)
        conn.execute(query(f"rollup/{span.bucket}_recompute"), keys)
