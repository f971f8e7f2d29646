# SPDX-License-Identifier: MIT
"""Invitations: a manager gives a link, and whoever opens it takes the role, once.

A link is 32 random bytes, so that one round of SHA-256 keeps it. Who has a login already takes the
role when signed in by it: no account gets a role that its owner did not take.

In: a role, or a link's text. Out: the text at its making alone; a session's cookie. Each act is
kept.

Raises: PersonRefused, NotFound.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.core.role import Role
from cloud_ingest.core.typed_text import label
from cloud_ingest.entries.people import role_text, unit_of_role
from cloud_ingest.entries.sign_in import Visitor, hash_new_password, open_session, sign_out
from cloud_ingest.errors import NotFound, PersonRefused
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.accounts import add_account, add_membership
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.invitations import (
    Invitation,
    add_invitation,
    end_invitation,
    find_invitation,
    open_invitations,
)

GOOD_FOR: Final = timedelta(days=7)
MOST_OPEN: Final = 500
"""Of a society, at a time."""


def invite(
    conn: Connection,
    society_id: int,
    name: str,
    role: Role,
    *,
    unit: str | None,
    by: str,
    now: datetime,
) -> str:
    """Invite somebody to a role; return the text of the link, which nobody can see again.

    Raises:
        PersonRefused: the role and the unit do not go together, the society has no such unit, or
            too many invitations wait.
    """
    name, by = label(name, "name"), label(by, "by")
    unit = unit_of_role(conn, society_id, role, unit)
    if len(open_invitations(conn, society_id, now)) >= MOST_OPEN:
        raise PersonRefused(f"{MOST_OPEN} invitations wait already: withdraw some first")
    text = secrets.token_urlsafe(32)
    with conn.transaction():
        add_invitation(
            conn,
            society_id,
            role,
            unit=unit,
            name=name,
            digest=_digest(text),
            by=by,
            now=now,
            ends_at=now + GOOD_FOR,
        )
        detail, act = role_text(role, unit), AccessAct.INVITED
        note_act(conn, [society_id], act, author=by, about=name, detail=detail, now=now)
    return text


def withdraw(
    conn: Connection, society_id: int, invitation_id: int, *, by: str, now: datetime
) -> None:
    """Let nobody take an invitation any more.

    Raises:
        NotFound: none waits by that number.
    """
    with conn.transaction():
        name = end_invitation(conn, society_id, invitation_id, by=by, now=now)
        if name is None:
            raise NotFound("that invitation is used, over or withdrawn already")
        act = AccessAct.INVITATION_WITHDRAWN
        note_act(conn, [society_id], act, author=by, about=name, now=now)


def invitation_of(conn: Connection, text: str, now: datetime) -> Invitation:
    """Return what a link invites to.

    Raises:
        NotFound: it is none, or is used, over or withdrawn.
    """
    found = find_invitation(conn, _digest(text), now)
    if found is None:
        raise NotFound("this invitation is used, over or withdrawn: ask your manager for another")
    return found


def join_anew(
    conn: Connection, text: str, *, login: str, name: str, password: str, now: datetime
) -> str:
    """Take an invitation with a new login; return the cookie of the person who is signed in now.

    Raises:
        NotFound: the invitation cannot be taken.
        PersonRefused: the login is taken, or the password is guessed at once.
    """
    found = invitation_of(conn, text, now)
    login, name = label(login, "login").lower(), label(name, "name")
    kept = hash_new_password(password, login, name)
    with conn.transaction():
        account = add_account(conn, login, name, password_hash=kept, by=found.invited_by, now=now)
        if account is None:
            raise PersonRefused(f"the login {login!r} is taken: sign in by it, or choose another")
        return _join(conn, found, account, login, now)


def join_as(conn: Connection, text: str, visitor: Visitor, now: datetime) -> str:
    """Take an invitation with the visitor's own login; return the cookie of the new role.

    Raises:
        NotFound: the invitation cannot be taken.
        PersonRefused: the visitor has that role already.
    """
    found = invitation_of(conn, text, now)
    with conn.transaction():
        cookie = _join(conn, found, visitor.account_id, visitor.login, now)
        sign_out(conn, visitor, now)
    return cookie


def _join(conn: Connection, found: Invitation, account: int, login: str, now: datetime) -> str:
    if end_invitation(conn, found.society_id, found.invitation_id, by=login, now=now) is None:
        raise NotFound("this invitation is used, over or withdrawn: ask your manager for another")
    membership = add_membership(
        conn, account, found.society_id, found.role, unit=found.unit, by=found.invited_by, now=now
    )
    if membership is None:
        raise PersonRefused(f"{login} is {found.role} of {found.society} already")
    detail, act = role_text(found.role, found.unit), AccessAct.JOINED
    note_act(conn, [found.society_id], act, author=login, about=login, detail=detail, now=now)
    return open_session(conn, membership, now)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
