# SPDX-License-Identifier: MIT
"""What a person does with the own account: another role, another password, an end of all sessions.

In: a visitor, what was typed, the time. Out: a new cookie. Never: another person's account.

Raises: PersonRefused, NotFound, SignInRefused.
"""

from datetime import datetime
from typing import Final

from cloud_ingest.entries.sign_in import (
    LONGEST_PASSWORD,
    Visitor,
    hash_password,
    open_session,
    sign_in,
    sign_out,
)
from cloud_ingest.errors import NotFound, PersonRefused
from cloud_ingest.store.accounts import memberships_of, set_password
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.web_sessions import end_sessions

SHORTEST_PASSWORD: Final = 10


def change_role(conn: Connection, visitor: Visitor, membership_id: int, now: datetime) -> str:
    """Go on in another of the visitor's roles; return the cookie of the new session."""
    own = {each.membership_id for each in memberships_of(conn, visitor.account_id)}
    if membership_id not in own:
        raise NotFound("that is none of your roles")
    with conn.transaction():
        sign_out(conn, visitor, now)
        return open_session(conn, membership_id, now)


def change_password(
    conn: Connection, visitor: Visitor, former: str, wanted: str, now: datetime
) -> str:
    """Give the visitor another password; end every session, and return a new one's cookie."""
    sign_in(conn, visitor.login, former)
    if not SHORTEST_PASSWORD <= len(wanted) <= LONGEST_PASSWORD:
        raise PersonRefused(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters: choose another"
        )
    if wanted.lower() in {visitor.login.lower(), visitor.name.lower()} or len(set(wanted)) < 5:
        raise PersonRefused("that password is guessed at once: choose another")
    kept = hash_password(wanted)
    with conn.transaction():
        set_password(conn, visitor.account_id, kept)
        end_sessions(conn, visitor.account_id, now)
        return open_session(conn, visitor.membership_id, now)


def end_all(conn: Connection, visitor: Visitor, now: datetime) -> None:
    """End every session of the visitor's account, on all devices."""
    end_sessions(conn, visitor.account_id, now)
