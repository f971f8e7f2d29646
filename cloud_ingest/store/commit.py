# SPDX-License-Identifier: MIT
"""Store what was accepted, and keep apart what was not: one transaction for many messages.

In: verdicts of `accept`. Out: what changed. It owns the evidence (``batch``) and the order of a
commit; `rows` stores the readings, `kept` the quarantine.

The same again changes nothing. Everything is locked in the same order by every worker: batches
by stream and number, channels and readings by key, meters by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cloud_ingest.core.accept import Accepted, AcceptedBlock, Refused
from cloud_ingest.store.chain import broken_links
from cloud_ingest.store.channels import ChannelKey, Known, ensure_channels
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import pack
from cloud_ingest.store.meter_events import store_meter_events
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.readings_write import ORIGIN_NUMBERS, Rows, Stored, store_rows
from cloud_ingest.store.set_aside import Kept
from shared_schema.quality import Origin
from shared_schema.readings import Column


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


@translating
def commit(
    conn: Connection,
    deliveries: Sequence[Accepted | Refused],
    *,
    replay: bool = False,
    known: Known | None = None,
) -> CommitResult:
    """Store deliveries in one transaction.

    Args:
        conn: The store.
        deliveries: What `accept` made of the messages.
        replay: The batches are stored already and only the rows of their blocks are new:
            what a replay from quarantine does with `examine`.
        known: What earlier commits over this connection learnt; it is added to.

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
    known = Known() if known is None else known
    try:
        return _commit(conn, accepted, kept, known, replay=replay)
    except BaseException:
        known.forget()
        raise


def _commit(
    conn: Connection, accepted: Sequence[Accepted], kept: Kept, known: Known, *, replay: bool
) -> CommitResult:
    blocks = (block for delivery in accepted for block in delivery.blocks)
    make_partitions(conn, known, {row[0] for block in blocks for row in block.rows if row[0]})
    with conn.transaction():
        fresh, batch_ids = _store_batches(conn, accepted, kept)
        stored_blocks = [
            delivery
            for delivery in accepted
            if id(delivery) in fresh or (replay and id(delivery) in batch_ids)
        ]
        for delivery in stored_blocks:
            kept.rejections(delivery, batch_ids[id(delivery)])
        readings = _store_rows(conn, stored_blocks, known)
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
        "hashes": [bytes.fromhex(a.batch.header_hash) for a in first.values()],
        "previous": [
            None if (p := a.batch.header.previous) is None else bytes.fromhex(p)
            for a in first.values()
        ],
        "evidence": [pack(a.batch) for a in first.values()],
        "received": [a.received_at for a in first.values()],
    }
    made = {
        (gateway_id, stream, seq)
        for gateway_id, stream, seq in conn.execute(query("batch/add"), arguments, binary=True)
    }
    rows = conn.execute(
        """
        SELECT batch.gateway_id, batch.stream, batch.seq, batch_id, batch.header_hash
        FROM unnest(%(gateways)s::int[], %(streams)s::uuid[], %(seqs)s::bigint[])
          AS wanted (gateway_id, stream, seq)
        JOIN batch USING (gateway_id, stream, seq)
        """,
        arguments,
        binary=True,
    )
    stored = {
        (gateway_id, stream, seq): (batch_id, header_hash)
        for gateway_id, stream, seq, batch_id, header_hash in rows
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


def _store_rows(conn: Connection, deliveries: Sequence[Accepted], known: Known) -> Stored:
    blocks = [block for delivery in deliveries for block in delivery.blocks]
    if not blocks:
        return Stored()
    wanted: dict[ChannelKey, int] = {}
    for block in blocks:
        for column in block.columns:
            key = _key(block, column)
            periods = [period for period in (wanted.get(key, 0), block.period_s) if period]
            wanted[key] = min(periods, default=0)
    channels = ensure_channels(conn, wanted, known)
    rows: Rows = {}
    heard: dict[int, int] = {}
    origin = ORIGIN_NUMBERS[Origin.METER]
    for block in blocks:
        newest = heard.get(block.meter_id, 0)
        for index, column in enumerate(block.columns, start=2):
            channel_id = channels[_key(block, column)]
            said = [
                (ts, origin, raw, row[1])
                for row in block.rows
                if (ts := row[0]) is not None and (raw := row[index]) is not None
            ]
            if said:
                rows.setdefault(channel_id, []).extend(said)
                newest = max(newest, max(said)[0])
        heard[block.meter_id] = newest
    at = max(delivery.received_at for delivery in deliveries)
    gateways = sorted({delivery.gateway.name for delivery in deliveries})
    source = f"gateway {', '.join(gateways)}"
    stored = store_rows(conn, rows, known, source=source, at=at)
    conn.execute(
        query("registry/meters_heard"),
        {"meters": list(heard), "times": list(map(float, heard.values()))},
    )
    return stored


def _key(block: AcceptedBlock, column: Column) -> ChannelKey:
    return block.meter_id, column.obis, column.unit, column.scaler, column.weight
