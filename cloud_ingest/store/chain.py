# SPDX-License-Identifier: MIT
"""The chain of what a gateway signed: links that do not hold, and the flag that tells of them.

Batches come in any order, so each new one is held against both its neighbours, if they are stored.
Two commits at the same instant do not see each other's batches. So the links of a stream are looked
at last, one commit after another: the later one sees the batches of both.

In: the batches that a commit adds. Out: the links that do not hold; a flag for the gateway, in the
same transaction. It ends when a person has looked into the gateway's entries in quarantine.
Owns ``stream_break``, where a stored chain does not hold.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cloud_ingest.core.accept import CONTRADICTIONS, QuarantineReason
from cloud_ingest.core.flag import Finding
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.event_changes import clear_flag, put_finding
from cloud_ingest.store.events import list_events, open_events
from cloud_ingest.store.locks import Lock, lock_each_in_transaction
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.events import EventKind, Severity, Subject, SubjectType
from shared_schema.evidence import ContradictionEvidence

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


@translating
def raise_contradiction(
    conn: Connection,
    *,
    society_id: int,
    gateway: str,
    reason: QuarantineReason,
    detail: str,
    quarantine_id: int,
    at: datetime,
) -> bool:
    """Raise the flag of a gateway, unless it is up already; in the caller's transaction."""
    opened = list_events(conn, kinds=[EventKind.EVIDENCE], about=gateway)
    if any(each.society_id == society_id for each in opened):
        return False
    society = scalar(conn, "SELECT name FROM society WHERE society_id = %s", (society_id,))
    finding = Finding(
        kind=EventKind.EVIDENCE,
        society_id=society_id,
        society=society,
        severity=Severity.ALARM,
        subject=Subject(type=SubjectType.GATEWAY, id=gateway),
        unit=None,
        service="all",
        since=at,
        message=f"What gateway {gateway} signed contradicts itself: {detail}.",
        evidence=ContradictionEvidence(
            reason=reason.value, detail=detail, quarantine=quarantine_id
        ),
    )
    return put_finding(conn, finding, at)


@translating
def end_contradiction(conn: Connection, gateway: str, now: datetime) -> bool:
    """End the flag of a gateway, where none of its entries is open any more."""
    reasons = [reason.value for reason in CONTRADICTIONS]
    left = scalar(
        conn,
        """
        SELECT EXISTS (
          SELECT FROM quarantine WHERE gateway = %s AND reason = ANY (%s) AND state = 'open')
        """,
        (gateway, reasons),
    )
    if left:
        return False
    ended = False
    for stored in open_events(conn, EventKind.EVIDENCE):
        if stored.event.subject.id == gateway:
            ended = clear_flag(conn, stored, "a person looked into it", now)
    return ended
