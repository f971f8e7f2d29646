# SPDX-License-Identifier: MIT
"""Signing in: a password or a cookie becomes a visitor, of one society in one role.

A cookie is 32 random bytes, so that one round of SHA-256 keeps it. A session ends `IDLE` after its
last request and `LONGEST` after its first. A login that nobody has costs as much as one with a
wrong password, and is told in the same words.

In: a login and a password, or a cookie. Out: a `Visitor`. Never: a password or a cookie in a text.

Raises: SignInRefused, PersonRefused.
"""

import functools
import hashlib
import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.core.role import RIGHTS, Right, Role
from cloud_ingest.errors import PersonRefused, QuotaReached, SignInRefused
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.accounts import Account, Membership, find_account, memberships_of
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.web_sessions import (
    WebSession,
    add_session,
    end_session,
    find_session,
    note_seen,
)

IDLE: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=30)
SEEN_TO_THE: Final = timedelta(minutes=1)
"""How finely the last request is kept: else each would write."""
SHORTEST_PASSWORD: Final = 10
LONGEST_PASSWORD: Final = 200
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_PLACES: Final = threading.BoundedSemaphore(2)
"""So many passwords are compared at a time, each with 19 MiB: pages go on beside them."""
_PATIENCE_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: a person in one role of one society."""

    session_id: int
    account_id: int
    membership_id: int
    login: str
    name: str
    """Kept beside what the person writes, as who said so."""
    society: str
    society_id: int
    role: Role
    unit: str | None
    """Where a resident lives; None: the visitor is none."""
    language: str | None
    csrf: str = field(repr=False)

    def may(self, right: Right) -> bool:
        """Say whether the role has a right."""
        return right in RIGHTS[self.role]


def hash_password(password: str) -> str:
    """Return what is kept of a password."""
    return _HASHER.hash(password)


def hash_new_password(password: str, login: str, name: str) -> str:
    """Return what is kept of a password that a person chose.

    Raises:
        PersonRefused: it is too short or too long, or guessed at once.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise PersonRefused(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters: choose another"
        )
    if password.lower() in {login.lower(), name.lower()} or len(set(password)) < 5:
        raise PersonRefused("that password is guessed at once: choose another")
    return hash_password(password)


def sign_in(conn: Connection, login: str, password: str, now: datetime) -> list[Membership]:
    """Return what a person may sign in as; a try of a known login is kept.

    Raises:
        SignInRefused: the login, the password or both are wrong; or the person is nothing to any
            society now.
        QuotaReached: too many try at this moment.
    """
    found = find_account(conn, login.strip().lower())
    is_right = _is_right(found, password[: LONGEST_PASSWORD + 1])
    is_right = is_right and found is not None and found.ended_at is None
    memberships = [] if found is None else memberships_of(conn, found.account_id)
    if found is not None:
        societies = {each.society_id for each in memberships}
        act = AccessAct.SIGNED_IN if is_right else AccessAct.SIGN_IN_REFUSED
        note_act(conn, societies, act, author=found.login, about=found.login, now=now)
    if not is_right:
        raise SignInRefused("the login or the password is wrong")
    if not memberships:
        raise SignInRefused("this account has no role now: ask your manager for one")
    return memberships


@functools.cache
def _of_nobody() -> str:
    return hash_password("nobody")


def _is_right(found: Account | None, password: str) -> bool:
    kept = None if found is None else found.password_hash
    if not _PLACES.acquire(timeout=_PATIENCE_S):
        raise QuotaReached("too many people sign in at this moment: try again in a few seconds")
    try:
        return _HASHER.verify(kept or _of_nobody(), password) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False
    finally:
        _PLACES.release()


def open_session(conn: Connection, membership_id: int, now: datetime) -> str:
    """Sign somebody in; return the cookie, which nobody can see again."""
    cookie = secrets.token_urlsafe(32)
    add_session(
        conn,
        membership_id,
        digest=_digest(cookie),
        csrf=secrets.token_urlsafe(24),
        now=now,
        ends_at=now + LONGEST,
    )
    return cookie


def visitor_of(conn: Connection, cookie: str, now: datetime) -> Visitor | None:
    """Return who presents a cookie, and note that; None: nobody who is signed in."""
    found = find_session(conn, _digest(cookie))
    if found is None or found.ends_at <= now or found.seen_at + IDLE <= now:
        return None
    if now - found.seen_at >= SEEN_TO_THE:
        note_seen(conn, found.web_session_id, now)
    return _visitor(found)


def sign_out(conn: Connection, visitor: Visitor, now: datetime) -> None:
    """End the visitor's session."""
    end_session(conn, visitor.session_id, now)


def _visitor(found: WebSession) -> Visitor:
    return Visitor(
        session_id=found.web_session_id,
        account_id=found.account_id,
        membership_id=found.membership_id,
        login=found.login,
        name=found.name,
        society=found.society,
        society_id=found.society_id,
        role=found.role,
        unit=found.unit,
        language=found.language,
        csrf=found.csrf,
    )


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).digest()
