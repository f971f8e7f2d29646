# SPDX-License-Identifier: MIT
"""Turn readings into days and months, right behind the ingest.

In: the marks that commits leave in ``dirty``. Out: fresh rows of ``reading_day`` and
``reading_month``, which look alike on every edition. Portable stores recompute the marked
(channel, day) and the months above them; TimescaleDB refreshes its continuous aggregates
over the marked days, the day before the month.

A refresh window that cuts a bucket would leave that bucket empty, so that windows run from
border to border. The months of a window are always materialised anew: TimescaleDB 2.28 takes
a day that begins a month, where it is the last that has changed, for the month before (a
changed range that ends on the first instant of a bucket), and would leave the month as it was.
It costs no more, because a month is materialised for all channels at once anyway.

A day that tells of more readings than there are is left as it is, and its mark goes: somebody has
dropped readings, and a rollup outlives them. `recompute` makes it anew nevertheless.
With continuous aggregates only days older than `LONG_PAST` are looked at, for it costs what a
refresh does; to drop younger ones is not foreseen.

A mark goes when its day is done and not before; one that is added meanwhile stays. One
refresh runs at a time in a database.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, MICROSECOND, bucket_start, next_month, runs
from cloud_ingest.store.connection import Connection, alone, query, translating
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.migrate import Store, open_store

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
    with alone(conn, Lock.ROLLUP):
        store = open_store(conn)  # what is kept changes under the same lock
        continuous = store.rollups == "continuous"
        tomorrow = now.astimezone(store.zone).date() + DAY
        oldest = None if store.kept_from is None else store.kept_from.astimezone(store.zone).date()
        while taken := conn.execute(
            query("rollup/marks_take"), (tomorrow, MARKS_AT_ONCE)
        ).fetchall():
            changed: dict[date, set[int]] = {}
            for _, day, channels in taken:
                if oldest is None or day >= oldest:  # else its readings are gone: it stays
                    changed.setdefault(day, set()).update(channels)
            if continuous:
                lost = _lost(conn, [day for day in changed if day < tomorrow - LONG_PAST], store)
                _refresh_aggregates(conn, changed, store.zone, store.kept_from, lost)
                days += len(changed)
            else:
                days += _recompute(conn, changed, store)
            conn.execute(query("rollup/marks_clear"), ([row[0] for row in taken],))
            marks += len(taken)
            if len(taken) < MARKS_AT_ONCE:
                break
    return Refreshed(marks, days)


def _recompute(conn: Connection, changed: Mapping[date, Collection[int]], store: Store) -> int:
    """Roll up days of channels and the months above them; return how many days."""
    keys = sorted((channel_id, day) for day, channels in changed.items() for channel_id in channels)
    for at in range(0, len(keys), KEYS_AT_ONCE):
        part = keys[at : at + KEYS_AT_ONCE]
        months = sorted({(channel_id, day.replace(day=1)) for channel_id, day in part})
        with conn.transaction():
            conn.execute(
                query("rollup/day_recompute"),
                {
                    "channels": [key[0] for key in part],
                    "days": [key[1] for key in part],
                    "zone": store.zone.key,
                },
            )
            conn.execute(
                query("rollup/month_recompute"),
                {"channels": [key[0] for key in months], "months": [key[1] for key in months]},
            )
    return len(keys)


def _lost(conn: Connection, days: Collection[date], store: Store) -> set[date]:
    """Return the days, in the windows that days are refreshed in, whose readings were dropped."""
    found: set[date] = set()
    for first, last in runs(days, SAME_WINDOW):
        window = {
            "first": first - DAY,
            "last": last + DAY,
            "start": bucket_start(first - DAY, store.zone) - MICROSECOND,
            "end": bucket_start(last + 2 * DAY, store.zone) - MICROSECOND,
            "zone": store.zone.key,
        }
        found.update(day for (day,) in conn.execute(query("rollup/days_lost"), window))
    return found


def _refresh_aggregates(
    conn: Connection,
    days: Collection[date],
    zone: ZoneInfo,
    kept_from: datetime | None = None,
    lost: Collection[date] = (),
) -> None:
    def materialise(name: str, start: date, end: date, *, force: bool) -> None:
        window = {"start": bucket_start(start, zone), "end": bucket_start(end, zone)}
        if kept_from is not None:  # what is older would be rolled up to nothing
            window["start"] = max(window["start"], kept_from + MICROSECOND)
        if window["start"] < window["end"]:
            conn.execute(
                query("rollup/refresh_aggregate"), {"name": name, "force": force, **window}
            )

    for first, last in runs(days, SAME_WINDOW):
        for begin, end in _around(first - DAY, last + DAY, lost):
            materialise("reading_day_c", begin, end + DAY, force=False)
    for first, last in runs({day.replace(day=1) for day in days}, timedelta(days=31)):
        materialise("reading_month_c", first, next_month(last), force=True)


def _around(first: date, last: date, lost: Collection[date]) -> Iterator[tuple[date, date]]:
    """Cut days out of a stretch, and give what is left of it; pure."""
    for day in sorted(day for day in lost if first <= day <= last):
        if first < day:
            yield first, day - DAY
        first = day + DAY
    if first <= last:
        yield first, last
