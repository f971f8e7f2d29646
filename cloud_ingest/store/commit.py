# SPDX-License-Identifier: MIT
"""The commit of received messages: one transaction stores what was accepted, the rest is set aside.

The same again changes nothing. Every worker locks in the same order: batches by stream and number,
channels and readings by key, meters by id.

In: verdicts of `cloud_ingest.core.accept`. Out: what changed. Owns: ``batch``, ``evidence`` and
the order of a commit; `cloud_ingest.store.readings_write` stores the readings and
`cloud_ingest.store.set_aside` the quarantine.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from cloud_ingest.core.accept import Accepted, QuarantineReason, Refused
from cloud_ingest.core.known import ChannelKey, KnownGateway
from cloud_ingest.core.quota import Quotas
from cloud_ingest.store.bindings import bind_first
from cloud_ingest.store.chain import BatchKey, broken_links
from cloud_ingest.store.channels import StoreCache, ensure_channels
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import pack
from cloud_ingest.store.evidence_months import make_evidence_months
from cloud_ingest.store.foreign_claims import note_foreign_claims
from cloud_ingest.store.key_successions import note_successions
from cloud_ingest.store.meter_events import store_meter_events
from cloud_ingest.store.partitions import make_partitions
from cloud_ingest.store.quotas import within_quotas
from cloud_ingest.store.readings_write import ORIGIN_NUMBERS, Rows, StoredCounts, store_rows
from cloud_ingest.store.set_aside import SetAside
from shared_schema.quality import Origin


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a gateway whose batches, new or repeated, want a receipt."""

    gateway_id: int
    gateway: str
    stream: UUID


@dataclass(frozen=True, slots=True)
class CommitResult:
    """How much a commit stored, and which streams it may be receipted for."""

    streams: frozenset[Stream] = frozenset()
    batches: int = 0
    """Stored now; a repeated batch does not count."""
    new: int = 0
    duplicates: int = 0
    conflicts: int = 0
    """Other claims for a stored (channel, ts)."""
    quarantined: int = 0
    """Rows added to the quarantine; what was there already does not count."""
    bound: int = 0
    """Meters that were bound to the gateway that spoke for them first."""
    found: Counter[QuarantineReason] = field(default_factory=Counter)
    """What the commit itself set aside, by reason: no verdict tells of it."""


@translating
def commit(
    conn: Connection,
    deliveries: Sequence[Accepted | Refused],
    *,
    replay: bool = False,
    cache: StoreCache | None = None,
    quotas: Quotas | None = None,
) -> CommitResult:
    """Store deliveries in one transaction.

    Args:
        conn: The store.
        deliveries: What `accept` made of the messages.
        replay: The batches are stored already and only the rows of their blocks are new:
            what a replay from quarantine does with `examine`.
        cache: What earlier commits over this connection learnt; it is added to.
        quotas: How much a gateway may bring; None: as much as it will.

    Returns:
        What changed; the streams of every verified batch. Of a repeated one the receipt may have
        been lost, and of a fork it tells the gateway what is stored in its place.

    Raises:
        StoreUnavailable: nothing was stored; the same deliveries may come again.
        NotStorable: the database refuses a value; nothing was stored.
    """
    accepted = sorted(
        (delivery for delivery in deliveries if isinstance(delivery, Accepted)),
        key=lambda a: (a.gateway.gateway_id, a.batch.header.stream.bytes, a.batch.header.seq),
    )
    refused = [delivery for delivery in deliveries if isinstance(delivery, Refused)]
    cache = StoreCache() if cache is None else cache
    try:
        judged = _rejections(accepted)
        accepted, bound = bind_first(conn, accepted)
        result = _commit(conn, accepted, refused, cache, quotas, replay=replay)
        result.found[QuarantineReason.NOT_BOUND] += _rejections(accepted) - judged
        return replace(result, bound=bound)
    except BaseException:
        cache.forget()
        raise


def _rejections(accepted: Iterable[Accepted]) -> int:
    return sum(len(each.rejections) for each in accepted)


def _over_quota(accepted: Iterable[Accepted]) -> int:
    found = (rejection.reason for each in accepted for rejection in each.rejections)
    return sum(reason is QuarantineReason.QUOTA for reason in found)


def _commit(
    conn: Connection,
    accepted: Sequence[Accepted],
    refused: Sequence[Refused],
    cache: StoreCache,
    quotas: Quotas | None,
    *,
    replay: bool,
) -> CommitResult:
    blocks = (block for delivery in accepted for block in delivery.blocks)
    make_partitions(conn, cache, {row[0] for block in blocks for row in block.rows if row[0]})
    make_evidence_months(conn, cache, {delivery.received_at for delivery in accepted})
    aside = SetAside()
    for message in refused:
        aside.refused(message)
    over: list[Refused] = []
    with conn.transaction():
        if quotas is not None:
            accepted, over = within_quotas(conn, accepted, cache, quotas)
        for message in over:
            aside.refused(message)
        batches = _store_batches(conn, accepted)
        for delivery in batches.forks:
            aside.fork(delivery)
        stored_blocks = [
            delivery
            for delivery in accepted
            if id(delivery) in batches.fresh or (replay and id(delivery) in batches.ids)
        ]
        for delivery in stored_blocks:
            aside.rejections(delivery, batches.ids[id(delivery)])
        note_foreign_claims(conn, stored_blocks)
        readings = _store_rows(conn, stored_blocks, cache)
        store_meter_events(conn, stored_blocks)
        note_successions(conn, stored_blocks)
        broken = broken_links(conn, batches.made)
        for link in broken:
            aside.broken_link(link, batches.gateways[link.gateway_id], batches.at)
        quarantined = aside.store(conn, quotas)
    return CommitResult(
        streams=frozenset(
            Stream(a.gateway.gateway_id, a.gateway.name, a.batch.header.stream) for a in accepted
        ),
        batches=len(batches.fresh),
        new=readings.new,
        duplicates=readings.duplicates,
        conflicts=readings.conflicts,
        quarantined=quarantined,
        found=Counter(
            {
                QuarantineReason.FORK: len(batches.forks),
                QuarantineReason.BROKEN_LINK: len(broken),
                QuarantineReason.QUOTA: len(over) + _over_quota(accepted),
            }
        ),
    )


@dataclass(frozen=True, slots=True)
class _Batches:
    """Which batches of a commit are new, stored, forks; deliveries go by their ``id()``.

    Another batch under a number that is taken is a fork. A batch that does not fit its neighbours
    is stored, because it is signed, and its link is broken.
    """

    fresh: Set[int]
    """Deliveries whose batch is stored now."""
    ids: Mapping[int, int]
    """The batch id of each delivery that the store holds."""
    forks: Sequence[Accepted]
    made: Set[BatchKey]
    gateways: Mapping[int, KnownGateway]
    at: datetime
    """When the last of them was received."""


def _store_batches(conn: Connection, accepted: Sequence[Accepted]) -> _Batches:
    """Add the evidence of batches, and find out which of them the store holds."""
    first: dict[BatchKey, Accepted] = {}
    for delivery in accepted:
        first.setdefault(_batch_key(delivery), delivery)
    if not first:
        return _Batches(frozenset(), {}, (), frozenset(), {}, datetime.min.replace(tzinfo=UTC))
    made, stored = _write_evidence(conn, first)
    ids: dict[int, int] = {}
    forks: list[Accepted] = []
    for delivery in accepted:
        batch_id, header_hash = stored[_batch_key(delivery)]
        if header_hash == bytes.fromhex(delivery.batch.header_hash):
            ids[id(delivery)] = batch_id
        else:
            forks.append(delivery)
    return _Batches(
        fresh={id(first[key]) for key in made},
        ids=ids,
        forks=forks,
        made=made,
        gateways={delivery.gateway.gateway_id: delivery.gateway for delivery in accepted},
        at=max(delivery.received_at for delivery in accepted),
    )


def _write_evidence(
    conn: Connection, batches: Mapping[BatchKey, Accepted]
) -> tuple[set[BatchKey], dict[BatchKey, tuple[int, bytes]]]:
    """Add batches; return which are new, and of all of them the id and the stored header's hash."""
    arguments = {
        "gateways": [key[0] for key in batches],
        "streams": [key[1] for key in batches],
        "seqs": [key[2] for key in batches],
        "hashes": [bytes.fromhex(a.batch.header_hash) for a in batches.values()],
        "previous": [
            None if (p := a.batch.header.previous) is None else bytes.fromhex(p)
            for a in batches.values()
        ],
        "evidence": [pack(a.batch) for a in batches.values()],
        "received": [a.received_at for a in batches.values()],
    }
    made = set(conn.execute(query("batch/add"), arguments, binary=True).fetchall())
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
    return made, stored


def _batch_key(delivery: Accepted) -> BatchKey:
    header = delivery.batch.header
    return (delivery.gateway.gateway_id, delivery.variant or header.stream, header.seq)


def _store_rows(
    conn: Connection, deliveries: Sequence[Accepted], cache: StoreCache
) -> StoredCounts:
    sent = [(each.gateway.gateway_id, block) for each in deliveries for block in each.blocks]
    if not sent:
        return StoredCounts()
    wanted: dict[ChannelKey, int] = {}
    for _gateway_id, block in sent:
        for key in block.channels:
            periods = [period for period in (wanted.get(key, 0), block.period_s) if period]
            wanted[key] = min(periods, default=0)
    channels = ensure_channels(conn, wanted, cache)
    rows: Rows = {}
    heard: dict[int, tuple[int, int]] = {}
    """Of each meter the time of its newest reading, and the gateway that gave it."""
    origin = ORIGIN_NUMBERS[Origin.METER]
    for gateway_id, block in sent:
        newest = heard.get(block.meter_id, (0, gateway_id))
        for index, key in enumerate(block.channels, start=2):
            channel_id = channels[key]
            found = [
                (ts, origin, raw, row[1])
                for row in block.rows
                if (ts := row[0]) is not None and (raw := row[index]) is not None
            ]
            if found:
                rows.setdefault(channel_id, []).extend(found)
                newest = max(newest, (max(row[0] for row in found), gateway_id))
        heard[block.meter_id] = newest
    at = max(delivery.received_at for delivery in deliveries)
    gateways = sorted({delivery.gateway.name for delivery in deliveries})
    source = f"gateway {', '.join(gateways)}"
    stored = store_rows(conn, rows, cache, source=source, at=at)
    conn.execute(
        query("registry/meters_heard"),
        {
            "meters": list(heard),
            "times": [float(newest) for newest, _gateway_id in heard.values()],
            "gateways": [gateway_id for _newest, gateway_id in heard.values()],
        },
    )
    return stored
