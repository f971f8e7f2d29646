# SPDX-License-Identifier: MIT
"""What was sent of a month beyond the first closing: versions, withdrawals, numbers that came late.

In: a society and a month. Out: messages as values, the versions of a number in their order.
Never: a write, a cause; `cloud_ingest.month.changes_after` finds it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.number_words import NumberKey, NumberWord
from cloud_ingest.store.rows import all_rows, one_row
from shared_schema.billing import MonthlyConsumption, MonthlyWithdrawal
from shared_schema.catalogue import Service


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A number or a withdrawal as it was sent, and what was known then."""

    message: MonthlyConsumption | MonthlyWithdrawal
    sha256: str
    heard: int
    """What was entered up to here was known, in the order of entries."""

    @property
    def number(self) -> MonthlyConsumption | None:
        """The number; None: it was taken back."""
        return self.message if isinstance(self.message, MonthlyConsumption) else None


@dataclass(frozen=True, slots=True)
class FirstClosing:
    """When a month was closed for the first time, and what was known then."""

    at: datetime
    heard: int
    """What was entered up to here, in the order of entries."""


@translating
def first_closing(conn: Connection, society_id: int, month: str) -> FirstClosing | None:
    """Return the first closing of a month; None: it is open."""
    return one_row(
        conn,
        FirstClosing,
        """
        SELECT closed_at AS at, coalesce((
          SELECT max(n.heard_order) FROM month_number AS n
          WHERE n.society_id = c.society_id AND n.month = c.month AND n.closed_at <= c.closed_at
        ), 0) AS heard
        FROM month_close AS c WHERE society_id = %s AND month = %s
        """,
        (society_id, month),
    )


@translating
def sent_after(
    conn: Connection, society_id: int, month: str, settled_at: datetime
) -> list[SentMessage]:
    """Return every message of each number that was sent again, or first sent after a moment."""
    arguments = {"society_id": society_id, "month": month, "settled_at": settled_at}
    return all_rows(conn, _sent, query("month/sent_after"), arguments)


def _sent(message: bytes, sha256: str, heard: int, *, withdrawn: bool) -> SentMessage:
    of = MonthlyWithdrawal if withdrawn else MonthlyConsumption
    return SentMessage(of.from_line(message), sha256, heard)


@translating
def accepted_at(conn: Connection, society_id: int, times: Collection[datetime]) -> list[NumberWord]:
    """Return what persons accepted at some moments, of any month: each closed months again."""
    return all_rows(
        conn,
        _word,
        """
        SELECT month, subject_type, subject, service, kind, quantity, author, reason, recorded_at,
               entry_order
        FROM number_word
        WHERE society_id = %s AND kind = 'accept' AND recorded_at = ANY(%s::timestamptz[])
        ORDER BY number_word_id
        """,
        (society_id, list(times)),
    )


def _word(*, subject_type: str, subject: str, service: str, **columns: Any) -> NumberWord:
    return NumberWord(key=NumberKey(subject_type, subject, Service(service)), **columns)
