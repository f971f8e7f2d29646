# SPDX-License-Identifier: MIT
"""What gateways bring beyond their quotas: found in a commit, before anything of it is stored.

The hour's use stands in the database, so that workers share it and a restart changes nothing. It is
asked only where something new comes: readings of known channels in known streams cost no question.

In: the accepted deliveries of a commit. Out: those that are stored, with what is rejected of them,
and those that are refused: without a receipt, so that their gateway sends them again. Owns:
``quota_use``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from cloud_ingest.core.accept import Accepted, QuarantineReason, Refused, Rejection
from cloud_ingest.core.quota import HOUR, Quota, Quotas, Wanted, hour_of, over_channels
from cloud_ingest.store.channels import StoreCache, find_channels
from cloud_ingest.store.connection import Connection, query, translating
from cloud_ingest.store.evidence import payload
from cloud_ingest.store.key_successions import named_keys
from cloud_ingest.store.rows import all_rows
from shared_schema.signing import key_id
from shared_schema.topics import GatewayTopic, gateway_topic

Account = int | None
"""An enrolled gateway; None: those that are not, together."""
_KEPT_HOURS = 48


@dataclass(frozen=True, slots=True)
class Use:
    """What a gateway brought in an hour."""

    gateway_id: int
    gateway: str
    society_id: int
    society: str
    quota: Quota
    hour: datetime
    used: int


@translating
def bring(
    conn: Connection, quota: Quota, brought: Mapping[Account, int], at: datetime
) -> dict[Account, int]:
    """Count what comes now, and return by account what came before within the hour."""
    if not brought:
        return {}
    arguments = {
        "quota": quota.value,
        "hour": hour_of(at),
        "gateways": list(brought),
        "brought": list(brought.values()),
    }
    rows = conn.execute(query("quarantine/quota_bring"), arguments)
    return {account: int(used) - brought[account] for account, used in rows}


@translating
def uses(conn: Connection, now: datetime) -> list[Use]:
    """Return what enrolled gateways brought in this hour and the one before."""
    return all_rows(
        conn,
        _use,
        """
        SELECT gateway_id, gateway.name AS gateway, society_id, society.name AS society, quota,
               hour, used
        FROM quota_use JOIN gateway USING (gateway_id) JOIN society USING (society_id)
        WHERE hour >= %s ORDER BY gateway_id, quota, hour
        """,
        (hour_of(now) - HOUR,),
    )


@translating
def forget_uses(conn: Connection, now: datetime) -> None:
    """Forget the hours that nobody asks for any more."""
    conn.execute("DELETE FROM quota_use WHERE hour < %s", (now - _KEPT_HOURS * HOUR,))


def within_quotas(
    conn: Connection,
    accepted: Sequence[Accepted],
    cache: StoreCache,
    quotas: Quotas,
) -> tuple[list[Accepted], list[Refused]]:
    """Sort out what would begin too many streams, keys or channels, in the caller's transaction."""
    if not accepted:
        return [], []
    at = max(delivery.received_at for delivery in accepted)
    late = _over_streams(conn, accepted, cache, quotas, at)
    kept = [delivery for delivery in accepted if _stream(delivery) not in late]
    detail = f"the gateway began more than {quotas.streams_an_hour} streams in an hour"
    refused = [_refused(each, detail) for each in accepted if _stream(each) in late]
    naming = _over_keys(conn, kept, quotas, at)
    detail = f"the gateway named more than {quotas.keys_an_hour} next keys in an hour"
    refused += [_refused(kept[index], detail) for index in sorted(naming)]
    kept = [delivery for index, delivery in enumerate(kept) if index not in naming]
    return _without_new_channels(conn, kept, cache, quotas, at), refused


def _over_streams(
    conn: Connection,
    accepted: Sequence[Accepted],
    cache: StoreCache,
    quotas: Quotas,
    at: datetime,
) -> set[tuple[int, UUID]]:
    """Return the new streams that are too many; the others are known from now on."""
    unknown = dict.fromkeys(
        stream for each in accepted if (stream := _stream(each)) not in cache.streams
    )
    if not unknown:
        return set()
    known = conn.execute(
        """
        SELECT wanted.gateway_id, wanted.stream
        FROM unnest(%s::int[], %s::uuid[]) AS wanted (gateway_id, stream)
        WHERE EXISTS (SELECT FROM batch
                      WHERE batch.gateway_id = wanted.gateway_id AND batch.stream = wanted.stream)
        """,
        ([key[0] for key in unknown], [key[1] for key in unknown]),
    )
    cache.streams.update(known.fetchall())
    new = [stream for stream in unknown if stream not in cache.streams]
    used = bring(conn, Quota.STREAMS, Counter(gateway_id for gateway_id, _ in new), at)
    over: set[tuple[int, UUID]] = set()
    for stream in new:
        used[stream[0]] += 1
        if used[stream[0]] > quotas.streams_an_hour:
            over.add(stream)
    cache.streams.update(set(new) - over)
    return over


def _over_keys(
    conn: Connection, accepted: Sequence[Accepted], quotas: Quotas, at: datetime
) -> set[int]:
    """Return the places of deliveries that name too many next keys; known ones count nothing."""
    naming = {
        index: len(new)
        for index, each in enumerate(accepted)
        if (new := {key_id(key) for _, key in named_keys(each.batch)} - each.gateway.keys.keys())
    }
    named = Counter[Account]()
    for index, count in naming.items():
        named[accepted[index].gateway.gateway_id] += count
    used = bring(conn, Quota.KEYS, named, at)
    over: set[int] = set()
    for index, count in naming.items():
        account = accepted[index].gateway.gateway_id
        used[account] += count
        if used[account] > quotas.keys_an_hour:
            over.add(index)
    return over


def _without_new_channels(
    conn: Connection,
    accepted: list[Accepted],
    cache: StoreCache,
    quotas: Quotas,
    at: datetime,
) -> list[Accepted]:
    """Reject the blocks whose new channels are too many; each batch has one rejection for all."""
    unknown = {
        key
        for each in accepted
        for block in each.blocks
        for key in block.channels
        if key not in cache.channels
    }
    if not unknown or not (new := find_channels(conn, unknown, cache)):
        return accepted
    wanted = [
        Wanted(each.gateway.gateway_id, block.meter_id, frozenset(new.intersection(block.channels)))
        for each in accepted
        for block in each.blocks
    ]
    firsts: dict[object, int] = {}
    for block in wanted:
        for channel in block.channels:
            firsts.setdefault(channel, block.gateway_id)
    brought = bring(conn, Quota.CHANNELS, Counter(firsts.values()), at)
    of_meter = conn.execute(
        "SELECT meter_id, count(*) FROM channel WHERE meter_id = ANY (%s::int[]) GROUP BY meter_id",
        (sorted({key[0] for key in new}),),
    )
    gateways = {account: used for account, used in brought.items() if account is not None}
    over = iter(over_channels(wanted, gateways, dict(of_meter.fetchall()), quotas))
    return [_without(each, [next(over) for _ in each.blocks]) for each in accepted]


def _without(delivery: Accepted, over: Sequence[bool]) -> Accepted:
    """Return a delivery without the blocks that are over a quota."""
    if not any(over):
        return delivery
    blocks = [block for block, is_over in zip(delivery.blocks, over, strict=True) if is_over]
    meters = len({block.meter_id for block in blocks})
    detail = f"{len(blocks)} blocks of {meters} meters would begin too many channels"
    return replace(
        delivery,
        blocks=tuple(b for b, is_over in zip(delivery.blocks, over, strict=True) if not is_over),
        rejections=(*delivery.rejections, Rejection(QuarantineReason.QUOTA, detail, None)),
    )


def _refused(delivery: Accepted, detail: str) -> Refused:
    name = delivery.gateway.name
    return Refused(
        gateway_topic(name, GatewayTopic.READINGS),
        payload(delivery.batch),
        name,
        QuarantineReason.QUOTA,
        detail,
        delivery.received_at,
        delivery.gateway.society_id,
    )


def _stream(delivery: Accepted) -> tuple[int, UUID]:
    return delivery.gateway.gateway_id, delivery.variant or delivery.batch.header.stream


def _use(*, quota: str, **columns: Any) -> Use:
    return Use(quota=Quota(quota), **columns)
