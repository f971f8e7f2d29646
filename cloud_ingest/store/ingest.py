# SPDX-License-Identifier: MIT
"""Store what was accepted, and keep apart what was not: one transaction for many messages.

In: verdicts of `accept`. Out: what changed. It owns the tables of evidence (batch, block),
readings, claims and elections, and adds to channels, dirty days, meters' events and the
quarantine.

The same again changes nothing. Another claim for the same (channel, ts) is kept beside the
elected reading; it takes its place only where its origin is better (`Origin` in the order of
its members), which is written down. Everything is locked in the same order by every worker:
batches by stream and number, channels and readings by key.

Never: a row that is overwritten without its former self in ``claim``.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from cloud_ingest.accept import Accepted, AcceptedBlock, Refused
from cloud_ingest.store.chain import broken_links
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.kept import Kept
from cloud_ingest.store.meter_events import store_meter_events
from shared_schema.catalogue import Kind, Unit, quantity
from shared_schema.obis import Obis
from shared_schema.quality import Origin
from shared_schema.readings import Column

ORIGIN_NUMBERS: dict[Origin, int] = {origin: number for number, origin in enumerate(Origin)}
ORIGINS: tuple[Origin, ...] = tuple(Origin)

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = struct.pack(">h", -1)
_PG_EPOCH_S = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())
_ROW = struct.Struct(">h ii iq iq iq ih")
_ROW_NO_STATUS = struct.Struct(">h ii iq iq i ih")

ChannelKey = tuple[int, str, int, int, int]
"""Meter id, OBIS, unit, scaler, pulse weight."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that has something new or repeated to be receipted."""

    gateway_id: int
    gateway: str
    stream: UUID


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What a commit did."""

    streams: frozenset[Stream] = frozenset()
    batches: int = 0
    """Stored now; a repeated batch does not count."""
    new: int = 0
    duplicates: int = 0
    conflicts: int = 0
    """Other claims for a stored (channel, ts)."""
    quarantined: int = 0
    """Rows added to the quarantine; what was there already does not count."""


@dataclass(frozen=True, slots=True)
class NewReading:
    """One reading on its way into the store."""

    channel_id: int
    ts: int
    """Seconds since 1970."""
    raw: int
    status: int | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of readings."""

    new: int = 0
    duplicates: int = 0
    conflicts: int = 0


@translating
def commit(
    conn: Connection, deliveries: Sequence[Accepted | Refused], *, replay: bool = False
) -> CommitResult:
    """Store deliveries in one transaction.

    Args:
        conn: The store.
        deliveries: What `accept` made of the messages.
        replay: The batches are stored already and only the rows of their blocks are new:
            what a replay from quarantine does with `examine`.

    Returns:
        What changed; the streams of every verified batch that the store now holds, also of
        repeated ones, because their receipt may have been lost.

    Raises:
        StoreUnavailable: nothing was stored; the same deliveries may come again.
        NotStorable: the database refuses a value; nothing was stored.
    """
    accepted = sorted(
        (delivery for delivery in deliveries if isinstance(delivery, Accepted)),
        key=lambda a: (a.gateway.gateway_id, a.batch.header.stream.bytes, a.batch.header.seq),
    )
    kept = Kept()
    for refused in deliveries:
        if isinstance(refused, Refused):
            kept.refused(refused)
    with conn.transaction():
        fresh, batch_ids = _store_batches(conn, accepted, kept)
        stored_blocks = [
            delivery
            for delivery in accepted
            if id(delivery) in fresh or (replay and id(delivery) in batch_ids)
        ]
        _store_blocks(conn, [a for a in stored_blocks if id(a) in fresh], batch_ids)
        for delivery in stored_blocks:
            kept.rejections(delivery, batch_ids[id(delivery)])
        readings = _store_rows(conn, stored_blocks)
        store_meter_events(conn, stored_blocks)
        quarantined = kept.store(conn)
    return CommitResult(
        streams=frozenset(
            Stream(a.gateway.gateway_id, a.gateway.name, a.batch.header.stream)
            for a in accepted
            if id(a) in batch_ids
        ),
        batches=len(fresh),
        new=readings.new,
        duplicates=readings.duplicates,
        conflicts=readings.conflicts,
        quarantined=quarantined,
    )


@translating
def store_readings(
    conn: Connection, readings: Iterable[NewReading], *, source: str, at: datetime
) -> Stored:
    """Store readings that no batch carries (a dial, an edit), by the same election.

    Args:
        conn: The store, within the caller's transaction.
        readings: What is claimed.
        source: Who claims it, for the audit.
        at: When it was received.
    """
    rows = [(r.channel_id, r.ts, ORIGIN_NUMBERS[r.origin], r.raw, r.status) for r in readings]
    with conn.transaction():
        return _store_packed(conn, rows, source, at)


@translating
def ensure_channels(conn: Connection, wanted: Mapping[ChannelKey, int]) -> dict[ChannelKey, int]:
    """Return the ids of channels, adding those that are new.

    Args:
        conn: The store, within the caller's transaction.
        wanted: Each channel and the capture period in seconds it was seen with, 0 for none;
            a channel keeps the shortest that was ever seen.
    """
    keys = sorted(wanted)
    arguments = {
        "meters": [key[0] for key in keys],
        "codes": [key[1] for key in keys],
        "units": [key[2] for key in keys],
        "scalers": [key[3] for key in keys],
        "weights": [key[4] for key in keys],
    }
    known: dict[ChannelKey, tuple[int, int]] = {}
    for attempt in range(2):
        rows = conn.execute(query("channels_find"), arguments).fetchall()
        known = {(row[0], row[1], row[2], row[3], row[4]): (row[5], row[6]) for row in rows}
        missing = [key for key in keys if key not in known]
        if not missing or attempt:
            break
        with conn.cursor() as cursor:
            cursor.executemany(
                query("channel_make"), [(*key, _kind(key), wanted[key]) for key in missing]
            )
    shorter = sorted(
        (channel_id, wanted[key])
        for key, (channel_id, period_s) in known.items()
        if wanted[key] and (not period_s or wanted[key] < period_s)
    )
    if shorter:
        with conn.cursor() as cursor:
            cursor.executemany(query("channel_period"), shorter)
    return {key: channel_id for key, (channel_id, _) in known.items()}


def _kind(key: ChannelKey) -> str:
    """Return the kind of a channel; when a maximum was reached is a time, no quantity."""
    _meter_id, obis, unit, _scaler, _weight = key
    known = quantity(Obis.parse(obis))
    is_time = known is not None and unit == Unit.SECOND != known.unit
    return (Kind.STATUS if known is None or is_time else known.kind).value


def _store_batches(
    conn: Connection, accepted: Sequence[Accepted], kept: Kept
) -> tuple[set[int], dict[int, int]]:
    """Add the headers; return which deliveries are fresh, and the batch id of each stored one.

    Both go by ``id(delivery)``. Another batch under a number that is taken is a fork. One that
    does not fit its neighbours is stored, because it is signed, and its link is kept apart.
    """
    first: dict[tuple[int, UUID, int], Accepted] = {}
    for delivery in accepted:
        first.setdefault(_batch_key(delivery), delivery)
    if not first:
        return set(), {}
    arguments = {
        "gateways": [key[0] for key in first],
        "streams": [key[1] for key in first],
        "seqs": [key[2] for key in first],
        "headers": [a.batch.header_line for a in first.values()],
        "hashes": [bytes.fromhex(a.batch.header_hash) for a in first.values()],
        "previous": [
            None if (p := a.batch.header.previous) is None else bytes.fromhex(p)
            for a in first.values()
        ],
        "signatures": [a.batch.signature_line for a in first.values()],
        "received": [a.received_at for a in first.values()],
    }
    made = {
        (row[1], row[2], row[3])
        for row in conn.execute(query("batches_make"), arguments, binary=True)
    }
    stored = {
        (row[1], row[2], row[3]): (row[0], row[4])
        for row in conn.execute(query("batches_find"), arguments, binary=True)
    }
    fresh = {id(first[key]) for key in made}
    batch_ids: dict[int, int] = {}
    for delivery in accepted:
        batch_id, stored_hash = stored[_batch_key(delivery)]
        if stored_hash == bytes.fromhex(delivery.batch.header_hash):
            batch_ids[id(delivery)] = batch_id
        else:
            kept.fork(delivery)
    gateways = {delivery.gateway.gateway_id: delivery.gateway for delivery in accepted}
    at = max(delivery.received_at for delivery in accepted)
    for link in broken_links(conn, made):
        kept.broken_link(link, gateways[link.gateway_id], at)
    return fresh, batch_ids


def _batch_key(delivery: Accepted) -> tuple[int, UUID, int]:
    header = delivery.batch.header
    return (delivery.gateway.gateway_id, header.stream, header.seq)


def _store_blocks(
    conn: Connection, fresh: Sequence[Accepted], batch_ids: Mapping[int, int]
) -> None:
    if not fresh:
        return
    with conn.cursor() as cursor, cursor.copy(query("blocks_copy")) as copy:
        copy.set_types(["int8", "int2", "int4", "bytea"])
        for delivery in fresh:
            meters = {block.ordinal: block.meter_id for block in delivery.blocks}
            meters.update((block.ordinal, block.meter_id) for block in delivery.events)
            for ordinal, line in enumerate(delivery.batch.block_lines):
                copy.write_row((batch_ids[id(delivery)], ordinal, meters.get(ordinal), line))


def _store_rows(conn: Connection, deliveries: Sequence[Accepted]) -> Stored:
    blocks = [block for delivery in deliveries for block in delivery.blocks]
    if not blocks:
        return Stored()
    wanted: dict[ChannelKey, int] = {}
    for block in blocks:
        for column in block.columns:
            key = _key(block, column)
            periods = [period for period in (wanted.get(key, 0), block.period_s) if period]
            wanted[key] = min(periods, default=0)
    channels = ensure_channels(conn, wanted)
    rows = [row for block in blocks for row in _rows_of(block, channels)]
    at = max(delivery.received_at for delivery in deliveries)
    gateways = sorted({delivery.gateway.name for delivery in deliveries})
    stored = _store_packed(conn, rows, f"gateway {', '.join(gateways)}", at)
    newest: dict[int, int] = {}
    for block in blocks:
        said = [row[0] or 0 for row in block.rows if any(raw is not None for raw in row[2:])]
        newest[block.meter_id] = max(newest.get(block.meter_id, 0), *said, 0)
    conn.execute(
        query("meters_heard"), {"meters": list(newest), "times": list(map(float, newest.values()))}
    )
    return stored


def _key(block: AcceptedBlock, column: Column) -> ChannelKey:
    return block.meter_id, str(column.obis), column.unit, column.scaler, column.weight


_PackedRow = tuple[int, int, int, int, int | None]
"""Channel id, seconds since 1970, origin, raw, status."""


def _rows_of(block: AcceptedBlock, channels: Mapping[ChannelKey, int]) -> Iterable[_PackedRow]:
    origin = ORIGIN_NUMBERS[Origin.METER]
    ids = [channels[_key(block, column)] for column in block.columns]
    for ts, status, *values in block.rows:
        if ts is None:
            continue  # `accept` lets none through
        for channel_id, raw in zip(ids, values, strict=True):
            if raw is not None:
                yield channel_id, ts, origin, raw, status


def _store_packed(
    conn: Connection, rows: Sequence[_PackedRow], source: str, at: datetime
) -> Stored:
    """Copy rows to a temporary table and move them from there."""
    if not rows:
        return Stored()
    conn.execute(query("incoming_make"))
    with conn.cursor() as cursor, cursor.copy(query("incoming_copy")) as copy:
        copy.write(_packed(rows))
    counted = conn.execute(query("incoming_store")).fetchone()
    new = int(counted[0]) if counted else 0
    conflicts = 0
    if new < len(rows):
        times = [row[1] for row in rows]
        window = {"first": min(times), "last": max(times), "source": source, "at": at}
        found = conn.execute(query("incoming_conflicts"), window).fetchone()
        conflicts = int(found[0]) if found else 0
        if conflicts:
            conn.execute(query("incoming_elect"), window)
    conn.execute(query("incoming_clear"))
    return Stored(new, len(rows) - new - conflicts, conflicts)


def _packed(rows: Sequence[_PackedRow]) -> bytes:
    """Return the rows in PostgreSQL's binary COPY format, as ``incoming`` is declared."""
    parts = [_COPY_HEADER]
    with_status, without = _ROW.pack, _ROW_NO_STATUS.pack
    for channel_id, ts, origin, raw, status in rows:
        at = (ts - _PG_EPOCH_S) * 1_000_000
        if status is None:
            parts.append(without(5, 4, channel_id, 8, at, 8, raw, -1, 2, origin))
        else:
            parts.append(with_status(5, 4, channel_id, 8, at, 8, raw, 8, status, 2, origin))
    parts.append(_COPY_END)
    return b"".join(parts)
