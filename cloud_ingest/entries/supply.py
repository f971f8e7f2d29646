# SPDX-License-Identifier: MIT
"""The hours in which a tower has water, as a person enters them.

They are believed before what the tower's bulk meter or a flat's own meter shows, from a day on and
until the next entry. What was judged beyond that day is judged again.

In: a tower or a whole society, hours, a day, who says so and why. Out: a row of ``supply_entry``,
and how many meters are judged again. Never: a changed row; of one tower and day the newest holds.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from cloud_ingest.core.month import midnight
from cloud_ingest.core.rules.water.supply import Supply
from cloud_ingest.core.typed_text import remark
from cloud_ingest.errors import NotFound, SupplyRefused
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.locks import Lock, lock_in_transaction
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.supply_entries import (
    SupplyEntry,
    Tower,
    mark_supplied,
    store_supply,
    towers_with_water,
)

LEARNT: Final = "learnt"
"""Instead of hours: the meters show them."""
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)


@dataclass(frozen=True, slots=True)
class SupplyEntered:
    """What was recorded."""

    supply: Supply | None
    """None: from that day on the meters show it."""
    judged_again: int
    """Meters that were judged beyond that day."""


@translating
def enter_supply(
    conn: Connection,
    society: str,
    tower: str | None,
    hours: str,
    *,
    valid_from: date,
    by: str,
    reason: str,
    now: datetime,
) -> SupplyEntered:
    """Record in which hours a tower has water.

    Args:
        conn: The store.
        society: The society's name.
        tower: Which tower; None: each that has no entry of its own.
        hours: Such as ``06:00-09:00 18:00-20:00``, ``all day``, or ``learnt``.
        valid_from: The first day of which it is said.
        by: Who says so.
        reason: Why.
        now: The time.

    Raises:
        SupplyRefused: these are no hours, or it is no day of a meter.
        NotFound: no such society, or it has no such tower with water meters.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    supply = _supply(hours)
    if not FIRST_DAY <= valid_from <= LAST_DAY:
        raise SupplyRefused(f"--from {valid_from} is not within {FIRST_DAY} to {LAST_DAY}")
    towers = towers_with_water(conn, society_id, now)
    if tower is not None and tower not in towers:
        known = ", ".join(map(repr, towers)) or "none"
        raise NotFound(f"{society} has no tower {tower!r} with water meters: it has {known}")
    entry = SupplyEntry(
        society_id,
        tower,
        valid_from,
        None if supply is None else sorted(supply.hours),
        remark(by, "--by"),
        remark(reason, "--reason"),
        now,
    )
    since_s = int(midnight(valid_from, store.zone).timestamp())
    with conn.transaction():
        lock_in_transaction(conn, Lock.RULES)
        store_supply(conn, entry)
        judged_again = mark_supplied(conn, Tower(society_id, tower), since_s, now)
    return SupplyEntered(supply, judged_again)


def _supply(hours: str) -> Supply | None:
    if hours.strip() == LEARNT:
        return None
    try:
        return Supply.parse(hours)
    except ValueError as error:
        raise SupplyRefused(f"{error}; or say 'all day', or '{LEARNT}'") from None
