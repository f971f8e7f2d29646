# SPDX-License-Identifier: MIT
"""What the store has of one person, and its erasure.

Who said something is kept by name. A name is a person's where no other account of the society has
it; elsewhere nobody can tell whose word it was, and it is left as it is. Where names stand is asked
of the catalogue (`said_places` of migration 75): a table that a later migration adds is among them
by its columns ``author``, ``witness`` and ``…_by``.

In: an account, a pseudonym, a time. Out: values. Never: a password or its hash; what another person
said; a signed byte changed.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg import sql

from cloud_ingest.core.personal_data import (
    Act,
    OwnAccess,
    OwnAccount,
    OwnLink,
    OwnReading,
    OwnRole,
    OwnSession,
)
from cloud_ingest.core.role import Role
from cloud_ingest.store.connection import Connection, literal, query, translating
from cloud_ingest.store.rows import all_rows, one_row, scalars

OF_AN_ACT: Final = (
    *("at", "what", "kind", "decision", "verdict", "month", "service", "source", "subject_type"),
    *("subject", "label", "tower", "shown", "value", "dial", "amount", "number", "hours", "seals"),
    *("raw", "offset_raw", "strict", "how", "scopes", "ts", "since", "until", "read_at"),
    *("seen_at", "valid_from", "valid_to", "starts_at", "ends_at", "created_at", "recorded_at"),
    *("entered_at", "decided_at", "issued_at", "ruled_at", "acknowledged_at", "handed_at"),
    *("revoked_at", "ended_at", "expires_at"),
)
"""Columns that say what somebody did, and nothing of anybody else."""
OWN_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "author": ("reason", "sentence"),
    "decided_by": ("reason",),
    "ended_by": ("ended_reason",),
    "entered_by": ("reason", "forced_because"),
    "given_by": ("role",),
    "handed_by": ("handed_because",),
    "api_token.created_by": ("name",),
}
"""By who said it: the columns with that person's own words; another one's stand in the same row."""
TOLD_ELSEWHERE: Final = "self_read_submission"
"""`readings_of` tells it, with what became of it."""


def _role(*, role: str, **columns: Any) -> OwnRole:
    return OwnRole(role=Role(role), **columns)


def _session(*, role: str, **columns: Any) -> OwnSession:
    return OwnSession(role=Role(role), **columns)


@translating
def own_account(conn: Connection, login: str) -> OwnAccount | None:
    """Return the account of a login, in lower case."""
    return one_row(
        conn,
        OwnAccount,
        """
        SELECT account_id, login, name, language, password_hash IS NOT NULL AS has_password,
               created_at, ended_at, erased_at
        FROM account WHERE login = %s
        """,
        (login,),
    )


@translating
def roles_of(conn: Connection, account_id: int) -> list[OwnRole]:
    """Return what a person is and was, the oldest first."""
    return all_rows(
        conn,
        _role,
        """
        SELECT society.name AS society, role, unit, since, ended_at
        FROM membership JOIN society USING (society_id) WHERE account_id = %s
        ORDER BY membership_id
        """,
        (account_id,),
    )


@translating
def sessions_of(conn: Connection, account_id: int) -> list[OwnSession]:
    """Return the sessions of a person, the oldest first."""
    return all_rows(
        conn,
        _session,
        """
        SELECT society.name AS society, role, created_at, seen_at, ends_at, s.ended_at
        FROM web_session AS s JOIN membership USING (membership_id) JOIN society USING (society_id)
        WHERE account_id = %s ORDER BY web_session_id
        """,
        (account_id,),
    )


@translating
def access_of(conn: Connection, account_id: int) -> list[OwnAccess]:
    """Return what the audit logs have about a person, the oldest first."""
    return all_rows(
        conn,
        OwnAccess,
        """
        SELECT society.name AS society, at, what, author = login AS by_oneself, detail
        FROM access_act JOIN society USING (society_id) JOIN account ON account_id = %(account_id)s
        WHERE about = login OR about = account.name AND what LIKE 'invit%%'
              AND society_id = ANY (societies_of_name(%(account_id)s))
        ORDER BY access_act_id
        """,
        {"account_id": account_id},
    )


@translating
def societies_of(conn: Connection, account_id: int) -> list[int]:
    """Return the societies to which a person is or was something, ascending."""
    return scalars(
        conn,
        "SELECT DISTINCT society_id FROM membership WHERE account_id = %s ORDER BY 1",
        (account_id,),
    )


@translating
def acts_of(conn: Connection, account_id: int) -> list[Act]:
    """Return what a person said and did, table by table."""
    places = conn.execute("SELECT place::text, said_by::text, own FROM said_places() ORDER BY 1, 2")
    societies = conn.execute(
        """
        SELECT society_id, society.name FROM society JOIN account ON account_id = %(account_id)s
        WHERE society_id = ANY (societies_of_name(%(account_id)s)) ORDER BY society_id
        """,
        {"account_id": account_id},
    ).fetchall()
    deciders = scalars(conn, "SELECT DISTINCT author FROM self_read_decision")
    return [
        Act(society, table, column, said)
        for table, column, own in places.fetchall()
        if table != TOLD_ELSEWHERE
        for society_id, society in societies
        for said in _said(conn, account_id, society_id, (table, column, own), deciders)
    ]


def _said(
    conn: Connection,
    account_id: int,
    society_id: int,
    place: tuple[str, str, str],
    deciders: Collection[str],
) -> list[Mapping[str, Any]]:
    table, column, own = place
    statement = sql.SQL(
        """
        SELECT (SELECT coalesce(jsonb_object_agg(key, value), '{{}}') FROM jsonb_each(to_jsonb(t))
                WHERE key = ANY (%(columns)s) AND value <> 'null')
        FROM {table} AS t
        WHERE {column} = (SELECT name FROM account WHERE account_id = %(account_id)s) AND {own}
        """
    ).format(
        table=sql.Identifier(table),
        column=sql.Identifier(column),
        own=sql.SQL(literal(own.replace("$1", "%(societies)s"))),
    )
    asked = {
        "columns": [*OF_AN_ACT, *OWN_WORDS.get(column, OWN_WORDS.get(f"{table}.{column}", ()))],
        "account_id": account_id,
        "societies": [society_id],
    }
    return [_own(row[0], deciders) for row in conn.execute(statement, asked)]


def _own(said: Mapping[str, Any], deciders: Collection[str]) -> Mapping[str, Any]:
    """Return an act without why a manager took a reading: it stands beside who read."""
    why = said.get("forced_because", "")
    if any(why.endswith(f" ({each})") for each in deciders):
        return {name: value for name, value in said.items() if name != "forced_because"}
    return said


@translating
def readings_of(conn: Connection, account_id: int) -> list[OwnReading]:
    """Return what a person sent of dials, the oldest first."""
    asked = {"account_id": account_id}
    return all_rows(conn, OwnReading, query("self_read/of_person"), asked)


@translating
def links_of(conn: Connection, account_id: int) -> list[OwnLink]:
    """Return the links that were given out for the units of a person while living there."""
    return all_rows(
        conn,
        OwnLink,
        """
        SELECT DISTINCT society.name AS society, link.subject AS unit, link.service,
               link.created_at, link.ends_at, done.ended_at AS revoked_at
        FROM membership AS own JOIN society USING (society_id)
        JOIN self_read_link AS link ON link.society_id = own.society_id
          AND link.subject = own.unit AND link.subject_type = 'unit'
          AND link.created_at BETWEEN own.since AND coalesce(own.ended_at, 'infinity')
        LEFT JOIN self_read_link_end AS done USING (link_id)
        WHERE account_id = %s ORDER BY link.created_at
        """,
        (account_id,),
    )


@translating
def shared_in(conn: Connection, account_id: int) -> list[str]:
    """Return the societies in which another account has the same name."""
    return scalars(
        conn,
        """
        SELECT DISTINCT society.name FROM membership JOIN society USING (society_id)
        WHERE account_id = %(account_id)s
          AND society_id <> ALL (societies_of_name(%(account_id)s)) ORDER BY 1
        """,
        {"account_id": account_id},
    )


@translating
def managed_alone(conn: Connection, account_id: int) -> list[str]:
    """Return the societies whose last manager a person is."""
    managers = conn.execute(
        """
        SELECT society.name, account_id FROM membership JOIN account USING (account_id)
        JOIN society USING (society_id)
        WHERE role = 'manager' AND membership.ended_at IS NULL AND account.ended_at IS NULL
          AND society_id IN (SELECT society_id FROM membership WHERE account_id = %s
                             AND role = 'manager' AND ended_at IS NULL)
        """,
        (account_id,),
    ).fetchall()
    others = {society for society, manager in managers if manager != account_id}
    return sorted({society for society, _ in managers} - others)


@translating
def erase(conn: Connection, account_id: int, alias: str, teller: str | None, now: datetime) -> None:
    """Put a pseudonym in the place of a person.

    Args:
        conn: The store, within a transaction.
        account_id: Whose account.
        alias: The pseudonym.
        teller: Who erases; None: the person.
        now: The time.
    """
    conn.execute("SELECT erase_person(%s, %s, %s, %s)", (account_id, alias, teller, now))
    conn.execute("DELETE FROM account_identity WHERE account_id = %s", (account_id,))


@translating
def approved_by(conn: Connection, name: str) -> list[tuple[int, str]]:
    """Return the months whose last word somebody said, each with its society."""
    return conn.execute(
        """
        SELECT society_id, month FROM (
          SELECT DISTINCT ON (society_id, month) society_id, month, kind, author FROM month_lock
          ORDER BY society_id, month, month_lock_id DESC) AS newest
        WHERE kind = 'approve' AND author = %s
        """,
        (name,),
    ).fetchall()
