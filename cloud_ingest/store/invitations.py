# SPDX-License-Identifier: MIT
"""Invitations to a role in a society, of whose secret a digest is kept.

In: a digest. Out: invitations. Owns: the table ``invitation``. Never: a secret.
"""

from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.role import Role
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar

_COLUMNS = """
SELECT invitation_id, society_id, society.name AS society, role, unit, invitation.name, invited_at,
       invited_by, ends_at
FROM invitation JOIN society USING (society_id)
"""


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who may take which role, and until when."""

    invitation_id: int
    society_id: int
    society: str
    role: Role
    unit: str | None
    name: str
    invited_at: datetime
    invited_by: str
    ends_at: datetime


@translating
def add_invitation(
    conn: Connection,
    society_id: int,
    role: Role,
    *,
    unit: str | None,
    name: str,
    digest: bytes,
    by: str,
    now: datetime,
    ends_at: datetime,
) -> None:
    """Keep an invitation."""
    conn.execute(
        """
        INSERT INTO invitation
          (society_id, role, unit, name, digest, invited_at, invited_by, ends_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (society_id, role, unit, name, digest, now, by, ends_at),
    )


@translating
def find_invitation(conn: Connection, digest: bytes, now: datetime) -> Invitation | None:
    """Return the invitation of a secret, where it is neither over, used nor withdrawn."""
    return one_row(
        conn,
        _invitation,
        _COLUMNS + "WHERE digest = %s AND ended_at IS NULL AND ends_at > %s",
        (digest, now),
    )


@translating
def open_invitations(conn: Connection, society_id: int, now: datetime) -> list[Invitation]:
    """Return a society's invitations that can be taken, the newest first."""
    return all_rows(
        conn,
        _invitation,
        _COLUMNS
        + "WHERE society_id = %s AND ended_at IS NULL AND ends_at > %s ORDER BY 1 DESC LIMIT 1000",
        (society_id, now),
    )


@translating
def end_invitation(
    conn: Connection, society_id: int, invitation_id: int, *, by: str, now: datetime
) -> str | None:
    """End an invitation once; return whom it was for, or None where it cannot be taken any more."""
    name: str | None = scalar(
        conn,
        """
        UPDATE invitation SET ended_at = %(now)s, ended_by = %(by)s
        WHERE society_id = %(society_id)s AND invitation_id = %(invitation_id)s
          AND ended_at IS NULL AND ends_at > %(now)s
        RETURNING name
        """,
        {"society_id": society_id, "invitation_id": invitation_id, "by": by, "now": now},
    )
    return name


def _invitation(*, role: str, **columns: object) -> Invitation:
    return Invitation(role=Role(role), **columns)  # type: ignore[arg-type]
