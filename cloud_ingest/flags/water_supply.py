# SPDX-License-Identifier: MIT
"""The hours in which towers have water: as people entered them, else as bulk meters show them.

A person's entry for a tower comes before one for its society, and both before its bulk meters.
Where none of them says anything, each meter's own register does (`core.rules.water.state`).

In: towers. Out: their plans, and who says them. Never: a judgement.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import midnight
from cloud_ingest.core.rules.water.course import unpacked
from cloud_ingest.core.rules.water.supply import Supply, SupplySource
from cloud_ingest.core.rules.water.supply_bulk import BulkSupply
from cloud_ingest.core.rules.water.supply_plan import Plan, SupplyFrom, bulk_plan, first_of
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.supply_entries import (
    SupplyEntry,
    Tower,
    bulk_states,
    supply_entries,
    towers_with_water,
)

Entries = Mapping[Tower, list[SupplyEntry]]


@dataclass(frozen=True, slots=True)
class SupplySaid:
    """What holds of a tower's hours with supply, from a day on."""

    tower: str
    since: date | None
    """None: at any time."""
    supply: Supply | None
    """None: what each meter's own register shows."""
    entry: SupplyEntry | None
    """The entry that says so; None: no person does."""


def supply_plans(
    conn: Connection, towers: Collection[Tower], rules: str, zone: ZoneInfo, now: datetime
) -> dict[Tower, Plan]:
    """Return the plan of each of some towers.

    Args:
        conn: The store.
        towers: Each once.
        rules: Whose states of bulk meters count.
        zone: A day of an entry begins at its midnight.
        now: The time: which bulk meters there are.
    """
    entries = _entries(conn, {each.society_id for each in towers})
    bulks: dict[Tower, list[Plan]] = defaultdict(list)
    for society_id, tower, state in bulk_states(conn, towers, rules, now):
        bulks[Tower(society_id, tower)].append(plan_of_bulk(state or b""))
    return {
        each: first_of(
            [
                *(_entered(entries.get(scope, ()), zone) for scope in _scopes(each)),
                bulk_plan(bulks.get(each, ())),
            ]
        )
        for each in towers
    }


def plan_of_bulk(state: bytes) -> Plan:
    """Return what a bulk meter has shown; of no bytes nothing."""
    memory = unpacked(state).memory
    return memory.plan if isinstance(memory, BulkSupply) else ()


def supply_of_towers(
    conn: Connection, society_id: int, rules: str, zone: ZoneInfo, now: datetime
) -> Iterator[SupplySaid]:
    """Yield what holds of each tower of a society that has water meters, by tower and day."""
    towers = [Tower(society_id, name) for name in towers_with_water(conn, society_id, now)]
    entries = _entries(conn, {society_id})
    for tower, plan in supply_plans(conn, towers, rules, zone, now).items():
        name = tower.tower or ""
        if not plan:
            yield SupplySaid(name, None, None, None)
        for each in plan:
            day = datetime.fromtimestamp(each.since_s, UTC).astimezone(zone).date()
            is_entered = each.supply is not None and each.supply.source is SupplySource.ENTERED
            entry = _entry_at(entries, tower, day) if is_entered else None
            yield SupplySaid(name, day, each.supply, entry)


def _entries(conn: Connection, societies: Collection[int]) -> Entries:
    """Return the entries of each tower and society, ascending."""
    entries: dict[Tower, list[SupplyEntry]] = defaultdict(list)
    for entry in supply_entries(conn, societies):
        entries[Tower(entry.society_id, entry.tower)].append(entry)
    return entries


def _scopes(tower: Tower) -> tuple[Tower, Tower]:
    """Return of what an entry may be that holds for a tower; the first comes before the second."""
    return tower, Tower(tower.society_id, None)


def _entered(entries: Iterable[SupplyEntry], zone: ZoneInfo) -> Plan:
    return tuple(
        SupplyFrom(int(midnight(each.valid_from, zone).timestamp()), each.supply)
        for each in entries
    )


def _entry_at(entries: Entries, tower: Tower, day: date) -> SupplyEntry | None:
    """Return the entry that names the hours of a tower on a day."""
    for scope in _scopes(tower):
        until = [each for each in entries.get(scope, ()) if each.valid_from <= day]
        if until and until[-1].hours is not None:
            return until[-1]
    return None
