# SPDX-License-Identifier: MIT
"""What each gateway last said of itself, when it was lost and when it came back."""

from datetime import datetime

from psycopg.types.json import Jsonb

from cloud_ingest.core.rules.offline import QUIET_GATEWAY, SETTLING
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import scalar
from shared_schema.gateway import Status


@translating
def put_status(
    conn: Connection, status: Status, at: datetime, heard_at: datetime | None = None
) -> bool:
    """Remember a status; False when it says nothing new of this gateway.

    A last will names the session that it ends. The will of an older session may come after
    the birth of a newer one: it changes nothing.

    Args:
        conn: A connection.
        status: What was said.
        at: When it became so: a will is written long before it is sent.
        heard_at: When it was heard, by the store's clock; None: at ``at``.
    """
    row = conn.execute(
        query("registry/gateway_status_put"),
        {
            "gateway": status.gateway,
            "session": status.session,
            "state": status.state,
            "at": at,
            "heard_at": heard_at or at,
            "quiet": QUIET_GATEWAY,
            "settling": SETTLING,
            "payload": Jsonb(status.model_dump(mode="json", by_alias=True)),
        },
    ).fetchone()
    return row is not None


def end_status(conn: Connection, gateway_id: int) -> None:
    """Let a gateway be offline whose keys are taken back: its last will is not heard any more."""
    conn.execute(
        """
        UPDATE gateway_status SET state = 'offline', back_at = NULL,
               lost_at = CASE WHEN back_at IS NULL THEN lost_at ELSE heard_at END
        WHERE gateway_id = %s
        """,
        (gateway_id,),
    )


@translating
def is_enrolled(conn: Connection, gateway: str) -> bool:
    """Say whether a gateway of this name is enrolled."""
    return bool(scalar(conn, "SELECT EXISTS (SELECT FROM gateway WHERE name = %s)", (gateway,)))
