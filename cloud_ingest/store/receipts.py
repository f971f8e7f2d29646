# SPDX-License-Identifier: MIT
"""Receipts: which numbers of a stream the store has committed.

A stream may be years long. The store remembers its longest run, so that a receipt
looks only outside of it.

In: a connection, a stream. Out: the store's id and ascending ranges.
"""

from collections.abc import Iterable
from uuid import UUID

from cloud_ingest.errors import NotMigrated
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.identity import read_identity

Range = tuple[int, int]


@translating
def store_id(conn: Connection) -> UUID:
    """Return the id that was made with the store.

    Raises:
        NotMigrated: there is no store.
    """
    found = read_identity(conn)
    if found is None:
        raise NotMigrated("the database holds no store yet: run cloud-ingest migrate")
    return found.store_id


@translating
def stored_ranges(conn: Connection, gateway_id: int, stream: UUID) -> list[Range]:
    """Return the stored numbers of a stream: inclusive, ascending, with a gap between any two.

    Call it outside of the ingest's transaction: it says what is committed.
    """
    key = {"gateway_id": gateway_id, "stream": stream}
    known: Range | None = conn.execute(
        """
        SELECT first_seq, last_seq FROM stream_range
        WHERE gateway_id = %(gateway_id)s AND stream = %(stream)s
        """,
        key,
    ).fetchone()
    low, high = known or (0, 0)
    outside = conn.execute(
        query("batch/runs_outside"), {**key, "low": low, "high": high}
    ).fetchall()
    ranges = merge([*outside, *([known] if known else [])])
    longest = max(ranges, key=lambda found: found[1] - found[0], default=None)
    if longest is not None and longest != known:
        conn.execute(
            """
            INSERT INTO stream_range (gateway_id, stream, first_seq, last_seq)
            VALUES (%(gateway_id)s, %(stream)s, %(first)s, %(last)s)
            ON CONFLICT (gateway_id, stream)
            DO UPDATE SET first_seq = excluded.first_seq, last_seq = excluded.last_seq
            """,
            {**key, "first": longest[0], "last": longest[1]},
        )
    return ranges


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that touch or overlap; pure."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
