# SPDX-License-Identifier: MIT
"""Who is signed in: opaque sessions, of whose cookie only a digest is kept.

In: a digest. Out: a session with its person. Owns: the table ``web_session``. Never: a cookie.
"""

from dataclasses import dataclass, field
from datetime import datetime

from cloud_ingest.core.role import Role
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import one_row


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session, with who is signed in by it."""

    web_session_id: int
    account_id: int
    membership_id: int
    login: str
    name: str
    language: str | None
    society_id: int
    society: str
    role: Role
    unit: str | None
    csrf: str = field(repr=False)
    seen_at: datetime
    ends_at: datetime


@translating
def add_session(
    conn: Connection,
    membership_id: int,
    *,
    digest: bytes,
    csrf: str,
    now: datetime,
    ends_at: datetime,
) -> None:
    """Remember that somebody has signed in."""
    conn.execute(
        """
        INSERT INTO web_session (membership_id, digest, csrf, created_at, seen_at, ends_at)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (membership_id, digest, csrf, now, now, ends_at),
    )


@translating
def find_session(conn: Connection, digest: bytes) -> WebSession | None:
    """Return the session of a cookie, where neither it nor what the person is has ended."""
    return one_row(
        conn,
        _session,
        """
        SELECT web_session_id, account_id, membership_id, login, account.name, language,
               society_id, society.name AS society, role, unit, csrf, seen_at, ends_at
        FROM web_session JOIN membership USING (membership_id) JOIN account USING (account_id)
             JOIN society USING (society_id)
        WHERE digest = %s AND web_session.ended_at IS NULL AND membership.ended_at IS NULL
              AND account.ended_at IS NULL
        """,
        (digest,),
    )


@translating
def note_seen(conn: Connection, web_session_id: int, now: datetime) -> None:
    """Remember when a session was used."""
    conn.execute(
        "UPDATE web_session SET seen_at = %s WHERE web_session_id = %s", (now, web_session_id)
    )


@translating
def end_session(conn: Connection, web_session_id: int, now: datetime) -> None:
    """End a session."""
    conn.execute(
        "UPDATE web_session SET ended_at = %s WHERE web_session_id = %s AND ended_at IS NULL",
        (now, web_session_id),
    )


@translating
def end_sessions(conn: Connection, account_id: int, now: datetime) -> None:
    """End every session of an account."""
    conn.execute(
        """
        UPDATE web_session SET ended_at = %s FROM membership
        WHERE membership.membership_id = web_session.membership_id AND account_id = %s
          AND web_session.ended_at IS NULL
        """,
        (now, account_id),
    )


def _session(*, role: str, **columns: object) -> WebSession:
    return WebSession(role=Role(role), **columns)  # type: ignore[arg-type]
