# SPDX-License-Identifier: MIT
"""The chain of what a gateway signed, and the links in it that do not hold.

Batches come in any order, so each new one is held against both its neighbours, if they are stored.
Two commits at the same instant do not see each other's batches. So the links of a stream are looked
at last, one commit after another: the later one sees the batches of both.

In: the batches that a commit adds. Out: the links that do not hold. Owns ``stream_break``, where a
stored chain does not hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.locks import Lock, lock_each_in_transaction
from cloud_ingest.store.rows import all_rows

LAST_SEQ = 2**63 - 1

BatchKey = tuple[int, UUID, int]
"""Gateway id, stream, number."""


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """A stored batch that names another predecessor than the one that is stored before it."""

    batch_id: int
    gateway_id: int
    stream: UUID
    seq: int
    header_hash: bytes


@translating
def broken_links(conn: Connection, added: Iterable[BatchKey]) -> list[BrokenLink]:
    """Return the links from and to new batches that do not hold, at the end of their transaction.

    It waits for the other commits that are at the end with batches of the same streams.
    """
    links = sorted(
        {
            (gateway_id, stream, later)
            for gateway_id, stream, seq in added
            for later in (seq, seq + 1)
            if 1 < later <= LAST_SEQ
        }
    )
    if not links:
        return []
    streams = {int.from_bytes(stream.bytes[:4], signed=True) for _, stream, _ in links}
    lock_each_in_transaction(conn, Lock.CHAIN, streams)
    arguments = {
        "gateways": [link[0] for link in links],
        "streams": [link[1] for link in links],
        "seqs": [link[2] for link in links],
    }
    broken = all_rows(conn, BrokenLink, query("batch/broken_links"), arguments, binary=True)
    for link in broken:
        conn.execute(
            "INSERT INTO stream_break VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (link.gateway_id, link.stream, link.seq),
        )
    return broken
