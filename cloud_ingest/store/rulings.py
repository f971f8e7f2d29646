# SPDX-License-Identifier: MIT
"""What persons say of claims: a row for each word, of which the newest counts.

In: a claim, what is said of it, by whom and why. Out: rows of ``ruling``, and the claims that are
not elected or were ruled on. Owns: the table ``ruling``. Never: a changed row.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloud_ingest.core.judgement import RulingKind, StoredClaim
from cloud_ingest.store.billed_registers import SERVICE_OF
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows


@dataclass(frozen=True, slots=True)
class ListedClaim:
    """A claim of a billed register, the verdict on it, and the last word of a person."""

    channel_id: int
    ts: int
    """Seconds since 1970."""
    raw: int
    origin: int
    meter_id: int
    manufacturer: str
    serial: str
    obis: str
    unit: int
    scaler: int
    rule: str | None
    """None: validation did not find it unsound."""
    parameters: Mapping[str, Any] | None
    neighbours: Mapping[str, Any] | None
    """The claims before and after it, of those by which it was judged."""
    judged_at: datetime | None
    kind: RulingKind | None
    """None: nobody said anything of it."""
    author: str | None
    reason: str | None
    ruled_at: datetime | None
    is_break: bool
    """It is the first one behind a break of its register."""


@translating
def store_rulings(
    conn: Connection,
    claims: Iterable[StoredClaim],
    kind: RulingKind,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    """Remember what a person says of claims."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO ruling (channel_id, ts, origin, raw, kind, author, reason, ruled_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    claim.channel_id,
                    datetime.fromtimestamp(claim.ts, UTC),
                    claim.origin,
                    claim.raw,
                    kind,
                    by,
                    reason,
                    now,
                )
                for claim in claims
            ],
        )


@translating
def listed_claims(conn: Connection, society_id: int, subject: str | None) -> list[ListedClaim]:
    """Return the claims of a society, or of one subject's meters, that a list may name."""
    arguments = {"society_id": society_id, "codes": sorted(SERVICE_OF), "subject": subject}
    return all_rows(conn, ListedClaim, query("ruling/listed"), arguments)


@translating
def listed_breaks(conn: Connection, society_id: int, subject: str | None) -> list[ListedClaim]:
    """Return the first claim behind each break of a billed register."""
    arguments = {"society_id": society_id, "subject": subject}
    return all_rows(conn, ListedClaim, query("ruling/breaks"), arguments)
