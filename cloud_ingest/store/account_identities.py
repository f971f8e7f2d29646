# SPDX-License-Identifier: MIT
"""Who an account is to an issuer that signs people in: its subject there, never a mail address.

In: a connection. Out: identities as values. Owns: the table ``account_identity``.
"""

from dataclasses import dataclass
from datetime import datetime

from cloud_ingest.core.personal_data import OwnIdentity
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, one_row, scalar


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account is to an issuer."""

    account_identity_id: int
    issuer: str
    subject: str
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """The account that an issuer's subject is linked with."""

    account_id: int
    login: str


@translating
def linked_account(conn: Connection, issuer: str, subject: str) -> LinkedAccount | None:
    """Return the account that an issuer's subject is linked with, where it has not ended."""
    return one_row(
        conn,
        LinkedAccount,
        """
        SELECT account_id, login FROM account_identity JOIN account USING (account_id)
        WHERE issuer = %s AND subject = %s
          AND account_identity.ended_at IS NULL AND account.ended_at IS NULL
        """,
        (issuer, subject),
    )


@translating
def identities_of(conn: Connection, account_id: int) -> list[Identity]:
    """Return who an account is to which issuer now, the oldest first."""
    return all_rows(
        conn,
        Identity,
        """
        SELECT account_identity_id, issuer, subject, linked_at FROM account_identity
        WHERE account_id = %s AND ended_at IS NULL ORDER BY account_identity_id
        """,
        (account_id,),
    )


@translating
def kept_identities(conn: Connection, account_id: int) -> list[OwnIdentity]:
    """Return who an account is and was to which issuer, the oldest first."""
    return all_rows(
        conn,
        OwnIdentity,
        """
        SELECT issuer, subject, linked_at, ended_at FROM account_identity
        WHERE account_id = %s ORDER BY account_identity_id
        """,
        (account_id,),
    )


@translating
def add_identity(
    conn: Connection, account_id: int, issuer: str, subject: str, now: datetime
) -> bool:
    """Link an account with an issuer's subject; say whether that subject was free."""
    added = scalar(
        conn,
        """
        INSERT INTO account_identity (account_id, issuer, subject, linked_at)
        VALUES (%s, %s, %s, %s)
        ON CONFLICT (issuer, subject) WHERE ended_at IS NULL DO NOTHING
        RETURNING account_identity_id
        """,
        (account_id, issuer, subject, now),
    )
    return added is not None


@translating
def end_identities(conn: Connection, account_id: int, issuer: str, now: datetime) -> bool:
    """Link an account with an issuer no longer; say whether it was."""
    done = conn.execute(
        """
        UPDATE account_identity SET ended_at = %s
        WHERE account_id = %s AND issuer = %s AND ended_at IS NULL
        """,
        (now, account_id, issuer),
    )
    return done.rowcount > 0
