# SPDX-License-Identifier: MIT
"""Which mornings' digests were made: one a society and day, whoever leads and however often.

In: a society, a day, a digest. Out: whether it is wanted, or was made now. Owns: the table
``digest``.
"""

from dataclasses import dataclass
from datetime import date, datetime

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, scalars

_QUEUE = """
INSERT INTO webhook_delivery (webhook_id, event_id, version, payload, created_at, due_at)
SELECT webhook_id, md5(%(key)s)::uuid, 1, %(payload)s, %(now)s, %(now)s
FROM webhook
WHERE active AND 'digest' = ANY (messages) AND %(society)s = ANY (societies)
  AND (quiet_digest OR NOT %(is_quiet)s)
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A society whose people want a digest."""

    society_id: int
    society: str
    made_on: date | None
    """The newest day whose digest was made; None: none."""
    made_at: datetime | None


@translating
def societies_with_digests(conn: Connection) -> list[Due]:
    """Return the societies whose people want a digest."""
    return all_rows(
        conn,
        Due,
        """
        SELECT society_id, name AS society, max(day) AS made_on, max(made_at) AS made_at
        FROM society LEFT JOIN digest USING (society_id)
        WHERE EXISTS (
          SELECT FROM webhook
          WHERE active AND 'digest' = ANY (messages) AND name = ANY (societies))
        GROUP BY society_id, name ORDER BY name
        """,
    )


@translating
def months_sent_since(conn: Connection, society_id: int, since: datetime) -> list[str]:
    """Return the months of which a number was sent or taken back after a time, the newest first."""
    return scalars(
        conn,
        """
        SELECT month FROM month_number WHERE society_id = %(society_id)s AND closed_at > %(since)s
        UNION
        SELECT month FROM month_withdrawal
        WHERE society_id = %(society_id)s AND closed_at > %(since)s
        ORDER BY month DESC
        """,
        {"society_id": society_id, "since": since},
    )


@translating
def put_digest(
    conn: Connection, due: Due, day: date, payload: bytes, now: datetime, *, is_quiet: bool
) -> bool:
    """Queue a digest for who wants it; False: another worker was first."""
    with conn.transaction():
        made = conn.execute(
            "INSERT INTO digest (society_id, day, made_at) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            (due.society_id, day, now),
        )
        if not made.rowcount:
            return False
        conn.execute(
            _QUEUE,
            {
                "key": f"digest/{due.society}/{day}",
                "payload": payload,
                "now": now,
                "society": due.society,
                "is_quiet": is_quiet,
            },
        )
    return True
