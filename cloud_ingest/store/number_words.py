# SPDX-License-Identifier: MIT
"""What waits for a person among the numbers of closed months, and what persons said.

In: a society and a month. Out: doubts, words on quantities, and what persons entered of meters.
Owns: the tables ``month_doubt``, ``number_word`` and ``month_look``. Never: a changed word.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.catalogue import Service
from shared_schema.quality import Reason

DoubtKind = Literal["held", "doubted", "kept"]
"""``kept`` waits for nobody: a person said that the published number stands."""
WordKind = Literal["accept", "keep"]


class NumberKey(NamedTuple):
    """A subject and its service, as a published number names them."""

    subject_type: str
    subject: str
    service: Service


@dataclass(frozen=True, slots=True)
class Doubt:
    """A change that is held, or a quantity that is not published, and why."""

    month: str
    key: NumberKey
    kind: DoubtKind
    version: int | None
    """That stands; None: none does."""
    quantity: Decimal | None
    """What it would become; None: it would be withdrawn."""
    reasons: tuple[Reason, ...]
    linked: str
    """The same for subjects whose changes go together."""
    since: datetime


@dataclass(frozen=True, slots=True)
class NumberWord:
    """What a person says of a quantity of a month."""

    month: str
    key: NumberKey
    kind: WordKind
    quantity: Decimal | None
    """None: that the number is withdrawn."""
    author: str
    reason: str
    recorded_at: datetime
    entry_order: int = 0
    """Its place in the order of entries, which the store gives it."""


class Act(NamedTuple):
    """What a person entered of a meter."""

    manufacturer: str
    serial: str
    what: str
    author: str | None
    reason: str | None
    recorded_at: datetime
    first_at: datetime
    """The time of which it is."""
    last_at: datetime | None
    """None: it is of all that follows."""
    subject_type: str | None = None
    subject: str | None = None
    """Of an assignment: whom the meter serves by it, or did before; None: it is of the meter."""
    entry_order: int = 0
    """Its place in the order of entries."""


@translating
def doubts(conn: Connection, society_id: int, month: str | None = None) -> list[Doubt]:
    """Return what waits for a person in a month, or in all closed months."""
    return all_rows(
        conn,
        _doubt,
        """
        SELECT month, subject_type, subject, service, kind, version, quantity, reasons, linked,
               since
        FROM month_doubt
        WHERE society_id = %s AND (%s::text IS NULL OR month = %s)
        ORDER BY month, subject_type DESC, subject, service
        """,
        (society_id, month, month),
    )


@translating
def count_doubted(conn: Connection, society_id: int, month: str) -> int:
    """Return how many numbers of a month are in doubt, and nobody accepted them."""
    return int(
        scalar(
            conn,
            """
            SELECT count(*) FROM month_doubt
            WHERE society_id = %s AND month = %s AND kind = 'doubted'
            """,
            (society_id, month),
        )
    )


def _doubt(
    *, subject_type: str, subject: str, service: str, reasons: Sequence[str], **columns: Any
) -> Doubt:
    key = NumberKey(subject_type, subject, Service(service))
    return Doubt(key=key, reasons=tuple(map(Reason, reasons)), **columns)


@translating
def put_doubts(conn: Connection, society_id: int, month: str, found: Iterable[Doubt]) -> None:
    """Let these be what waits for a person in a month; what was there before is forgotten."""
    conn.execute(
        "DELETE FROM month_doubt WHERE society_id = %s AND month = %s", (society_id, month)
    )
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO month_doubt (society_id, month, subject_type, subject, service, kind,
                                     version, quantity, reasons, linked, since)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            [
                (
                    society_id,
                    month,
                    *each.key,
                    each.kind,
                    each.version,
                    each.quantity,
                    list(each.reasons),
                    each.linked,
                    each.since,
                )
                for each in found
            ],
        )


@translating
def number_words(conn: Connection, society_id: int, month: str) -> list[NumberWord]:
    """Return what persons said of a month's quantities, the oldest first."""
    return all_rows(
        conn,
        _word,
        """
        SELECT month, subject_type, subject, service, kind, quantity, author, reason, recorded_at,
               entry_order
        FROM number_word WHERE society_id = %s AND month = %s
        ORDER BY number_word_id
        """,
        (society_id, month),
    )


def _word(*, subject_type: str, subject: str, service: str, **columns: Any) -> NumberWord:
    return NumberWord(key=NumberKey(subject_type, subject, Service(service)), **columns)


@translating
def kept_numbers(conn: Connection, society_id: int, month: str) -> set[NumberKey]:
    """Return of whose numbers of a month a person once said that they stand."""
    rows = conn.execute(
        """
        SELECT DISTINCT subject_type, subject, service FROM number_word
        WHERE society_id = %s AND month = %s AND kind = 'keep'
        """,
        (society_id, month),
    )
    return {NumberKey(kind, subject, Service(service)) for kind, subject, service in rows}


@translating
def add_word(conn: Connection, society_id: int, word: NumberWord) -> None:
    """Remember what a person says of a quantity."""
    conn.execute(
        """
        INSERT INTO number_word (society_id, month, subject_type, subject, service, kind, quantity,
                                 author, reason, recorded_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            society_id,
            word.month,
            *word.key,
            word.kind,
            word.quantity,
            word.author,
            word.reason,
            word.recorded_at,
        ),
    )


def accepted_quantities(words: Iterable[NumberWord]) -> dict[NumberKey, frozenset[Decimal]]:
    """Return the quantities that persons accepted, by subject; pure.

    Of one quantity the newest word counts.
    """
    newest = {(each.key, each.quantity): each.kind for each in words}
    found: dict[NumberKey, frozenset[Decimal]] = {}
    for (key, quantity), kind in newest.items():
        if kind == "accept" and quantity is not None:
            found[key] = found.get(key, frozenset()) | {quantity}
    return found


@translating
def lock_entries(conn: Connection) -> None:
    """Wait for what persons are entering; until the transaction ends nothing more is entered.

    An entry has its place in the order before it is committed. As the first statement of a
    snapshot, this lets the snapshot see every entry up to `last_entry`.
    """
    conn.execute(
        """
        LOCK TABLE ruling, self_read, epoch, dial_reading, assignment_version, number_word
        IN SHARE MODE
        """
    )


@translating
def last_entry(conn: Connection) -> int:
    """Return the place of the last entry that is seen, in the order of entries."""
    return int(scalar(conn, query("month/last_entry")))


@translating
def acts(conn: Connection, society_id: int, since: int) -> list[Act]:
    """Return what persons entered of a society's meters after another entry, the oldest first."""
    return all_rows(conn, Act, query("month/acts"), {"society_id": society_id, "since": since})


@translating
def heard_order(conn: Connection, society_id: int, month: str) -> int:
    """Return up to which entry what persons entered has been in a closing of a month."""
    found: int | None = scalar(
        conn,
        "SELECT heard_order FROM month_look WHERE society_id = %s AND month = %s",
        (society_id, month),
    )
    return 0 if found is None else found


@translating
def put_look(conn: Connection, society_id: int, month: str, entry: int) -> None:
    """Note that what persons entered up to an entry has been in a closing of a month."""
    conn.execute(
        """
        INSERT INTO month_look (society_id, month, heard_order) VALUES (%s, %s, %s)
        ON CONFLICT (society_id, month) DO UPDATE SET heard_order = excluded.heard_order
        """,
        (society_id, month, entry),
    )
