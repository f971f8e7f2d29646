# SPDX-License-Identifier: MIT
"""Which months are closed, each with the manifest that names what was sent of it.

In: a society and a month. Out: manifests. Owns: ``month_close``. Never: a decision;
`cloud_ingest.month.close` decides.
"""

import re
from collections.abc import Collection
from datetime import datetime
from typing import Final

from cloud_ingest.errors import NotFound
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import scalar, scalars
from shared_schema.billing import BillingManifest

HEAD_BYTES: Final = 4096
"""Within which a manifest says its version: before its entries."""
_VERSION: Final = re.compile(rb'"version":(\d+),"entries":')


@translating
def manifest_of(conn: Connection, society_id: int, month: str) -> BillingManifest | None:
    """Return the manifest of a closed month, or None for one that is open."""
    line = manifest_line(conn, society_id, month)
    return None if line is None else BillingManifest.from_line(line)


@translating
def manifest_line(conn: Connection, society_id: int, month: str) -> bytes | None:
    """Return the manifest of a closed month as it was sent, or None for one that is open."""
    line: bytes | None = scalar(
        conn,
        "SELECT manifest FROM month_close WHERE society_id = %s AND month = %s",
        (society_id, month),
    )
    return line


@translating
def manifest_named(conn: Connection, society_id: int, month: str) -> tuple[int, str]:
    """Return the version of a closed month's manifest, and its hash in hex, without reading it.

    Raises:
        NotFound: the month is open.
    """
    row = conn.execute(
        """
        SELECT substring(manifest FROM 1 FOR %s), encode(sha256(manifest), 'hex') FROM month_close
        WHERE society_id = %s AND month = %s
        """,
        (HEAD_BYTES, society_id, month),
    ).fetchone()
    version = None if row is None else _VERSION.search(row[0])
    if row is None or version is None:
        raise NotFound(f"{month} is not closed")
    return int(version[1]), str(row[1])


@translating
def closed_at(conn: Connection, society_id: int, month: str) -> datetime | None:
    """Return when a month was closed last; None: it is open."""
    found: datetime | None = scalar(
        conn,
        "SELECT last_closed_at FROM month_close WHERE society_id = %s AND month = %s",
        (society_id, month),
    )
    return found


@translating
def is_closed(conn: Connection, society_id: int, month: str) -> bool:
    """Say whether a month is closed."""
    return bool(closed_months(conn, society_id, [month]))


@translating
def closed_months(conn: Connection, society_id: int, of: Collection[str]) -> list[str]:
    """Return which of some months are closed, ascending."""
    return scalars(
        conn,
        """
        SELECT month FROM month_close WHERE society_id = %s AND month = ANY(%s::text[])
        ORDER BY month
        """,
        (society_id, sorted(of)),
    )


@translating
def newest_closed(conn: Connection, society_id: int) -> str | None:
    """Return the newest closed month as ``YYYY-MM``; None: none is closed."""
    found: str | None = scalar(
        conn, "SELECT max(month) FROM month_close WHERE society_id = %s", (society_id,)
    )
    return found


@translating
def closed_since(conn: Connection, society_id: int, first: str) -> list[str]:
    """Return the closed months from one on, ascending."""
    return scalars(
        conn,
        "SELECT month FROM month_close WHERE society_id = %s AND month >= %s ORDER BY month",
        (society_id, first),
    )


@translating
def heard_by_manifest(conn: Connection, society_id: int, month: str) -> int | None:
    """Return the last entry that the manifest of a closed month knew; None: it is open."""
    found: int | None = scalar(
        conn,
        "SELECT heard_order FROM month_close WHERE society_id = %s AND month = %s",
        (society_id, month),
    )
    return found


@translating
def put_manifest(conn: Connection, society_id: int, made: BillingManifest, heard: int) -> bytes:
    """Note that a month was closed and return the bytes that are sent.

    Args:
        conn: The store.
        society_id: Whose month it is.
        made: The manifest.
        heard: The last entry that it knows.
    """
    line = made.to_line()
    conn.execute(
        """
        INSERT INTO month_close (society_id, month, closed_at, last_closed_at, manifest,
                                 heard_order)
        VALUES (%(society_id)s, %(month)s, %(closed_at)s, %(closed_at)s, %(manifest)s, %(heard)s)
        ON CONFLICT (society_id, month)
        DO UPDATE SET last_closed_at = excluded.last_closed_at, manifest = excluded.manifest,
                      heard_order = excluded.heard_order
        """,
        {
            "society_id": society_id,
            "month": made.month,
            "closed_at": made.closed_at,
            "manifest": line,
            "heard": heard,
        },
    )
    return line
