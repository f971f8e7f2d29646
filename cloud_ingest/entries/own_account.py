# SPDX-License-Identifier: MIT
"""What a person does with the own account: another role, another password, an end of all sessions.

In: a visitor, what was typed, the time. Out: a new cookie. Never: another person's account.

Raises: PersonRefused, NotFound, SignInRefused.
"""

from datetime import datetime

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.entries.sign_in import (
    Visitor,
    hash_new_password,
    open_session,
    sign_in,
    sign_out,
)
from cloud_ingest.errors import NotFound
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.accounts import memberships_of, set_language, set_password
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.web_sessions import end_sessions


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
    memberships = sign_in(conn, visitor.login, former, now)
    kept = hash_new_password(wanted, visitor.login, visitor.name)
    with conn.transaction():
        set_password(conn, visitor.account_id, kept)
        societies = {each.society_id for each in memberships}
        act = AccessAct.PASSWORD_CHANGED
        note_act(conn, societies, act, author=visitor.login, about=visitor.login, now=now)
        end_sessions(conn, visitor.account_id, now)
        return open_session(conn, visitor.membership_id, now)


def choose_language(conn: Connection, visitor: Visitor, language: str) -> None:
    """Remember the language that the visitor reads, for other browsers and for mail."""
    if language != visitor.language:
        set_language(conn, visitor.account_id, language)


def end_all(conn: Connection, visitor: Visitor, now: datetime) -> None:
    """End every session of the visitor's account, on all devices."""
    end_sessions(conn, visitor.account_id, now)
