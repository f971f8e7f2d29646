# SPDX-License-Identifier: MIT
"""The writer of readings: the same again is nothing, another claim is kept beside the elected one.

Rows go one of two ways. A row that is newer than all that this connection has stored of its channel
is copied straight into ``reading``: nearly always nobody has it yet. If somebody does, the copy is
undone and its rows go the other way with the rest: through a temporary table, which tells new rows
from known ones, at three times the work. Either way rows go in the order of the key, as with every
worker.

In: readings by channel. Out: how many were new, known, or claimed otherwise. Owns: ``reading``,
``claim`` and ``election``; it marks the days that have changed, and what is to be judged.
Never: a row that is overwritten without its former self in ``claim``, but for bits that its status
gains.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from psycopg import errors as pg

from cloud_ingest.errors import UserError
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, plan_each_time, query, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.unjudged import Stretch, closely, mark_unjudged, stretch_of
from shared_schema.quality import Origin

ORIGIN_NUMBERS: dict[Origin, int] = {origin: number for number, origin in enumerate(Origin)}
ORIGINS: tuple[Origin, ...] = tuple(Origin)

_INTO_READING: LiteralString = (
    "COPY reading (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)"
)
_INTO_INCOMING: LiteralString = (
    "COPY incoming (channel_id, ts, raw, status, origin) FROM STDIN (FORMAT binary)"
)
_COLUMN_TYPES = ("int4", "timestamptz", "int8", "int8", "int2")
_METER = ORIGIN_NUMBERS[Origin.METER]

Row = tuple[int, int, int, int | None]
"""Seconds since 1970, origin, raw, status."""
Rows = dict[int, list[Row]]
"""By channel id."""


@dataclass(frozen=True, slots=True)
class NewReading:
    """One reading on its way into the store."""

    channel_id: int
    ts: int
    """Seconds since 1970."""
    raw: int
    status: int | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class StoredCounts:
    """How many readings were new, how many known, and how many claimed another value."""

    new: int = 0
    duplicates: int = 0
    conflicts: int = 0


@translating
def store_readings(
    conn: Connection, readings: Iterable[NewReading], *, source: str, at: datetime
) -> StoredCounts:
    """Store readings that no batch carries (a dial, an edit), by the same election.

    Args:
        conn: The store, within the caller's transaction.
        readings: What is claimed.
        source: Who claims it, for the audit.
        at: When it was received.

    Raises:
        UserError: one is older than what the store keeps.
    """
    rows: Rows = {}
    times: set[int] = set()
    for r in readings:
        rows.setdefault(r.channel_id, []).append((r.ts, ORIGIN_NUMBERS[r.origin], r.raw, r.status))
        times.add(r.ts)
    if not rows:
        return StoredCounts()
    cache = StoreCache()
    kept_from = cache.store_of(conn).kept_from
    if kept_from is not None and min(times) <= kept_from.timestamp():
        raise UserError(
            f"a reading of {datetime.fromtimestamp(min(times), UTC):%Y-%m-%d %H:%M} UTC is older "
            f"than what the store keeps (from {kept_from:%Y-%m-%d %H:%M} UTC on)"
        )
    make_partitions(conn, cache, times)
    with conn.transaction():
        stored = store_rows(conn, rows, cache, source=source, at=at)
        # Also what is known: a person may have vouched for it since.
        mark_unjudged(
            conn,
            [
                closely(channel_id, *_ends(rows[channel_id]))
                for channel_id in cache.registers_of(conn, rows)
            ],
        )
    return stored


def store_rows(
    conn: Connection, rows: Rows, cache: StoreCache, *, source: str, at: datetime
) -> StoredCounts:
    """Store rows within the caller's transaction; their partitions are there.

    Args:
        conn: The store.
        rows: By channel, in any order.
        cache: What this connection has stored before; it is added to.
        source: Who says so, for the audit.
        at: When it was received.
    """
    ahead, rest = _part(rows, cache.newest)
    if ahead:
        try:
            with conn.transaction(), conn.cursor() as cursor:
                _copy(conn, _INTO_READING, ahead)
                cursor.executemany(
                    "INSERT INTO dirty (day, channels) VALUES (%s, %s::int[])",
                    _marks(ahead, cache, cache.store_of(conn).zone),
                )
        except pg.UniqueViolation:
            rest, ahead = {key: [*rest.get(key, ()), *ahead.get(key, ())] for key in rows}, {}
    new = sum(map(len, ahead.values()))
    moved = _by_way_of_a_table(conn, rest, source, at) if rest else _Moved()
    mark_unjudged(conn, _stretches(ahead, rest, moved, cache.registers_of(conn, rows)))
    for channel_id, own in rows.items():
        newest = max(row[0] for row in own)
        if newest > cache.newest.get(channel_id, -1):
            cache.newest[channel_id] = newest
    return StoredCounts(new + moved.counts.new, moved.counts.duplicates, moved.counts.conflicts)


def _by_time(row: Row) -> tuple[int, int]:
    return row[0], row[2]


def _ends(own: Sequence[Row]) -> tuple[int, int]:
    times = [row[0] for row in own]
    return min(times), max(times)


def _stretches(
    ahead: Rows, rest: Rows, moved: "_Moved", registers: Iterable[int]
) -> Iterator[Stretch]:
    """Give what was stored of billed registers; pure."""
    for channel_id in registers:
        if own := ahead.get(channel_id):
            yield stretch_of(channel_id, own)
        if channel_id in moved.disputed:
            yield closely(channel_id, *_ends(rest[channel_id]))
        elif channel_id in moved.added:
            yield stretch_of(channel_id, sorted(set(rest[channel_id]), key=_by_time))


def _part(rows: Rows, newest: Mapping[int, int]) -> tuple[Rows, Rows]:
    """Part what nobody can have stored before, as far as is known, from the rest; pure."""
    ahead: Rows = {}
    rest: Rows = {}
    for channel_id in sorted(rows):
        own = rows[channel_id]
        last = newest.get(channel_id)
        if last is None:
            rest[channel_id] = own
            continue
        for row in own:
            if row[0] > last and row[1] == _METER:
                ahead.setdefault(channel_id, []).append(row)
                last = row[0]
            else:
                rest.setdefault(channel_id, []).append(row)
    return ahead, rest


def _marks(rows: Rows, cache: StoreCache, zone: ZoneInfo) -> list[tuple[date, list[int]]]:
    """Return the days of rows that ascend, each with its channels, in the order of days."""
    days: dict[date, set[int]] = {}
    for channel_id, own in rows.items():
        first, last = cache.day(own[0][0], zone), cache.day(own[-1][0], zone)
        own_days = {first} if first == last else {cache.day(row[0], zone) for row in own}
        for day in own_days:
            days.setdefault(day, set()).add(channel_id)
    return [(day, sorted(days[day])) for day in sorted(days)]


@dataclass(frozen=True, slots=True)
class _Moved:
    """What came of rows that went through the temporary table."""

    counts: StoredCounts = StoredCounts()
    added: frozenset[int] = frozenset()
    """Channels of which a row is new."""
    disputed: frozenset[int] = frozenset()
    """Channels of which a new claim contradicts what was stored."""


def _by_way_of_a_table(conn: Connection, rows: Rows, source: str, at: datetime) -> _Moved:
    """Copy rows to a temporary table and move from there what is new."""
    count = sum(map(len, rows.values()))
    conn.execute(query("reading/incoming_make"))
    _copy(conn, _INTO_INCOMING, rows)
    new, added = conn.execute(query("reading/incoming_store")).fetchone() or (0, ())
    conflicts, disputed = 0, frozenset[int]()
    if new < count:
        times = [row[0] for own in rows.values() for row in own]
        window = {
            "first": min(times),
            "last": max(times),
            "source": source,
            "at": at,
        }
        found = conn.execute(query("reading/incoming_conflicts"), window).fetchone()
        conflicts, better, kept, restated = found or (0, 0, (), 0)
        disputed = frozenset(kept)
        if better:
            disputed |= _write_elected(conn, query("reading/incoming_elect"), window)
        if restated:
            disputed |= _write_elected(conn, query("reading/incoming_restate"), window)
    conn.execute("DELETE FROM incoming")
    counts = StoredCounts(new, count - new - conflicts, conflicts)
    return _Moved(counts, frozenset(added), disputed)


def _write_elected(conn: Connection, which: LiteralString, window: Mapping[str, Any]) -> set[int]:
    """Write into readings what a query of the temporary table returns; return their channels."""
    lock_in_transaction(conn, Lock.ELECTION)
    plan_each_time(conn)
    rows = conn.execute(which, window).fetchall()
    with conn.cursor() as cursor:
        cursor.executemany(query("reading/elect"), rows)
    return {row[3] for row in rows}


def _copy(conn: Connection, into: LiteralString, rows: Rows) -> None:
    """Copy rows in the binary format into a table that is declared as ``reading`` is.

    To pack them by hand saves 2 % of a commit with its verification: not worth the code.
    """
    with conn.cursor() as cursor, cursor.copy(into) as copy:
        copy.set_types(_COLUMN_TYPES)
        for channel_id, own in rows.items():
            for ts, origin, raw, status in own:
                copy.write_row((channel_id, datetime.fromtimestamp(ts, UTC), raw, status, origin))
