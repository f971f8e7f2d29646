# SPDX-License-Identifier: MIT
"""How far the run of the month is, and what has come since.

In: societies and months. Out: what a turn had seen, and what there is now. Owns: ``month_touch``
and ``month_run``. Never: a decision.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.rows import all_rows, scalar, scalars

DAYS_AFTER = timedelta(days=2)
"""So long after its end a reading may still change what a month closed with."""


@dataclass(frozen=True, slots=True)
class LastTurn:
    """The last turn of the run at a month."""

    looked: Mapping[str, Any]
    """What it had seen."""
    entry_order: int
    """The last entry of persons that it had seen."""
    turned_at: datetime
    refused: str | None
    """Why the month could not be closed; None: it was."""


@translating
def touch_months(conn: Connection, changed: Mapping[date, Collection[int]], today: date) -> None:
    """Note which months that have ended may be others now, by the days of channels that changed."""
    touched: dict[str, set[int]] = {}
    for day, channels in changed.items():
        for first in {day.replace(day=1), (day - DAYS_AFTER).replace(day=1)}:
            if first < today.replace(day=1):
                touched.setdefault(f"{first:%Y-%m}", set()).update(channels)
    for month, own in sorted(touched.items()):
        conn.execute(
            """
            INSERT INTO month_touch (society_id, month, touch)
            SELECT DISTINCT society_id, %s, 1 FROM channel JOIN meter USING (meter_id)
            WHERE channel_id = ANY(%s)
            ORDER BY society_id
            ON CONFLICT (society_id, month) DO UPDATE SET touch = month_touch.touch + 1
            """,
            (month, sorted(own)),
        )


@translating
def touch_of(conn: Connection, society_id: int, month: str) -> int:
    """Return how often something came of a month after its end; 0: never."""
    found: int | None = scalar(
        conn,
        "SELECT touch FROM month_touch WHERE society_id = %s AND month = %s",
        (society_id, month),
    )
    return found or 0


@translating
def last_turn(conn: Connection, society_id: int, month: str) -> LastTurn | None:
    """Return the last turn of the run at a month; None: there was none."""
    found = all_rows(
        conn,
        LastTurn,
        """
        SELECT looked, entry_order, turned_at, refused FROM month_run
        WHERE society_id = %s AND month = %s
        """,
        (society_id, month),
    )
    return found[0] if found else None


@translating
def put_turn(conn: Connection, society_id: int, month: str, turn: LastTurn) -> None:
    """Note a turn of the run."""
    conn.execute(
        """
        INSERT INTO month_run (society_id, month, looked, entry_order, turned_at, refused)
        VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (society_id, month) DO UPDATE
        SET looked = excluded.looked, entry_order = excluded.entry_order,
            turned_at = excluded.turned_at, refused = excluded.refused
        """,
        (
            society_id,
            month,
            Jsonb(dict(turn.looked)),
            turn.entry_order,
            turn.turned_at,
            turn.refused,
        ),
    )


@translating
def societies(conn: Connection) -> list[tuple[int, str]]:
    """Return every society, by its number."""
    return list(conn.execute("SELECT society_id, name FROM society ORDER BY society_id"))


@translating
def months_read(conn: Connection, society_id: int, months: Collection[date]) -> list[date]:
    """Return in which of some months a meter of a society was read, by itself or by a person."""
    return scalars(
        conn,
        """
        SELECT month FROM unnest(%(months)s::date[]) AS wanted (month)
        WHERE EXISTS (
          SELECT FROM months_between(wanted.month, wanted.month) AS read
          JOIN channel USING (channel_id) JOIN meter USING (meter_id)
          WHERE society_id = %(society_id)s
        )
        ORDER BY month
        """,
        {"society_id": society_id, "months": sorted(months)},
    )


@translating
def database_time(conn: Connection) -> datetime:
    """Return what time it is for the database."""
    found: datetime = scalar(conn, "SELECT clock_timestamp()")
    return found
