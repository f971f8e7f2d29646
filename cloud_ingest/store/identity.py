# SPDX-License-Identifier: MIT
"""What the store says of itself: its id, its zone and the kind of its rollups.

The one row of the table ``store``. Zone and rollups are fixed when the store is made; a restore
from a backup gives it a new id.

In: a connection. Out: that row; None where there is no store.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from cloud_ingest.store.connection import Connection, has_table, translating
from cloud_ingest.store.rows import one_row, scalar

Rollups = Literal["continuous", "portable"]


@dataclass(frozen=True, slots=True)
class Identity:
    """The row of ``store``, as far as every version of the store has it."""

    store_id: UUID
    zone: str
    """Its name: this program or the server may not know the zone."""
    rollups: Rollups
    kept_from: datetime | None


def read_identity(conn: Connection) -> Identity | None:
    """Read the row of ``store``; None where there is none.

    The query reads it as JSON, because a store of an older version has no column ``kept_from``.
    """
    if not has_table(conn, "store"):
        return None
    return one_row(
        conn,
        Identity,
        """
        SELECT store_id, zone, rollups, (to_jsonb(store) ->> 'kept_from')::timestamptz AS kept_from
        FROM store
        """,
    )


def make_identity(conn: Connection, zone: str, rollups: Rollups) -> None:
    """Fix the zone and the kind of rollups of a new store; a store that has them keeps them."""
    conn.execute(
        "INSERT INTO store (zone, rollups) VALUES (%s, %s) ON CONFLICT DO NOTHING", (zone, rollups)
    )


def renew_identity(conn: Connection) -> UUID:
    """Give the store another id: the store that gave the receipts until now is gone.

    Versions of monthly numbers go on from the minutes since 1970: the clock alone outlives a
    restore, and no number is corrected once a minute.
    """
    renewed: UUID = scalar(
        conn,
        """
        UPDATE store
        SET store_id = gen_random_uuid(),
            version_floor = greatest(version_floor + 1, ceil(extract(epoch FROM now()) / 60)::int)
        RETURNING store_id
        """,
    )
    return renewed


@translating
def server_knows_zone(conn: Connection, zone: str) -> bool:
    """Say whether the server knows a zone of this name, spelt exactly so."""
    found = scalar(conn, "SELECT name FROM pg_timezone_names WHERE name = %s", (zone,))
    return found is not None
