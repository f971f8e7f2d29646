# SPDX-License-Identifier: MIT
"""What people and bulk meters say of the hours in which a tower has water.

In: towers. Out: entries, the states of bulk meters, registers that the rules look at again. Owns:
the table ``supply_entry``. Never: a changed row; of one tower and day the newest entry holds.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from cloud_ingest.core.rules.water.supply import Supply
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.rows import all_rows, scalar
from shared_schema.catalogue import WATER_VOLUME


class Tower(NamedTuple):
    """A tower of a society; None: all of them, or a meter outside of any."""

    society_id: int
    tower: str | None


@dataclass(frozen=True, slots=True)
class SupplyEntry:
    """What a person said."""

    society_id: int
    tower: str | None
    """None: of each tower that has no entry of its own."""
    valid_from: date
    hours: list[int] | None
    """None: from then on the meters show it."""
    author: str
    reason: str
    recorded_at: datetime

    @property
    def supply(self) -> Supply | None:
        """The hours as the rules know them."""
        return None if self.hours is None else Supply(frozenset(self.hours))


class BulkState(NamedTuple):
    """What the rules remember of a bulk meter."""

    society_id: int
    tower: str
    state: bytes | None
    """None: nothing of these rules."""


@translating
def supply_entries(conn: Connection, societies: Collection[int]) -> list[SupplyEntry]:
    """Return the entries of societies that hold, by day."""
    return all_rows(
        conn,
        SupplyEntry,
        """
        SELECT DISTINCT ON (valid_from, society_id, tower)
               society_id, tower, valid_from, hours, author, reason, recorded_at
        FROM supply_entry WHERE society_id = ANY(%s::int[])
        ORDER BY valid_from, society_id, tower, supply_entry_id DESC
        """,
        (list(societies),),
    )


@translating
def store_supply(conn: Connection, entry: SupplyEntry) -> None:
    """Remember what a person said."""
    conn.execute(
        """
        INSERT INTO supply_entry
          (society_id, tower, valid_from, hours, author, reason, recorded_at)
        VALUES (%s, %s, %s, %s::int[], %s, %s, %s)
        """,
        (
            entry.society_id,
            entry.tower,
            entry.valid_from,
            entry.hours,
            entry.author,
            entry.reason,
            entry.recorded_at,
        ),
    )


@translating
def bulk_states(
    conn: Connection, towers: Collection[Tower], rules: str, now: datetime
) -> list[BulkState]:
    """Return what the rules remember of the bulk water meters of towers."""
    named = [each for each in towers if each.tower is not None]
    arguments = {
        "societies": [each.society_id for each in named],
        "towers": [each.tower for each in named],
        "obis": str(WATER_VOLUME),
        "rules": rules,
        "now": now,
    }
    return all_rows(conn, BulkState, query("flag/supply_bulks"), arguments, binary=True)


@translating
def mark_supplied(conn: Connection, tower: Tower, since_s: int, now: datetime) -> int:
    """Let the water registers of a tower be judged again, within a transaction with `Lock.RULES`.

    Args:
        conn: The store.
        tower: Whose hours are others.
        since_s: From when on, in seconds since 1970.
        now: The time: whom a register serves then.

    Returns:
        How many registers were judged beyond that time, and will be again.
    """
    arguments = {**tower._asdict(), "since": since_s, "now": now}
    return int(scalar(conn, query("flag/mark_supplied"), arguments))


@translating
def towers_with_water(conn: Connection, society_id: int, now: datetime) -> list[str]:
    """Return the towers of a society that have water meters now."""
    rows = conn.execute(
        """
        SELECT DISTINCT tower FROM assignment
        WHERE society_id = %s AND service = 'water' AND tower IS NOT NULL
          AND valid_from <= %s AND (valid_to IS NULL OR valid_to > %s)
        ORDER BY tower
        """,
        (society_id, now, now),
    )
    return [tower for (tower,) in rows]
