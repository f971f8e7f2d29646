# SPDX-License-Identifier: MIT
"""Who may sign in to the pages of a society, and as what.

In: a login, a name, a role. Out: a new password, which is kept as its hash alone.

Raises: PersonRefused, NotFound.
"""

import secrets
from datetime import datetime

from cloud_ingest.core.role import Role
from cloud_ingest.core.typed_text import label
from cloud_ingest.entries.sign_in import hash_password
from cloud_ingest.errors import PersonRefused
from cloud_ingest.store.accounts import add_account, add_membership, find_account
from cloud_ingest.store.assignments import namesakes
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society

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
    if (role is Role.RESIDENT) == (unit is None):
        raise PersonRefused("a resident lives in a unit, and nobody else does: name it so")
    if unit is not None:
        found_units = namesakes(conn, society_id, unit)
        if len(found_units) != 1:
            raise PersonRefused(f"{society} has {len(found_units)} units {unit!r}: name one")
        (unit,) = found_units
    password: str | None = "-".join(
        "".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)
    )
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
    return password
