# SPDX-License-Identifier: MIT
"""Who is something to a society: added by the operator of the server, ended by a manager.

In: a login, a name, a role. Out: a new password, which is kept as its hash alone. Each act is kept.

Raises: PersonRefused, NotFound.
"""

import secrets
from datetime import datetime

from cloud_ingest.core.access_act import AccessAct
from cloud_ingest.core.role import Role
from cloud_ingest.core.typed_text import label
from cloud_ingest.entries.sign_in import hash_password
from cloud_ingest.errors import NotFound, PersonRefused
from cloud_ingest.store.access_acts import note_act
from cloud_ingest.store.accounts import (
    account_of,
    add_account,
    add_membership,
    count_role,
    end_membership,
    find_account,
    find_member,
    lock_people,
    memberships_of,
    set_password,
)
from cloud_ingest.store.assignments import namesakes
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.web_sessions import end_sessions

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


def add_person(
    conn: Connection,
    society: str,
    login: str,
    name: str,
    role: Role,
    *,
    unit: str | None,
    by: str,
    now: datetime,
) -> str | None:
    """Let a person sign in to a society.

    Returns:
        The password of a new person; None: the person has one.

    Raises:
        PersonRefused: the role and the unit do not go together, the society has no such unit, or
            the person is that already.
    """
    society_id = find_society(conn, society)
    login, name, by = label(login, "login").lower(), label(name, "name"), label(by, "by")
    unit = unit_of_role(conn, society_id, role, unit)
    password: str | None = new_password()
    with conn.transaction():
        if (found := find_account(conn, login)) is not None:
            account: int | None = found.account_id
            password = None
        else:
            kept = hash_password(password or "")
            account = add_account(conn, login, name, password_hash=kept, by=by, now=now)
        if account is None or (
            add_membership(conn, account, society_id, role, unit=unit, by=by, now=now) is None
        ):
            raise PersonRefused(f"{login} is {role} of {society} already")
        detail = role_text(role, unit)
        note_act(
            conn, [society_id], AccessAct.ADDED, author=by, about=login, detail=detail, now=now
        )
    return password


def reset_password(conn: Connection, login: str, *, by: str, now: datetime) -> str:
    """Give a person a new password, and return it; the person is signed out everywhere.

    Raises:
        NotFound: nobody has that login.
    """
    by = label(by, "by")
    found = find_account(conn, login.strip().lower())
    if found is None or found.ended_at is not None:
        raise NotFound(f"nobody signs in as {login!r}: cloud-ingest people list")
    password = new_password()
    kept = hash_password(password)
    with conn.transaction():
        set_password(conn, found.account_id, kept)
        end_sessions(conn, found.account_id, now)
        societies = {each.society_id for each in memberships_of(conn, found.account_id)}
        act = AccessAct.PASSWORD_RESET
        note_act(conn, societies, act, author=by, about=found.login, now=now)
    return password


def end_role(
    conn: Connection, society_id: int, membership_id: int, *, by: str, now: datetime
) -> None:
    """Let a person be something to a society no more: sessions in that role end at once.

    Raises:
        NotFound: nobody of the society has that number.
        PersonRefused: the society would have no manager.
    """
    with conn.transaction():
        lock_people(conn, society_id)
        found = find_member(conn, society_id, membership_id)
        if found is None:
            raise NotFound("nobody here has that role now: look at the list again")
        if found.role is Role.MANAGER and count_role(conn, society_id, Role.MANAGER) == 1:
            raise PersonRefused("this is the last manager of the society: invite another one first")
        end_membership(conn, membership_id, by=by, now=now)
        about = account_of(conn, found.account_id).login
        detail = role_text(found.role, found.unit)
        act = AccessAct.ROLE_ENDED
        note_act(conn, [society_id], act, author=by, about=about, detail=detail, now=now)


def unit_of_role(conn: Connection, society_id: int, role: Role, unit: str | None) -> str | None:
    """Return the unit of a resident, as the society calls it.

    Raises:
        PersonRefused: the role and the unit do not go together, or there is no such unit.
    """
    if (role is Role.RESIDENT) == (unit is None):
        raise PersonRefused("a resident lives in a unit, and nobody else does: name it so")
    if unit is None:
        return None
    found = namesakes(conn, society_id, unit)
    if len(found) != 1:
        raise PersonRefused(f"there are {len(found)} units {unit[:128]!r} here: name one")
    return found[0]


def role_text(role: Role, unit: str | None) -> str:
    """Return a role as the audit log keeps it: ``resident A-1``."""
    return role.value if unit is None else f"{role.value} {unit}"


def new_password() -> str:
    """Return a password that nobody guesses and a person can type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))
