# SPDX-License-Identifier: MIT
"""Keep the table of readings in shape: partitions ahead, old chunks compressed, the oldest gone.

In: a connection, the time. Out: what was done. It is done when it is called for, by the service
once an hour, and never by a job of the database: those end as failed on PostgreSQL 15, and two
that start together have locked each other out.

Retention drops whole months, and only what is rolled up. ``kept_from`` is raised first: from then
on no older reading is taken, and no rollup of an older day is made again, so that days and months
outlive their readings.

Never: a reading dropped that nobody said may go; a rollup, evidence or a closed number dropped.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from psycopg import errors as pg
from psycopg import sql

from cloud_ingest.core.month import MICROSECOND, bucket_start, next_month
from cloud_ingest.errors import UserError
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.channels import Known
from cloud_ingest.store.connection import Connection, alone, query, translating
from cloud_ingest.store.locks import Lock
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.partitions import make_partitions

COMPRESS_AFTER = timedelta(days=14)
"""By then nearly all that a gateway sends late has come, and the month is closed."""
MONTHS_AHEAD = 2
LEAST_MONTHS = 13
"""A year and its month before: what a person compares a month with."""
MOST_MONTHS = 1200


@dataclass(frozen=True, slots=True)
class Upkept:
    """What was done."""

    partitions: int = 0
    """Made ahead."""
    compressed: int = 0
    """Chunks, also those that were opened again by late readings."""
    dropped: int = 0
    """Chunks or partitions that retention let go."""


@translating
def upkeep(conn: Connection, now: datetime) -> Upkept:
    """Do what is due; called again it does nothing.

    Args:
        conn: The store, outside of a transaction.
        now: The time.
    """
    store = open_store(conn)
    today = now.astimezone(store.zone).date()
    ahead = [today.replace(day=1)]
    for _ in range(MONTHS_AHEAD):
        ahead.append(next_month(ahead[-1]))
    made = make_partitions(
        conn, Known(), [int((bucket_start(month, store.zone)).timestamp()) + 1 for month in ahead]
    )
    compressed = _compress(conn, now) if store.rollups == "continuous" else 0
    return Upkept(len(made), compressed, _let_go(conn, store, now))


@translating
def keep_months(conn: Connection, months: int | None) -> None:
    """Say how many closed months of readings are kept; None: all. `upkeep` does it.

    Raises:
        UserError: too few, or more than a store can be old.
    """
    if months is not None and months > MOST_MONTHS:
        raise UserError(f"{months} months are more than {MOST_MONTHS}: keep all")
    if months is not None and months < LEAST_MONTHS:
        raise UserError(
            f"{months} months are too few: a month is compared with that of a year before, "
            f"keep {LEAST_MONTHS} or more"
        )
    conn.execute(query("store_keep_months"), (months,))


@translating
def retention(conn: Connection) -> tuple[int | None, datetime | None]:
    """Return how many closed months are kept (None: all), and from when on readings are there."""
    row = conn.execute(query("store_retention")).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def oldest_kept(months: int, today: date) -> date:
    """Return the month from which on readings are kept, so that ``months`` can be closed again.

    The last reading of the month before a month opens it, so that one more is kept; pure.
    """
    first = today.replace(day=1)
    for _ in range(months + 1):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def _compress(conn: Connection, now: datetime) -> int:
    """Compress what is old; a chunk into which somebody writes is left for the next time."""
    compressed = 0
    for (name,) in conn.execute(
        query("partition/chunks_to_compress"), (now - COMPRESS_AFTER,)
    ).fetchall():
        try:
            conn.execute(query("chunk_compress"), (name,))
        except pg.SerializationFailure:
            continue
        compressed += 1
    return compressed


def _let_go(conn: Connection, store: Store, now: datetime) -> int:
    months, _line = retention(conn)
    if months is None:
        return 0
    refresh(conn, now)
    line = oldest_kept(months, now.astimezone(store.zone).date())
    with alone(conn, Lock.ROLLUP):
        waits = conn.execute(query("rollup/marks_before"), (line,)).fetchone()
        if waits is not None and waits[0]:
            return 0  # a commit came since: it is rolled up first, and this is done next time
        border = bucket_start(line, store.zone) - MICROSECOND
        kept = conn.execute(query("store_raise_kept_from"), (border,)).fetchone()
        if kept is None:
            return 0
        if store.tables == "hypertable":
            return len(conn.execute(query("chunks_drop"), (kept[0],)).fetchall())
        oldest = kept[0].astimezone(store.zone).date()
        gone = [
            month
            for (month,) in conn.execute(query("partitions_list")).fetchall()
            if month < oldest
        ]
        for month in gone:
            name = sql.Identifier("metering", f"reading_{month:%Y_%m}")
            with conn.transaction():
                conn.execute(query("lock_briefly"))
                conn.execute(sql.SQL("DROP TABLE {}").format(name))
        return len(gone)
