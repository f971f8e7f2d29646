# SPDX-License-Identifier: MIT
"""People who may sign in, and what each is to which society.

In: a connection. Out: accounts and memberships as values. Owns: the tables ``account`` and
``membership``. Never: a password; a hash leaves for `entries.sign_in` alone.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from cloud_ingest.core.role import Role
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in."""

    account_id: int
    login: str
    name: str
    password_hash: str | None = field(repr=False)
    language: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Membership:
    """What a person is to a society."""

    membership_id: int
    account_id: int
    society_id: int
    society: str
    role: Role
    unit: str | None
    """Of a resident."""
    since: datetime
    given_by: str


@translating
def find_account(conn: Connection, login: str) -> Account | None:
    """Return the account of a login, in lower case."""
    return one_row(
        conn,
        Account,
        """
        SELECT account_id, login, name, password_hash, language, ended_at
        FROM account WHERE login = %s
        """,
        (login,),
    )


@translating
def add_account(
    conn: Connection, login: str, name: str, *, password_hash: str | None, by: str, now: datetime
) -> int | None:
    """Remember a person; return the account's number, or None where the login is taken."""
    number: int | None = scalar(
        conn,
        """
        INSERT INTO account (login, name, password_hash, created_at, created_by)
        VALUES (%s, %s, %s, %s, %s) ON CONFLICT (login) DO NOTHING RETURNING account_id
        """,
        (login, name, password_hash, now, by),
    )
    return number


@translating
def add_membership(
    conn: Connection,
    account_id: int,
    society_id: int,
    role: Role,
    *,
    unit: str | None,
    by: str,
    now: datetime,
) -> int | None:
    """Let a person be something to a society; return None where it is that already."""
    number: int | None = scalar(
        conn,
        """
        INSERT INTO membership (account_id, society_id, role, unit, since, given_by)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id, society_id, role, coalesce(unit, '')) WHERE ended_at IS NULL
        DO NOTHING RETURNING membership_id
        """,
        (account_id, society_id, role, unit, now, by),
    )
    return number


@translating
def memberships_of(conn: Connection, account_id: int) -> list[Membership]:
    """Return what a person is to which society now, the newest first."""
    return all_rows(
        conn,
        _membership,
        """
        SELECT membership_id, account_id, society_id, society.name AS society, role, unit, since,
               given_by
        FROM membership JOIN society USING (society_id)
        WHERE account_id = %s AND ended_at IS NULL ORDER BY membership_id DESC
        """,
        (account_id,),
    )


class Member(NamedTuple):
    """A person of a society, and how many there are."""

    membership_id: int
    account_id: int
    login: str
    name: str
    role: Role
    unit: str | None
    since: datetime
    given_by: str
    seen_at: datetime | None
    """When the person was on a page last; None: never in this role."""
    total: int


@translating
def members_of(
    conn: Connection, society_id: int, part: str | None, *, limit: int, offset: int = 0
) -> list[Member]:
    """Return who is something to a society now; with a part of a name, login or unit, of those."""
    return all_rows(
        conn,
        _member,
        query("account/members"),
        {"society_id": society_id, "part": part, "limit": limit, "offset": offset},
        prepare=False,
    )


@translating
def lock_people(conn: Connection, society_id: int) -> None:
    """Let nobody else end a role of a society until this transaction is over."""
    conn.execute("SELECT FROM society WHERE society_id = %s FOR NO KEY UPDATE", (society_id,))


@translating
def count_role(conn: Connection, society_id: int, role: Role) -> int:
    """Return how many people have a role now."""
    return int(
        scalar(
            conn,
            """
            SELECT count(*) FROM membership JOIN account USING (account_id)
            WHERE society_id = %s AND role = %s AND membership.ended_at IS NULL
              AND account.ended_at IS NULL
            """,
            (society_id, role),
        )
    )


@translating
def find_member(conn: Connection, society_id: int, membership_id: int) -> Membership | None:
    """Return what a person is to a society now; None: nothing by that number."""
    return one_row(
        conn,
        _membership,
        """
        SELECT membership_id, account_id, society_id, society.name AS society, role, unit, since,
               given_by
        FROM membership JOIN society USING (society_id)
        WHERE society_id = %s AND membership_id = %s AND ended_at IS NULL
        """,
        (society_id, membership_id),
    )


@translating
def end_membership(conn: Connection, membership_id: int, *, by: str, now: datetime) -> None:
    """Let a person be something to a society no more; whoever is signed in by it is signed out."""
    conn.execute(
        """
        UPDATE membership SET ended_at = %s, ended_by = %s
        WHERE membership_id = %s AND ended_at IS NULL
        """,
        (now, by, membership_id),
    )
    conn.execute(
        "UPDATE web_session SET ended_at = %s WHERE membership_id = %s AND ended_at IS NULL",
        (now, membership_id),
    )


@translating
def account_of(conn: Connection, account_id: int) -> Account:
    """Return an account by its number."""
    found = one_row(
        conn,
        Account,
        """
        SELECT account_id, login, name, password_hash, language, ended_at
        FROM account WHERE account_id = %s
        """,
        (account_id,),
    )
    if found is None:
        raise LookupError(account_id)
    return found


@translating
def set_language(conn: Connection, account_id: int, language: str) -> None:
    """Remember which language a person reads."""
    conn.execute("UPDATE account SET language = %s WHERE account_id = %s", (language, account_id))


@translating
def set_password(conn: Connection, account_id: int, password_hash: str) -> None:
    """Keep another password."""
    conn.execute(
        "UPDATE account SET password_hash = %s WHERE account_id = %s", (password_hash, account_id)
    )


def _member(*, role: str, **columns: object) -> Member:
    return Member(role=Role(role), **columns)  # type: ignore[arg-type]


def _membership(*, role: str, **columns: object) -> Membership:
    return Membership(role=Role(role), **columns)  # type: ignore[arg-type]
