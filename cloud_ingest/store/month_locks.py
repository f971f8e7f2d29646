# SPDX-License-Identifier: MIT
"""Months that are approved: nothing of them changes until a person opens them again.

In: a society and a month. Out: the lock that holds, and every word of it. Owns: the table
``month_lock``. Never: a changed word.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, scalars

LockKind = Literal["approve", "reopen"]


@dataclass(frozen=True, slots=True)
class LockWord:
    """What a person said of a month: that it stands as it is, or that it may change again."""

    month: str
    kind: LockKind
    by: str
    at: datetime
    reason: str
    """Why it was opened again, or approved despite what it lacks; else empty."""
    version: int
    """Of the manifest that was seen."""
    sha256: str
    """Of its bytes, in hex."""


@dataclass(frozen=True, slots=True)
class Lock:
    """A month is approved."""

    month: str
    by: str
    at: datetime
    reason: str
    """Why it was approved despite what it lacks; else empty."""
    version: int
    """Of the manifest that was approved."""
    sha256: str
    """Of its bytes, in hex."""


def lock_of(conn: Connection, society_id: int, month: str) -> Lock | None:
    """Return the lock of a month; None: it may change."""
    said = lock_words(conn, society_id, month)
    if not said or said[-1].kind == "reopen":
        return None
    last = said[-1]
    return Lock(last.month, last.by, last.at, last.reason, last.version, last.sha256)


@translating
def lock_words(conn: Connection, society_id: int, month: str | None = None) -> list[LockWord]:
    """Return who approved a month, or any, and who opened it again, the oldest word first."""
    return all_rows(
        conn,
        LockWord,
        """
        SELECT month, kind, author AS by, recorded_at AS at, reason, manifest_version AS version,
               manifest_sha256 AS sha256
        FROM month_lock WHERE society_id = %s AND (%s::text IS NULL OR month = %s)
        ORDER BY month_lock_id
        """,
        (society_id, month, month),
    )


@translating
def locked_months(conn: Connection, society_id: int, first: str) -> list[str]:
    """Return the months from one on that are approved, ascending."""
    return scalars(
        conn,
        """
        SELECT month FROM (
          SELECT DISTINCT ON (month) month, kind FROM month_lock
          WHERE society_id = %s AND month >= %s ORDER BY month, month_lock_id DESC
        ) AS newest WHERE kind = 'approve' ORDER BY month
        """,
        (society_id, first),
    )


@translating
def add_lock_word(conn: Connection, society_id: int, word: LockWord) -> None:
    """Remember what a person said of a month."""
    conn.execute(
        """
        INSERT INTO month_lock (society_id, month, kind, author, reason, manifest_version,
                                manifest_sha256, recorded_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            society_id,
            word.month,
            word.kind,
            word.by,
            word.reason,
            word.version,
            word.sha256,
            word.at,
        ),
    )
