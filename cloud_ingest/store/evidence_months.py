# SPDX-License-Identifier: MIT
"""The months that evidence is cut into, by the time of receipt.

``batch`` has a row a batch for ever: its number, its hash and that of the one before. The bytes
lie in ``evidence``, a table a month on every edition, so that a month of them can be shortened,
archived or put on another disk, and nothing that a receipt or a link asks for goes with it.

A month is written anew in a table beside it, which then takes its place: shortened, or restored
from an archive. Older versions kept the bytes in ``batch``: `move_batches` moves them.

In: times, months, rows. Out: partitions; rows in the order of the key. Owns: ``evidence``,
``evidence_month``. Never: a batch without its bytes.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from psycopg import sql

from cloud_ingest.core.month import Month
from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import SHORT, unpack
from cloud_ingest.store.partitions import partitions
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.readings import Batch

_AT_ONCE = 100
"""Batches that are read from the store together."""


class Kept(NamedTuple):
    """The bytes of a batch, under the key of ``evidence``."""

    gateway_id: int
    received_at: datetime
    batch_id: int
    evidence: bytes


class StoredBatch(NamedTuple):
    """A batch as it was signed, with the name of its gateway."""

    batch_id: int
    gateway: str
    received_at: datetime
    batch: Batch


class _Packed(NamedTuple):
    batch_id: int
    gateway: str
    received_at: datetime
    evidence: bytes


class KnownBatch(NamedTuple):
    """A batch as ``batch`` has it."""

    batch_id: int
    gateway_id: int
    received_at: datetime
    header_hash: bytes


class MonthState(NamedTuple):
    """A month of evidence, and what was done to it."""

    month: date
    size: int
    """On disk, with its index."""
    shortened_at: datetime | None
    archive: str | None
    archive_sha256: bytes | None
    archived_at: datetime | None
    restored_at: datetime | None


@translating
def make_evidence_months(conn: Connection, cache: StoreCache, times: Collection[datetime]) -> None:
    """Make the partitions for evidence that is received at these times.

    Args:
        conn: The store. Inside of a transaction others wait for its end where they make one.
        cache: What need not be asked; it is added to.
        times: Aware.
    """
    if not times:
        return
    zone = cache.store_of(conn).zone
    wanted = {at.astimezone(zone).date().replace(day=1) for at in times}
    for month in sorted(wanted - cache.evidence_months):
        conn.execute("SELECT make_evidence_partition(%s)", (month,))
        cache.evidence_months.add(month)


@translating
def move_batches(conn: Connection, limit: int) -> int:
    """Move the bytes of some batches that an older version kept in ``batch``; return how many."""
    found = conn.execute(
        """
        SELECT batch_id, received_at FROM batch WHERE evidence IS NOT NULL
        ORDER BY gateway_id, received_at LIMIT %s
        """,
        (limit,),
    ).fetchall()
    if not found:
        return 0
    make_evidence_months(conn, StoreCache(), {received_at for _, received_at in found})
    batches = [batch_id for batch_id, _ in found]
    moved: int = scalar(conn, "SELECT move_batch_evidence(%s::bigint[])", (batches,))
    return moved


@translating
def kept_after(
    conn: Connection, month: Month, after: tuple[int, datetime, int] | None, limit: int
) -> list[Kept]:
    """Return evidence of a month in the order of its key, from behind a key on; None: the first."""
    gateway_id, received_at, batch_id = after or (-1, month.start, -1)
    arguments = {
        "start": month.start,
        "end": month.end,
        "gateway_id": gateway_id,
        "received_at": received_at,
        "batch_id": batch_id,
        "limit": limit,
    }
    return all_rows(conn, Kept, query("batch/kept_after"), arguments, binary=True)


def stored_batches(
    conn: Connection, gateways: Collection[int], batches: Sequence[tuple[int, datetime]]
) -> Iterator[StoredBatch]:
    """Give some batches of gateways, in the order of receipt; a damaged one is left out.

    Args:
        conn: The store.
        gateways: Whose they are.
        batches: Their numbers and when they were received, in that order.
    """
    for first in range(0, len(batches), _AT_ONCE):
        for packed in _evidence_of(conn, gateways, batches[first : first + _AT_ONCE]):
            try:
                batch = unpack(packed.evidence)
            except ValueError:  # it proves nothing; another one may
                continue
            yield StoredBatch(packed.batch_id, packed.gateway, packed.received_at, batch)


@translating
def _evidence_of(
    conn: Connection, gateways: Collection[int], batches: Sequence[tuple[int, datetime]]
) -> list[_Packed]:
    arguments = {
        "gateways": sorted(gateways),
        "batches": [batch_id for batch_id, _ in batches],
        "first": batches[0][1],
        "last": batches[-1][1],
    }
    return all_rows(conn, _Packed, query("batch/evidence_of"), arguments, binary=True)


@translating
def begin_anew(conn: Connection, month: date, *, afresh: bool = False) -> None:
    """Make the table in which a month is written anew, if it is not there yet.

    Args:
        conn: The store.
        month: Its first day.
        afresh: Drop what was written before: only an owner may.
    """
    if afresh:
        name = sql.Identifier("metering", f"evidence_anew_{month:%Y_%m}")
        conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    conn.execute("SELECT make_evidence_partition(%s, anew => true)", (month,))


@translating
def newest_anew(conn: Connection, month: Month) -> tuple[int, datetime, int] | None:
    """Return the last key that is written anew of a month; None: nothing is."""
    return conn.execute(
        """
        SELECT gateway_id, received_at, batch_id FROM evidence_anew
        WHERE received_at >= %s AND received_at < %s
        ORDER BY gateway_id DESC, received_at DESC, batch_id DESC LIMIT 1
        """,
        (month.start, month.end),
    ).fetchone()


@translating
def write_anew(conn: Connection, rows: Sequence[Kept]) -> None:
    """Write rows of a month that has been begun."""
    statement = "COPY evidence_anew (gateway_id, received_at, batch_id, evidence) FROM STDIN"
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


@translating
def put_short(conn: Connection, month: date, at: datetime) -> None:
    """Put a month that was written anew, shortened, in the place of its part.

    Raises:
        StoreUnavailable: readers or writers were in the way. It does not wait for them long: who
            stores batches waits behind it.
    """
    with conn.transaction():
        conn.execute("SET LOCAL lock_timeout = '500ms'")
        conn.execute("SELECT shorten_evidence_partition(%s)", (month,))
        conn.execute(
            """
            INSERT INTO evidence_month (month, shortened_at) VALUES (%s, %s)
            ON CONFLICT (month) DO UPDATE
            SET shortened_at = excluded.shortened_at, restored_at = NULL
            """,
            (month, at),
        )


@translating
def put_whole(conn: Connection, month: Month, at: datetime) -> int:
    """Put a month that was written anew, from its file, in the place of its part: an owner may.

    Returns:
        How many of its batches are short still: the file does not have them.

    Raises:
        StoreUnavailable: readers or writers were in the way for 5 seconds.
    """
    with conn.transaction():
        conn.execute("SET LOCAL lock_timeout = '5s'")
        conn.execute("SELECT swap_evidence_partition(%s)", (month.first,))
        short: int = scalar(
            conn,
            """
            SELECT count(*) FROM evidence
            WHERE received_at >= %s AND received_at < %s AND substr(evidence, 1, 1) = %s
            """,
            (month.start, month.end, SHORT),
        )
        conn.execute(
            """
            INSERT INTO evidence_month AS known (month, restored_at) VALUES (%s, %s)
            ON CONFLICT (month) DO UPDATE
            SET shortened_at = CASE WHEN %s THEN known.shortened_at END,
                restored_at = excluded.restored_at
            """,
            (month.first, at, short > 0),
        )
    return short


@translating
def note_archive(conn: Connection, month: date, name: str, sha256: str, at: datetime) -> None:
    """Note which file has all of a month."""
    conn.execute(
        """
        INSERT INTO evidence_month (month, archive, archive_sha256, archived_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (month) DO UPDATE
        SET archive = excluded.archive, archive_sha256 = excluded.archive_sha256,
            archived_at = excluded.archived_at
        """,
        (month, name, bytes.fromhex(sha256), at),
    )


@translating
def month_states(conn: Connection) -> list[MonthState]:
    """Return every month in which something was received, the oldest first."""
    return all_rows(conn, MonthState, query("batch/month_states"))


@translating
def waits_to_move(conn: Connection, month: Month) -> bool:
    """Say whether batches of a month lie where an older version kept them."""
    found = scalar(
        conn,
        """
        SELECT EXISTS (SELECT FROM batch
                       WHERE evidence IS NOT NULL AND received_at >= %s AND received_at < %s)
        """,
        (month.start, month.end),
    )
    return bool(found)


@translating
def known_batches(conn: Connection, batches: Collection[int]) -> dict[int, KnownBatch]:
    """Return what the store says of batches, by their numbers."""
    found = all_rows(
        conn,
        KnownBatch,
        """
        SELECT batch_id, gateway_id, received_at, header_hash FROM batch
        WHERE batch_id = ANY(%s::bigint[])
        """,
        (sorted(batches),),
    )
    return {each.batch_id: each for each in found}


@translating
def oldest_due(conn: Connection, restored_before: datetime) -> date | None:
    """Return the oldest month that is to be shortened; None: there is none.

    Args:
        conn: The store, which says what stays whole.
        restored_before: A month that was restored since stays whole as well.
    """
    line = scalar(conn, "SELECT evidence_line()")
    if line is None:
        return None
    done = scalars(
        conn,
        """
        SELECT month FROM evidence_month
        WHERE (shortened_at IS NOT NULL AND restored_at IS NULL) OR restored_at >= %s
        """,
        (restored_before,),
    )
    due = (month for month in partitions(conn, "evidence") if month < line and month not in done)
    return next(due, None)
