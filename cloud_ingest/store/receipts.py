# SPDX-License-Identifier: MIT
"""Receipts: which numbers of a stream the store has committed.

A stream may be years long. The store remembers its longest run, so that a receipt
looks only outside of it.

In: a connection, a stream. Out: the store's id, ascending ranges and the hashes that they end with.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from cloud_ingest.errors import NotMigrated
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.identity import read_identity
from cloud_ingest.store.rows import scalars

Range = tuple[int, int]
Head = tuple[int, str]
"""The number of a batch and the hash of its header."""


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


@translating
def heads(
    conn: Connection, gateway_id: int, stream: UUID, ranges: Sequence[Range], limit: int
) -> tuple[list[Range], list[Head]]:
    """Return ranges with the heads of what is stored, both from the newest end.

    Args:
        conn: A connection, outside of the ingest's transaction.
        gateway_id: Whose stream it is.
        stream: Which.
        ranges: What is stored of it.
        limit: So many ranges, and so many places at which the chain does not hold, are named.
    """
    key = {"gateway_id": gateway_id, "stream": stream}
    named = list(ranges[-limit:])
    if not named:
        return [], []
    breaks: list[int] = scalars(
        conn,
        """
        SELECT seq FROM stream_break
        WHERE gateway_id = %(gateway_id)s AND stream = %(stream)s AND seq > %(first)s
        ORDER BY seq DESC LIMIT %(limit)s
        """,
        {**key, "first": named[0][0], "limit": limit},
    )
    if len(breaks) == limit:
        oldest = breaks[-1]
        named = [(max(first, oldest), last) for first, last in named if last >= oldest]
    ends = {last for _, last in named} | {seq - 1 for seq in breaks if seq > named[0][0]}
    found = conn.execute(query("batch/heads"), {**key, "seqs": sorted(ends)}).fetchall()
    return named, found


def merge(ranges: Iterable[Range]) -> list[Range]:
    """Join ranges that touch or overlap; pure."""
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
