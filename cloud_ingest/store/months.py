# SPDX-License-Identifier: MIT
"""Numbers of closed months: kept for ever, version after version.

In: a society and a month. Out: numbers, reconciliations and the manifest of its closing. It
owns their tables, and decides nothing: `cloud_ingest.month.close` does.
"""

import hashlib
from dataclasses import dataclass

from cloud_ingest.store.connection import Connection, query, translating
from shared_schema.billing import BillingManifest, MonthlyConsumption, Reconciliation


@dataclass(frozen=True, slots=True)
class KeptNumber:
    """A number with the bytes in which it was sent, and the hash by which a manifest names them."""

    number: MonthlyConsumption
    line: bytes
    sha256: str


@translating
def numbers(conn: Connection, society_id: int, month: str) -> list[KeptNumber]:
    """Return the newest version of each number of a month, also of one now withheld."""
    rows = conn.execute(query("month/numbers"), {"society_id": society_id, "month": month})
    return [
        KeptNumber(MonthlyConsumption.from_line(line), bytes(line), digest) for line, digest in rows
    ]


@translating
def current(conn: Connection, society_id: int, month: str) -> list[MonthlyConsumption]:
    """Return the numbers that the manifest of a month names; none for one that is open."""
    closed = manifest(conn, society_id, month)
    if closed is None:
        return []
    named = {(entry.subject, entry.service, entry.version) for entry in closed.entries}
    return [
        kept.number
        for kept in numbers(conn, society_id, month)
        if (kept.number.subject, kept.number.service, kept.number.version) in named
    ]


@translating
def version_floor(conn: Connection) -> int:
    """Return the least version that a number gets: above all that a restore has forgotten."""
    row = conn.execute(query("version_floor")).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0])


@translating
def add_number(conn: Connection, society_id: int, number: MonthlyConsumption) -> KeptNumber:
    """Keep a number and return it as it is sent."""
    line = number.to_line()
    digest = hashlib.sha256(line).hexdigest()
    conn.execute(
        query("month/number_add"),
        {
            "society_id": society_id,
            "month": number.month,
            "subject_type": number.subject.type.value,
            "subject": number.subject.id,
            "service": number.service.value,
            "version": number.version,
            "quantity": number.quantity,
            "quality": number.quality.value,
            "message": line,
            "sha256": digest,
            "closed_at": number.closed_at,
        },
    )
    return KeptNumber(number, line, digest)


@translating
def reconciliations(conn: Connection, society_id: int, month: str) -> list[Reconciliation]:
    """Return the reconciliations of a month."""
    rows = conn.execute(query("month_reconciliations"), {"society_id": society_id, "month": month})
    return [Reconciliation.from_line(row[0]) for row in rows]


@translating
def put_reconciliation(conn: Connection, society_id: int, result: Reconciliation) -> bytes:
    """Keep a reconciliation and return the bytes that are sent."""
    line = result.to_line()
    conn.execute(
        query("month/reconciliation_put"),
        {
            "society_id": society_id,
            "month": result.month,
            "tower": result.tower,
            "service": result.service.value,
            "message": line,
            "closed_at": result.closed_at,
        },
    )
    return line


@translating
def manifest(conn: Connection, society_id: int, month: str) -> BillingManifest | None:
    """Return the manifest of a closed month, or None for one that is open."""
    row = conn.execute(
        query("month_close_read"), {"society_id": society_id, "month": month}
    ).fetchone()
    return None if row is None else BillingManifest.from_line(row[0])


@translating
def put_manifest(conn: Connection, society_id: int, made: BillingManifest) -> bytes:
    """Note that a month was closed and return the bytes that are sent."""
    line = made.to_line()
    conn.execute(
        query("month/close_put"),
        {
            "society_id": society_id,
            "month": made.month,
            "closed_at": made.closed_at,
            "manifest": line,
        },
    )
    return line
