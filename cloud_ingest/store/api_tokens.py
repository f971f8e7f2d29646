# SPDX-License-Identifier: MIT
"""The tokens of programs that use the API, and when each was used.

In: a connection, a selector. Out: tokens. Owns: the table ``api_token``. Never: a token's secret;
its digest alone is kept.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar

USED_TO_THE: Final = timedelta(minutes=1)
"""How finely the last use is kept: else each request would write."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as the store has it."""

    api_token_id: int
    society_id: int
    society: str
    name: str
    digest: bytes = field(repr=False)
    scopes: list[str]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None

    def lives(self, now: datetime) -> bool:
        """Say whether it is neither revoked nor over."""
        return self.revoked_at is None and now < self.expires_at


@translating
def find_token(conn: Connection, selector: str) -> ApiToken | None:
    """Return the token of a selector."""
    return one_row(
        conn,
        ApiToken,
        """
        SELECT api_token_id, society_id, society.name AS society, api_token.name, digest, scopes,
               created_at, created_by, expires_at, revoked_at, revoked_by, last_used_at
        FROM api_token JOIN society USING (society_id) WHERE selector = %s
        """,
        (selector,),
    )


@translating
def list_tokens(conn: Connection, society: str | None) -> list[ApiToken]:
    """Return the tokens of a society, or of all, by name, the newest of a name first."""
    return all_rows(
        conn,
        ApiToken,
        """
        SELECT api_token_id, society_id, society.name AS society, api_token.name, digest, scopes,
               created_at, created_by, expires_at, revoked_at, revoked_by, last_used_at
        FROM api_token JOIN society USING (society_id)
        WHERE %(society)s::text IS NULL OR society.name = %(society)s
        ORDER BY society.name, api_token.name, api_token_id DESC
        """,
        {"society": society},
    )


@translating
def add_token(
    conn: Connection,
    society_id: int,
    name: str,
    *,
    selector: str,
    digest: bytes,
    scopes: list[str],
    by: str,
    now: datetime,
    expires_at: datetime,
) -> bool:
    """Remember a token; return False where a living one has that name."""
    added = scalar(
        conn,
        """
        INSERT INTO api_token
          (society_id, name, selector, digest, scopes, created_at, created_by, expires_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (society_id, name) WHERE revoked_at IS NULL DO NOTHING
        RETURNING true
        """,
        (society_id, name, selector, digest, scopes, now, by, expires_at),
    )
    return bool(added)


@translating
def revoke_token(conn: Connection, society_id: int, name: str, *, by: str, now: datetime) -> bool:
    """End a token; return False where none of that name lives."""
    done = conn.execute(
        """
        UPDATE api_token SET revoked_at = %s, revoked_by = %s
        WHERE society_id = %s AND name = %s AND revoked_at IS NULL
        """,
        (now, by, society_id, name),
    )
    return done.rowcount > 0


@translating
def note_use(conn: Connection, token: ApiToken, now: datetime) -> None:
    """Remember that a token was used."""
    if token.last_used_at is None or now - token.last_used_at >= USED_TO_THE:
        conn.execute(
            "UPDATE api_token SET last_used_at = %s WHERE api_token_id = %s",
            (now, token.api_token_id),
        )
