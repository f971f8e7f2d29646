# SPDX-License-Identifier: MIT
"""Which files of an earlier system were taken in to their end."""

from datetime import datetime

from cloud_ingest.store.connection import Connection, translating


@translating
def store_history_import(
    conn: Connection,
    society_id: int,
    *,
    sha256: str,
    file: str,
    rows: int,
    first: datetime,
    last: datetime,
    now: datetime,
) -> None:
    """Note that a file was taken in to its end; the same file again is the same note."""
    conn.execute(
        """
        INSERT INTO history_import (society_id, sha256, file, rows, first_ts, last_ts, imported_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (society_id, sha256, file, rows, first, last, now),
    )
