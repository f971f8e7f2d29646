# SPDX-License-Identifier: MIT
"""The parts that ``reading`` is cut into: partitions of plain PostgreSQL, chunks of TimescaleDB.

A partition has to be there before its first row; it is a month of the society, to the microsecond.
TimescaleDB makes its chunks itself. Only the owner of a table may make, compress and drop its
parts: functions of the store do it for the service's role, and drop nothing that is kept.

In: times. Out: partitions made, chunks compressed, old parts dropped. Never: a part dropped that
nobody asked for (`cloud_ingest.operate.upkeep` asks).
"""

from collections.abc import Collection
from datetime import date, datetime

from psycopg import errors as pg

from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import scalar, scalars


@translating
def make_partitions(conn: Connection, cache: StoreCache, times: Collection[int]) -> list[date]:
    """Make the partitions that readings of these times need; return the months that were new.

    Args:
        conn: The store. Inside of a transaction others wait for its end where they make one.
        cache: What need not be asked; it is added to.
        times: Seconds since 1970.
    """
    store = cache.store_of(conn)
    if store.tables != "partitions":
        return []
    wanted = {cache.day(ts, store.zone).replace(day=1) for ts in times}
    if cache.months is None:
        cache.months = set(partitions(conn, "reading"))
    missing = sorted(wanted - cache.months)
    for month in missing:
        conn.execute("SELECT make_reading_partition(%s)", (month,))
        cache.months.add(month)
    return missing


@translating
def partitions(conn: Connection, table: str) -> list[date]:
    """Return the months that have a part of a table, each by its first day, the oldest first."""
    return scalars(
        conn,
        """
        SELECT to_date(right(relname, 7), 'YYYY_MM') AS month
        FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = ('metering.' || %s)::regclass ORDER BY month
        """,
        (table,),
    )


@translating
def drop_partition(conn: Connection, month: date) -> None:
    """Drop the partition of a month.

    Raises:
        StoreUnavailable: readers or writers were in the way for 5 seconds; nothing was dropped.
    """
    with conn.transaction():
        conn.execute("SET LOCAL lock_timeout = '5s'")
        conn.execute("SELECT drop_reading_partition(%s)", (month,))


@translating
def compress_chunks(conn: Connection, before: datetime) -> int:
    """Compress the chunks that ended before a time, and what came into them since.

    Returns:
        How many; a chunk into which somebody writes is left for the next time.
    """
    compressed = 0
    for name in scalars(conn, query("partition/chunks_to_compress"), (before,)):
        try:
            conn.execute("SELECT compress_reading_chunk(%s::regclass)", (name,))
        except pg.SerializationFailure:
            continue
        compressed += 1
    return compressed


@translating
def drop_chunks(conn: Connection) -> int:
    """Drop the chunks that retention let go as a whole; return how many."""
    return int(scalar(conn, "SELECT drop_reading_chunks()"))
