# SPDX-License-Identifier: MIT
"""Who opened the quarter hours of which unit, and why.

In: a look. Out: looks, the newest first. Owns: the table ``curve_look``, to which is only added.
"""

from dataclasses import dataclass
from datetime import date, datetime

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, scalar


@dataclass(frozen=True, slots=True)
class CurveLook:
    """Somebody who looked at the quarter hours of a unit."""

    at: datetime
    author: str
    role: str
    """At that time; ``program``: by a token."""
    reason: str
    first_day: date
    last_day: date


@translating
def add_look(
    conn: Connection,
    society_id: int,
    unit: str,
    look: CurveLook,
    *,
    account_id: int | None,
    ends_at: datetime,
) -> None:
    """Keep that somebody looks."""
    conn.execute(
        """
        INSERT INTO curve_look (society_id, unit, at, ends_at, author, role, account_id, reason,
                                first_day, last_day)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            society_id,
            unit,
            look.at,
            ends_at,
            look.author,
            look.role,
            account_id,
            look.reason,
            look.first_day,
            look.last_day,
        ),
    )


@translating
def is_looking(
    conn: Connection, society_id: int, unit: str, *, account_id: int, day: date, now: datetime
) -> bool:
    """Say whether an account has said why it looks at a day of a unit, and may still."""
    return bool(
        scalar(
            conn,
            """
            SELECT EXISTS (
              SELECT FROM curve_look WHERE society_id = %s AND unit = %s AND account_id = %s
              AND ends_at > %s AND %s BETWEEN first_day AND last_day)
            """,
            (society_id, unit, account_id, now, day),
        )
    )


@translating
def looks_at(conn: Connection, society_id: int, unit: str, *, limit: int) -> list[CurveLook]:
    """Return who looked at a unit, the newest first."""
    return all_rows(
        conn,
        CurveLook,
        """
        SELECT at, author, role, reason, first_day, last_day FROM curve_look
        WHERE society_id = %s AND unit = %s ORDER BY curve_look_id DESC LIMIT %s
        """,
        (society_id, unit, limit),
    )
