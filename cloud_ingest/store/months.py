# SPDX-License-Identifier: MIT
"""Numbers of closed months: kept for ever, version after version, and so is what took one back.

The versions of a subject's numbers and withdrawals are one sequence: what was sent last counts.

In: a society and a month. Out: numbers, withdrawals and reconciliations. Owns: their tables.
Never: a decision; `cloud_ingest.month.close` decides.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import manifest_of
from cloud_ingest.store.rows import all_rows, scalar, scalars
from shared_schema.balance import Reconciliation
from shared_schema.billing import MonthlyConsumption, MonthlyWithdrawal


@dataclass(frozen=True, slots=True)
class KeptNumber:
    """A number with the bytes in which it was sent, and the hash by which a manifest names them."""

    number: MonthlyConsumption
    line: bytes
    sha256: str
    heard: int
    """What was entered up to here was known, in the order of entries."""


@dataclass(frozen=True, slots=True)
class KeptWithdrawal:
    """A message that took a number back, as it was sent."""

    withdrawal: MonthlyWithdrawal
    line: bytes
    sha256: str
    heard: int


@translating
def numbers(conn: Connection, society_id: int, month: str) -> list[KeptNumber]:
    """Return the newest version of each number of a month, also of one that was taken back."""
    return all_rows(
        conn,
        _kept_number,
        """
        SELECT DISTINCT ON (subject_type, subject, service) message, sha256, heard_order
        FROM month_number
        WHERE society_id = %s AND month = %s
        ORDER BY subject_type, subject, service, version DESC
        """,
        (society_id, month),
    )


def _kept_number(message: bytes, sha256: str, heard_order: int) -> KeptNumber:
    return KeptNumber(MonthlyConsumption.from_line(message), message, sha256, heard_order)


@translating
def withdrawals(conn: Connection, society_id: int, month: str) -> list[KeptWithdrawal]:
    """Return the newest withdrawal of each number of a month, also where one was sent again."""
    return all_rows(
        conn,
        _kept_withdrawal,
        """
        SELECT DISTINCT ON (subject_type, subject, service) message, sha256, heard_order
        FROM month_withdrawal
        WHERE society_id = %s AND month = %s
        ORDER BY subject_type, subject, service, version DESC
        """,
        (society_id, month),
    )


def _kept_withdrawal(message: bytes, sha256: str, heard_order: int) -> KeptWithdrawal:
    return KeptWithdrawal(MonthlyWithdrawal.from_line(message), message, sha256, heard_order)


@dataclass(frozen=True, slots=True)
class Replaced:
    """The message that the newest one of a number took the place of."""

    subject_type: str
    subject: str
    service: str
    version: int
    quantity: Decimal | None
    """None: it was a withdrawal."""
    heard: int
    """What was entered up to here was known, in the order of entries."""
    number: MonthlyConsumption | None
    """None: it was a withdrawal."""


@translating
def replaced(conn: Connection, society_id: int, month: str) -> list[Replaced]:
    """Return of each number that was sent more than once the message before the newest one."""
    return all_rows(
        conn,
        _replaced,
        """
        SELECT subject_type, subject, service, version, quantity, heard, message FROM (
          SELECT subject_type, subject, service, version, quantity, heard, message,
                 row_number() OVER (PARTITION BY subject_type, subject, service
                                    ORDER BY version DESC) AS nth
          FROM (
            SELECT society_id, month, subject_type, subject, service, version, quantity,
                   heard_order AS heard, message
            FROM month_number
            UNION ALL
            SELECT society_id, month, subject_type, subject, service, version, NULL, heard_order,
                   NULL
            FROM month_withdrawal
          ) AS sent WHERE society_id = %s AND month = %s
        ) AS ranked WHERE nth = 2
        """,
        (society_id, month),
    )


def _replaced(*, message: bytes | None, **columns: Any) -> Replaced:
    number = None if message is None else MonthlyConsumption.from_line(message)
    return Replaced(number=number, **columns)


@translating
def current(conn: Connection, society_id: int, month: str) -> list[MonthlyConsumption]:
    """Return the numbers that the manifest of a month names; none for one that is open."""
    closed = manifest_of(conn, society_id, month)
    if closed is None:
        return []
    named = {(entry.subject, entry.service, entry.version) for entry in closed.entries}
    return [
        kept.number
        for kept in numbers(conn, society_id, month)
        if (kept.number.subject, kept.number.service, kept.number.version) in named
    ]


@translating
def version_floor(conn: Connection) -> int:
    """Return the least version that a number gets: above all that a restore has forgotten."""
    return int(scalar(conn, "SELECT version_floor FROM store"))


def kept_number(number: MonthlyConsumption, heard: int) -> KeptNumber:
    """Return a number as it is sent and kept, with the last entry that was known."""
    line = number.to_line()
    return KeptNumber(number, line, hashlib.sha256(line).hexdigest(), heard)


def kept_withdrawal(withdrawal: MonthlyWithdrawal, heard: int) -> KeptWithdrawal:
    """Return a withdrawal as it is sent and kept, with the last entry that was known."""
    line = withdrawal.to_line()
    return KeptWithdrawal(withdrawal, line, hashlib.sha256(line).hexdigest(), heard)


@translating
def add_numbers(conn: Connection, society_id: int, numbers: Iterable[KeptNumber]) -> None:
    """Keep numbers: ten thousand of them in one go. COPY takes no table with row security."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO month_number (society_id, month, subject_type, subject, service, version,
                                      quantity, quality, since, message, sha256, closed_at,
                                      heard_order)
            VALUES (%(society_id)s, %(month)s, %(subject_type)s, %(subject)s, %(service)s,
                    %(version)s, %(quantity)s, %(quality)s, %(since)s, %(message)s, %(sha256)s,
                    %(closed_at)s, %(heard)s)
            """,
            [
                {
                    **_named(society_id, kept.number),
                    "quantity": kept.number.quantity,
                    "quality": kept.number.quality.value,
                    "since": kept.number.since,
                    "message": kept.line,
                    "sha256": kept.sha256,
                    "heard": kept.heard,
                }
                for kept in numbers
            ],
        )


@translating
def add_withdrawals(
    conn: Connection, society_id: int, withdrawals: Iterable[KeptWithdrawal]
) -> None:
    """Keep withdrawals."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO month_withdrawal (society_id, month, subject_type, subject, service,
                                          version, message, sha256, closed_at, heard_order)
            VALUES (%(society_id)s, %(month)s, %(subject_type)s, %(subject)s, %(service)s,
                    %(version)s, %(message)s, %(sha256)s, %(closed_at)s, %(heard)s)
            """,
            [
                {
                    **_named(society_id, kept.withdrawal),
                    "message": kept.line,
                    "sha256": kept.sha256,
                    "heard": kept.heard,
                }
                for kept in withdrawals
            ],
        )


def _named(society_id: int, message: MonthlyConsumption | MonthlyWithdrawal) -> dict[str, object]:
    return {
        "society_id": society_id,
        "month": message.month,
        "subject_type": message.subject.type.value,
        "subject": message.subject.id,
        "service": message.service.value,
        "version": message.version,
        "closed_at": message.closed_at,
    }


@translating
def reconciliations(conn: Connection, society_id: int, month: str) -> list[Reconciliation]:
    """Return the reconciliations of a month."""
    return [each.message for each in kept_reconciliations(conn, society_id, month) if each.stands]


@translating
def reconciliation_lines(conn: Connection, society_id: int, month: str) -> list[bytes]:
    """Return the reconciliations of a month as they were sent, by tower."""
    found: list[bytes] = scalars(
        conn,
        """
        SELECT message FROM month_reconciliation
        WHERE society_id = %s AND month = %s AND NOT taken_back ORDER BY tower, service
        """,
        (society_id, month),
    )
    return found


@dataclass(frozen=True, slots=True)
class KeptReconciliation:
    """What was said last of a tower's balance."""

    message: Reconciliation
    stands: bool
    """False: it was taken back, since the tower had nothing to balance any more."""


@translating
def kept_reconciliations(conn: Connection, society_id: int, month: str) -> list[KeptReconciliation]:
    """Return what was said last of each tower of a month, also where it was taken back."""
    rows = conn.execute(
        """
        SELECT message, NOT taken_back FROM month_reconciliation
        WHERE society_id = %s AND month = %s
        """,
        (society_id, month),
    )
    return [KeptReconciliation(Reconciliation.from_line(line), stands) for line, stands in rows]


@translating
def put_reconciliation(
    conn: Connection, society_id: int, result: Reconciliation, *, stands: bool = True
) -> bytes:
    """Keep a reconciliation, or the word that took it back; return the bytes that are sent."""
    line = result.to_line()
    conn.execute(
        """
        INSERT INTO month_reconciliation (society_id, month, tower, service, message, closed_at,
                                          taken_back)
        VALUES (%(society_id)s, %(month)s, %(tower)s, %(service)s, %(message)s, %(closed_at)s,
                %(taken_back)s)
        ON CONFLICT (society_id, month, tower, service)
        DO UPDATE SET message = excluded.message, closed_at = excluded.closed_at,
                      taken_back = excluded.taken_back
        """,
        {
            "society_id": society_id,
            "month": result.month,
            "tower": result.tower,
            "service": result.service.value,
            "message": line,
            "closed_at": result.closed_at,
            "taken_back": not stands,
        },
    )
    return line
