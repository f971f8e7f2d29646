# SPDX-License-Identifier: MIT
"""Who entered which dial, and when.

In: one entry. Out: a row of ``self_read``; its reading goes the way of every other
(`cloud_ingest.store.readings_write`).
"""

from datetime import datetime
from decimal import Decimal

from cloud_ingest.store.connection import Connection, translating


@translating
def store_self_read(
    conn: Connection,
    society_id: int,
    *,
    assignment_id: int,
    channel_id: int,
    read_at: datetime,
    value: Decimal,
    raw: int,
    by: str,
    now: datetime,
    forced_because: str | None,
) -> None:
    """Remember an entry, in the transaction of its reading."""
    conn.execute(
        """
        INSERT INTO self_read (society_id, assignment_id, channel_id, read_at, value, raw,
                               entered_by, entered_at, forced_because)
        VALUES (%(society_id)s, %(assignment_id)s, %(channel_id)s, %(read_at)s, %(value)s, %(raw)s,
                %(entered_by)s, %(entered_at)s, %(forced_because)s)
        """,
        {
            "society_id": society_id,
            "assignment_id": assignment_id,
            "channel_id": channel_id,
            "read_at": read_at,
            "value": value,
            "raw": raw,
            "entered_by": by,
            "entered_at": now,
            "forced_because": forced_because,
        },
    )
