# SPDX-License-Identifier: MIT
"""The channels of meters: which channel a column is, and what one connection knows of it.

`StoreCache` is what a connection has learnt, so that a busy ingest asks the database only about
what is new to it.

In: meters and their columns. Out: channel ids, added where they are new. Never: something cached
that no committed transaction vouches for, or that outlives its connection: a restored database has
other ids.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from cloud_ingest.core.known import ChannelKey
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.migrate import Store, open_store
from cloud_ingest.store.rows import all_rows, scalars
from shared_schema.catalogue import BILLED_REGISTER, Kind, Unit, quantity
from shared_schema.obis import Obis

_CODES = [str(code) for code in BILLED_REGISTER.values()]
_BILLED = (
    "SELECT channel_id FROM channel WHERE channel_id = ANY(%s::int[]) AND obis = ANY(%s::text[])"
)
MAX_KNOWN = 1_000_000
"""Channels that are kept in mind: some 300 MiB. With more it is forgotten and learnt again."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of a meter, with e of value = raw * 10^e in the unit of billing."""

    channel_id: int
    meter_id: int
    obis: str
    unit: int
    scaler: int
    weight: int
    """The raw value is a count of pulses times this; 1: it is what the meter says."""
    period_s: int


@dataclass(slots=True, repr=False)
class StoreCache:
    """What a connection knows of the store; an empty one is always right."""

    channels: dict[ChannelKey, tuple[int, int]] = field(default_factory=dict)
    """The id, and the shortest capture period in seconds (0: none)."""
    newest: dict[int, int] = field(default_factory=dict)
    """By channel: nothing later than this was stored over this connection; seconds since 1970."""
    registers: dict[int, bool] = field(default_factory=dict)
    """By channel: whether it shows a billed register."""
    months: set[date] | None = None
    """The months that have a partition; None: not asked yet."""
    evidence_months: set[date] = field(default_factory=set)
    """Months of receipt that have a partition of evidence."""
    store: Store | None = None
    """What the store says of itself; None: not asked yet."""
    streams: set[tuple[int, UUID]] = field(default_factory=set)
    """Gateway and stream: those that have a stored batch."""
    days: dict[int, date] = field(default_factory=dict)
    """The local day of a time, for the few times that a commit has."""

    def __repr__(self) -> str:
        return f"<StoreCache: {len(self.channels)} channels, newest of {len(self.newest)}>"

    def forget(self) -> None:
        """Know nothing: a transaction that taught something was undone."""
        self.channels.clear()
        self.newest.clear()
        self.registers.clear()
        self.days.clear()
        self.evidence_months.clear()
        self.streams.clear()
        self.months = self.store = None

    def store_of(self, conn: Connection) -> Store:
        """Return what the store says of itself, asked once.

        Raises:
            NotMigrated: there is no store, or it lacks a migration.
        """
        if self.store is None:
            self.store = open_store(conn)
        return self.store

    def registers_of(self, conn: Connection, channels: Collection[int]) -> list[int]:
        """Return those of the channels that show a billed register; each is asked for once."""
        if unknown := [each for each in channels if each not in self.registers]:
            billed = set(scalars(conn, _BILLED, (unknown, _CODES)))
            self.registers.update((each, each in billed) for each in unknown)
        return [channel_id for channel_id in channels if self.registers[channel_id]]

    def day(self, ts: int, zone: ZoneInfo) -> date:
        """Return the local day of a reading; the one at 00:00 closes the day before."""
        found = self.days.get(ts)
        if found is None:
            if len(self.days) > MAX_KNOWN // 10:
                self.days.clear()
            found = self.days[ts] = local_day(ts, zone)
        return found


def local_day(ts: int, zone: ZoneInfo) -> date:
    """Return the local day of a time in seconds since 1970; 00:00 belongs to the day before."""
    # In UTC: where the clocks go forward at midnight, there is no local 00:00 to go back from.
    return (datetime.fromtimestamp(ts, UTC) - timedelta(microseconds=1)).astimezone(zone).date()


@translating
def channels_of_meters(
    conn: Connection, meters: Collection[int], codes: Collection[str]
) -> list[Channel]:
    """Return the channels of meters that hold the given codes."""
    arguments = {"meters": sorted(meters), "codes": sorted(codes)}
    return all_rows(
        conn,
        Channel,
        """
        SELECT channel_id, meter_id, obis, unit, scaler, weight, period_s FROM channel
        WHERE meter_id = ANY(%(meters)s::int[]) AND obis = ANY(%(codes)s::text[])
        ORDER BY channel_id
        """,
        arguments,
    )


@translating
def ensure_channels(
    conn: Connection, wanted: Mapping[ChannelKey, int], cache: StoreCache | None = None
) -> dict[ChannelKey, int]:
    """Return the ids of channels, adding those that are new.

    Args:
        conn: The store, within the caller's transaction.
        wanted: Each channel and the capture period in seconds it was seen with, 0 for none;
            a channel keeps the shortest that was ever seen.
        cache: What need not be asked; it is added to.
    """
    known = {} if cache is None else cache.channels
    unsure = {
        key: period_s
        for key, period_s in wanted.items()
        if (found := known.get(key)) is None or _shorter(period_s, found[1])
    }
    if unsure:
        if cache is not None and len(known) > MAX_KNOWN:
            cache.forget()
            unsure = dict(wanted)
        known.update(_from_database(conn, unsure))
    return {key: known[key][0] for key in wanted}


def find_channels(
    conn: Connection, wanted: Collection[ChannelKey], cache: StoreCache
) -> set[ChannelKey]:
    """Learn which channels the store has, and return those that it has not."""
    found = _found(conn, _sorted(wanted))
    cache.channels.update(found)
    return set(wanted) - set(found)


def _from_database(
    conn: Connection, wanted: Mapping[ChannelKey, int]
) -> dict[ChannelKey, tuple[int, int]]:
    keys = _sorted(wanted)
    found: dict[ChannelKey, tuple[int, int]] = {}
    for attempt in range(2):
        found = _found(conn, keys)
        missing = [key for key in keys if key not in found]
        if not missing or attempt:
            break
        with conn.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO channel (meter_id, obis, unit, scaler, weight, kind, period_s)
                VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
                """,
                [(key[0], str(key[1]), *key[2:], _kind(key), wanted[key]) for key in missing],
            )
    shorter = sorted(
        (channel_id, wanted[key], key)
        for key, (channel_id, period_s) in found.items()
        if _shorter(wanted[key], period_s)
    )
    if shorter:
        with conn.cursor() as cursor:
            cursor.executemany(
                "UPDATE channel SET period_s = %s WHERE channel_id = %s",
                [(period_s, channel_id) for channel_id, period_s, _ in shorter],
            )
        found.update((key, (channel_id, period_s)) for channel_id, period_s, key in shorter)
    return found


def _sorted(keys: Collection[ChannelKey]) -> list[ChannelKey]:
    return sorted(keys, key=lambda key: (key[0], str(key[1]), *key[2:]))


def _found(conn: Connection, keys: Sequence[ChannelKey]) -> dict[ChannelKey, tuple[int, int]]:
    """Return the id and the capture period of those channels that the store has."""
    arguments = {
        "meters": [key[0] for key in keys],
        "codes": [str(key[1]) for key in keys],
        "units": [key[2] for key in keys],
        "scalers": [key[3] for key in keys],
        "weights": [key[4] for key in keys],
    }
    return {
        (meter_id, Obis.parse(obis), unit, scaler, weight): (channel_id, period_s)
        for meter_id, obis, unit, scaler, weight, channel_id, period_s in conn.execute(
            query("registry/channels_find"), arguments
        )
    }


def _shorter(period_s: int, than: int) -> bool:
    return bool(period_s) and (not than or period_s < than)


def _kind(key: ChannelKey) -> str:
    """Return the kind of a channel; when a maximum was reached is a time, no quantity."""
    _meter_id, obis, unit, _scaler, _weight = key
    known = quantity(obis)
    is_time = known is not None and unit == Unit.SECOND != known.unit
    return (Kind.STATUS if known is None or is_time else known.kind).value
