# SPDX-License-Identifier: MIT
"""What was stored of billed registers and waits to be judged: stretches of readings.

A commit knows whether the rows of a register that it stores rise plainly, for it has them in hand:
it tells the fastest rise among them. It does not know what others store beside them. The refresh
looks for the readings next to each stretch, and counts those within it. Whichever of two
neighbours is judged later sees the other, so that no pair is missed, whoever stored it and when.

In: rows on their way into the store. Out: a row of ``unjudged`` for each commit. Owns: this table.
Never: a look into the readings by a commit.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import NamedTuple

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import scalar
from shared_schema.catalogue import BILLED_REGISTER

TWO_MONTHS = timedelta(days=62)


class Stretch(NamedTuple):
    """Readings of a billed register that follow one another."""

    channel_id: int
    first: int
    """Seconds since 1970."""
    last: int
    readings: int
    """How many readings lie in it, both ends included; 0: it must be looked at closely."""
    fastest: float
    """Raw steps a second; infinite: it falls, is negative, or must be looked at closely."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """Stretches that wait to be judged, and the rows that hold them."""

    numbers: tuple[int, ...]
    stretches: tuple[Stretch, ...]


def stretch_of(channel_id: int, rows: Sequence[tuple[int, int, int, int | None]]) -> Stretch:
    """Return what is to be known of rows of a register, in ascending order; pure.

    Args:
        channel_id: Theirs.
        rows: As `store.readings_write` has them: time, origin, raw, status.
    """
    first, last, fastest = rows[0][0], rows[-1][0], 0.0
    then, before = first - 1, rows[0][2]
    if before < 0:
        return closely(channel_id, first, last)
    if len(rows) == 1:  # nearly always: it rises from nothing
        return Stretch(channel_id, first, last, 1, 0.0)
    for ts, _, raw, _ in rows:
        rise, passed = raw - before, ts - then
        if rise < 0 or passed <= 0:
            return closely(channel_id, first, last)
        if rise > fastest * passed:
            fastest = rise / passed
        then, before = ts, raw
    return Stretch(channel_id, first, last, len(rows), fastest)


def closely(channel_id: int, first: int, last: int) -> Stretch:
    """Return a stretch that must be looked at closely."""
    return Stretch(channel_id, first, last, 0, inf)


def array_text(numbers: Iterable[float]) -> str:
    """Return numbers as PostgreSQL writes an array.

    psycopg takes twenty times as long for it, a millisecond for the stretches of 256 registers.
    """
    return "{" + repr(list(numbers))[1:-1] + "}"


@translating
def mark_unjudged(conn: Connection, stretches: Iterable[Stretch]) -> None:
    """Let stretches wait to be judged, within the caller's transaction."""
    columns = list(zip(*stretches, strict=True))
    if columns:
        conn.execute(
            """
            INSERT INTO unjudged (channels, firsts, lasts, counts, fastest)
            VALUES (%s::int[], %s::bigint[], %s::bigint[], %s::int[], %s::float8[])
            """,
            [array_text(column) for column in columns],
        )


@translating
def mark_meters(
    conn: Connection, society_id: int, meters: Collection[tuple[str, str]], now: datetime
) -> None:
    """Let meters be judged again that may count more or less than was thought.

    Args:
        conn: The store, within the caller's transaction.
        society_id: Of the meters.
        meters: Manufacturers and serial numbers.
        now: The time; what lies longer before it than two months stays as it was judged.
    """
    conn.execute(
        """
        INSERT INTO unjudged (channels, firsts, lasts, counts, fastest)
        SELECT ARRAY[channel_id], ARRAY[%(since)s::bigint], ARRAY[%(now)s::bigint], '{0}',
               '{Infinity}'
        FROM channel JOIN meter USING (meter_id)
        WHERE society_id = %(society_id)s AND obis = ANY(%(codes)s::text[])
          AND (manufacturer, serial) IN (
            SELECT * FROM unnest(%(manufacturers)s::text[], %(serials)s::text[]))
        """,
        {
            "since": int((now - TWO_MONTHS).timestamp()),
            "now": int(now.timestamp()),
            "society_id": society_id,
            "codes": [str(code) for code in BILLED_REGISTER.values()],
            "manufacturers": [manufacturer for manufacturer, _ in meters],
            "serials": [serial for _, serial in meters],
        },
    )


@translating
def newest_unjudged(conn: Connection) -> int:
    """Return the number of the newest row that waits and is visible; 0: there is none."""
    return scalar(conn, "SELECT max(unjudged_id) FROM unjudged") or 0


@translating
def oldest_unjudged(conn: Connection, newest: int, limit: int) -> Unjudged:
    """Return the oldest stretches that wait, of at most so many rows up to a number."""
    numbers: list[int] = []
    stretches: list[Stretch] = []
    for number, *columns in conn.execute(
        """
        SELECT unjudged_id, channels, firsts, lasts, counts, fastest FROM unjudged
        WHERE unjudged_id <= %s ORDER BY unjudged_id LIMIT %s
        """,
        (newest, limit),
        binary=True,
    ):
        numbers.append(number)
        stretches += map(Stretch._make, zip(*columns, strict=True))
    return Unjudged(tuple(numbers), tuple(stretches))


@translating
def stretches_among(conn: Connection, channels: Collection[int], until: datetime) -> list[Stretch]:
    """Return the stretches of channels that wait and begin up to a time."""
    rows = conn.execute(
        """
        SELECT channel_id, first, last, readings, own.fastest
        FROM unjudged CROSS JOIN LATERAL unnest(channels, firsts, lasts, counts, fastest)
          AS own (channel_id, first, last, readings, fastest)
        WHERE channel_id = ANY(%s::int[]) AND first <= extract(epoch FROM %s::timestamptz)
        """,
        (list(channels), until),
        binary=True,
    )
    return [Stretch(*row) for row in rows]


@translating
def clear_unjudged(conn: Connection, numbers: Iterable[int]) -> None:
    """Hand on to the rules what was judged; what was stored since stays."""
    conn.execute(
        """
        WITH judged AS (
          DELETE FROM unjudged WHERE unjudged_id = ANY(%s::bigint[])
          RETURNING channels, firsts, lasts
        )
        INSERT INTO rule_mark (channels, firsts, lasts) SELECT channels, firsts, lasts FROM judged
        """,
        (list(numbers),),
    )
