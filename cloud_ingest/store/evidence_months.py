# SPDX-License-Identifier: MIT
"""The months that evidence is cut into, by the time of receipt.

``batch`` has a row a batch for ever: its number, its hash and that of the one before. The bytes
lie in ``evidence``, a table a month on every edition, so that a month of them can be shortened,
archived or put on another disk, and nothing that a receipt or a link asks for goes with it.

Older versions kept the bytes in ``batch``: `move_batches` moves them.

In: times, months. Out: partitions made; batches moved. Never: a batch without its bytes.
"""

from collections.abc import Collection
from datetime import date, datetime

from cloud_ingest.store.channels import StoreCache
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import scalar, scalars


@translating
def make_evidence_months(
    conn: Connection, cache: StoreCache, times: Collection[datetime]
) -> list[date]:
    """Make the partitions for evidence that is received at these times; return those asked for.

    Args:
        conn: The store. Inside of a transaction others wait for its end where they make one.
        cache: What need not be asked; it is added to.
        times: Aware.
    """
    if not times:
        return []
    zone = cache.store_of(conn).zone
    wanted = {at.astimezone(zone).date().replace(day=1) for at in times}
    missing = sorted(wanted - cache.evidence_months)
    for month in missing:
        conn.execute("SELECT make_evidence_partition(%s)", (month,))
        cache.evidence_months.add(month)
    return missing


@translating
def evidence_months(conn: Connection) -> list[date]:
    """Return the months that have a partition of evidence, the oldest first."""
    return scalars(
        conn,
        """
        SELECT to_date(right(relname, 7), 'YYYY_MM') AS month
        FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'metering.evidence'::regclass ORDER BY month
        """,
    )


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
    batches = {"batches": [batch_id for batch_id, _ in found]}
    moved: int = scalar(conn, query("batch/move_evidence"), batches)
    return moved
