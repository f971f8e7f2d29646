# SPDX-License-Identifier: MIT
"""What came in without a meter, as persons entered it.

In: a society. Out: entries as they hold, and all that was said of them. Owns: the table
``hand_entry``. Never: a changed row; of one number the newest word holds.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, scalar


@dataclass(frozen=True, slots=True)
class HandEntry:
    """One word of a person."""

    number: int
    tower: str | None
    """None: of the whole society."""
    source: str
    at: datetime
    amount: Decimal | None
    """kL; of a generator, hours; None: the entry is taken back."""
    author: str
    reason: str
    recorded_at: datetime


@translating
def hand_entries(
    conn: Connection, society_id: int, start: datetime, end: datetime
) -> list[HandEntry]:
    """Return what holds of a stretch, without what was taken back: after its start, to its end."""
    return all_rows(
        conn,
        HandEntry,
        """
        SELECT number, tower, source, at, amount, author, reason, recorded_at FROM (
          SELECT DISTINCT ON (number) * FROM hand_entry WHERE society_id = %s
          ORDER BY number, hand_entry_id DESC
        ) AS newest
        WHERE amount IS NOT NULL AND at > %s AND at <= %s
        ORDER BY at, number
        """,
        (society_id, start, end),
    )


@translating
def words_of(conn: Connection, society_id: int, number: int) -> list[HandEntry]:
    """Return all that was said of one number, the newest last."""
    return all_rows(
        conn,
        HandEntry,
        """
        SELECT number, tower, source, at, amount, author, reason, recorded_at FROM hand_entry
        WHERE society_id = %s AND number = %s ORDER BY hand_entry_id
        """,
        (society_id, number),
    )


@translating
def last_number(conn: Connection, society_id: int) -> int:
    """Return the number of a society's newest entry; 0: it has none."""
    return int(
        scalar(
            conn,
            "SELECT coalesce(max(number), 0) FROM hand_entry WHERE society_id = %s",
            (society_id,),
        )
    )


@translating
def add_hand_entry(conn: Connection, society_id: int, entry: HandEntry) -> None:
    """Remember what a person said."""
    conn.execute(
        """
        INSERT INTO hand_entry (
          number, society_id, tower, source, at, amount, author, reason, recorded_at)
        VALUES (
          %(number)s, %(society_id)s, %(tower)s, %(source)s, %(at)s, %(amount)s, %(author)s,
          %(reason)s, %(recorded_at)s)
        """,
        {"society_id": society_id, **asdict(entry)},
    )


@translating
def towers_of(conn: Connection, society_id: int) -> list[str]:
    """Return the towers of a society, as its list of units has them."""
    rows = conn.execute(
        """
        SELECT DISTINCT tower FROM assignment
        WHERE society_id = %s AND tower IS NOT NULL ORDER BY tower
        """,
        (society_id,),
    )
    return [tower for (tower,) in rows]
