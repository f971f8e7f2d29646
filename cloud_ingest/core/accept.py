# SPDX-License-Identifier: MIT
"""The verdict on a message of readings: accepted, with what is rejected of it, or refused.

A message is refused if nothing of it can be verified. If it is accepted, its bad blocks and rows
are listed as rejections, and the others are stored. A receipt covers what is `Accepted`, also the
blocks that went to quarantine: the store keeps them there, and the gateway has no reason to send
them again. A receipt never covers what is `Refused`.

In: a topic, its bytes, the registry (who is enrolled, which meter was installed when) and
the time of receipt. Out: `Accepted` or `Refused`.
Never: an exception, whatever the bytes are; one bad block or row that stops the others.
Pure: no clock, environment, log, socket, driver.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from cloud_ingest.core.known import (
    ChannelKey,
    KnownGateway,
    KnownMeter,
    Registry,
    may_speak,
    spans,
    why_ended,
    why_not,
    within,
)
from shared_schema.catalogue import GATEWAY_LOG
from shared_schema.errors import SignatureInvalid, UnknownSchema
from shared_schema.obis import Obis
from shared_schema.readings import (
    Batch,
    Block,
    KeyChange,
    Loss,
    MeterEvents,
    Observations,
    open_batch,
    read_block,
)
from shared_schema.signing import VerifyKey
from shared_schema.text import visible
from shared_schema.topics import GatewayTopic, parse_gateway_topic

FUTURE_TOLERANCE = timedelta(minutes=10)
"""How far a meter's clock may be ahead of the receipt before its rows are not believed."""

MAX_DETAIL_CHARACTERS = 300

Row = tuple[int | None, ...]
"""``(ts, status, raw, raw, …)`` as in `shared_schema.readings.Block`."""


class QuarantineReason(StrEnum):
    """Why a message, a block or a row is not stored as a reading."""

    MALFORMED = "malformed"
    UNKNOWN_SCHEMA = "unknown_schema"
    UNKNOWN_GATEWAY = "unknown_gateway"
    BAD_SIGNATURE = "bad_signature"
    KEY_ENDED = "key_ended"
    """The key that signed it was taken back, or its gateway has named the next one."""
    WRONG_TOPIC = "wrong_topic"
    """The header names another gateway than the topic."""
    UNKNOWN_METER = "unknown_meter"
    """The meter was never assigned in this gateway's society."""
    NOT_INSTALLED = "not_installed"
    """The row is from a time at which the meter was not installed here."""
    NOT_BOUND = "not_bound"
    """The meter is not bound to this gateway, or was not at the time of the row."""
    TOO_OLD = "too_old"
    """The row is from before what the store still keeps."""
    FUTURE = "future"
    """The row is from later than its receipt."""
    FORK = "fork"
    """Another batch with the same stream and number is stored already."""
    BROKEN_LINK = "broken_link"
    """The header names another predecessor than the batch that is stored before it."""
    NEVER_SENT = "never_sent"
    """An acknowledgement of a number that was never sent."""
    QUOTA = "quota"
    """Its gateway began too many streams or channels in an hour, or its meter has too many."""
    UNSTORABLE = "unstorable"
    """The database refuses what `accept` let pass: a fault of this program, kept to be mended."""


@dataclass(frozen=True, slots=True)
class AcceptedBlock:
    """The rows of one block that are stored."""

    ordinal: int
    """Place of the block in its batch, from 0."""
    meter_id: int
    channels: tuple[ChannelKey, ...]
    """Of each column."""
    period_s: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class AcceptedEvents:
    """The events of one block that are stored."""

    ordinal: int
    """Place of the block in its batch, from 0."""
    meter_id: int
    log: Obis
    rows: tuple[Row, ...]
    """``(ts, code, raw, …)``."""
    details: tuple[str, ...] = ()
    """What a gateway saw with each row, as JSON; none for a meter's own log."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """What is not stored of an accepted batch: it goes to quarantine."""

    reason: QuarantineReason
    detail: str
    ordinal: int | None
    row_indexes: tuple[int, ...] = ()
    """Empty: the whole block."""
    meter_id: int | None = None
    """Of a claim for a meter that is not bound to the gateway."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A batch whose signature and hashes were verified: it is evidence, and gets its receipt."""

    batch: Batch
    gateway: KnownGateway
    blocks: tuple[AcceptedBlock, ...]
    rejections: tuple[Rejection, ...]
    received_at: datetime
    events: tuple[AcceptedEvents, ...] = ()
    unbound: tuple[int, ...] = ()
    """Its meters that were bound to nobody: the commit binds each to who is first."""
    variant: UUID | None = None
    """The stream under which it is stored where another batch has its number."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message of which nothing is verified: quarantine, and no receipt."""

    topic: str
    payload: bytes
    gateway: str | None
    """Whose topic it came on, where the topic is one of a gateway."""
    reason: QuarantineReason
    detail: str
    received_at: datetime
    society_id: int | None = None
    """Whose it is, where its sender is known."""


def accept(
    topic: str, payload: bytes, registry: Registry, received_at: datetime
) -> Accepted | Refused:
    """Verify a message and sort its blocks and rows.

    Args:
        topic: Where it came from, ``metering/v1/gw/{gateway}/readings``.
        payload: Its bytes, as sent.
        registry: Who is known at this moment.
        received_at: When it came, aware.
    """
    name: str | None = None
    try:
        name = _gateway_of(topic)
        gateway, batch = _verify(name, payload, registry)
    except _Refusal as refusal:
        reason, detail = refusal.reason, str(refusal)
    except UnknownSchema as error:
        reason, detail = QuarantineReason.UNKNOWN_SCHEMA, str(error)
    except SignatureInvalid as error:
        reason, detail = QuarantineReason.BAD_SIGNATURE, str(error)
    except (ValueError, RecursionError) as error:  # ContractError, and what decoding may raise
        reason, detail = QuarantineReason.MALFORMED, str(error)
    else:
        if (ended := why_ended(gateway, batch.header, received_at)) is None:
            return examine(batch, gateway, registry, received_at)
        reason, detail = QuarantineReason.KEY_ENDED, ended
    known = registry.gateways.get(name or "")
    society_id = None if known is None else known.society_id
    return Refused(topic, payload, name, reason, _clean(detail), received_at, society_id)


class _Refusal(Exception):
    """Leaves `accept` with a reason that the contract's own errors do not name."""

    def __init__(self, reason: QuarantineReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _gateway_of(topic: str) -> str:
    name, kind = parse_gateway_topic(topic)
    if kind is not GatewayTopic.READINGS:
        raise _Refusal(QuarantineReason.WRONG_TOPIC, f"{kind} is no topic of readings")
    return name


def _verify(name: str, payload: bytes, registry: Registry) -> tuple[KnownGateway, Batch]:
    known = registry.gateways.get(name)

    def key_of(gateway: str, key: str) -> VerifyKey | None:
        if gateway != name:
            reason = QuarantineReason.WRONG_TOPIC
            raise _Refusal(reason, f"the header is of gateway {gateway}, the topic of {name}")
        if known is None:
            raise _Refusal(QuarantineReason.UNKNOWN_GATEWAY, f"no gateway {name} is enrolled")
        return known.keys.get(key)

    batch = open_batch(payload, key_of)
    assert known is not None  # noqa: S101  # `key_of` refuses it
    return known, batch


def examine(
    batch: Batch,
    gateway: KnownGateway,
    registry: Registry,
    received_at: datetime,
    ordinals: Sequence[int] | None = None,
) -> Accepted:
    """Sort the blocks and rows of a verified batch.

    It is the second half of `accept`, and what a replay from quarantine calls again for the
    blocks named by ``ordinals``, with the registry of today and the receipt of then.
    """
    blocks: list[AcceptedBlock] = []
    events: list[AcceptedEvents] = []
    rejections: list[Rejection] = []
    unbound: list[int] = []
    by = _By(gateway, registry, received_at)
    for ordinal in range(len(batch.block_lines)) if ordinals is None else ordinals:
        meter, accepted, rejected = _examine_block(ordinal, batch.block_lines[ordinal], by)
        if isinstance(accepted, AcceptedEvents):
            events.append(accepted)
        elif accepted is not None:
            blocks.append(accepted)
        if accepted is not None and meter is not None and not meter.bound:
            unbound.append(meter.meter_id)
        rejections.extend(rejected)
    return Accepted(
        batch, gateway, tuple(blocks), tuple(rejections), received_at, tuple(events), tuple(unbound)
    )


class _By(NamedTuple):
    """Who sent a batch, who is known, and when it came."""

    gateway: KnownGateway
    registry: Registry
    received_at: datetime


def _examine_block(
    ordinal: int, line: bytes, by: _By
) -> tuple[KnownMeter | None, AcceptedBlock | AcceptedEvents | None, list[Rejection]]:
    try:
        block = read_block(line)
    except (ValueError, RecursionError) as error:
        return None, None, [Rejection(QuarantineReason.MALFORMED, _clean(str(error)), ordinal)]
    if isinstance(block, Loss | KeyChange):  # it is evidence, and has no rows
        return None, None, []
    meter = by.registry.meter(by.gateway.society_id, block.meter)
    if meter is None:
        detail = f"no meter {block.meter} is assigned in this society"
        return None, None, [Rejection(QuarantineReason.UNKNOWN_METER, _clean(detail), ordinal)]
    kept, rejections = _sort_rows(block, ordinal, meter, by)
    return meter, _accepted(block, ordinal, meter.meter_id, kept) if kept else None, rejections


def _sort_rows(
    block: Block | MeterEvents | Observations,
    ordinal: int,
    meter: KnownMeter,
    by: _By,
) -> tuple[Sequence[int], list[Rejection]]:
    """Return which rows a gateway may tell of a meter, and what is wrong with the others."""
    latest = (by.received_at + FUTURE_TOLERANCE).timestamp()
    kept_from = by.registry.kept_from
    oldest = float("-inf") if kept_from is None else kept_from.timestamp()
    installed = spans(meter.installed)
    bound = spans(may_speak(by.gateway, meter, by.registry))
    times = [row[0] or 0 for row in block.rows]  # the contract lets no row without a time pass
    first, last = min(times), max(times)
    timely = last <= latest and first > oldest
    if timely and within(installed, first, last) and within(bound, first, last):
        return range(len(times)), []
    kept: list[int] = []
    wrong: dict[QuarantineReason, list[int]] = {}
    for index, ts in enumerate(times):
        if ts > latest:
            wrong.setdefault(QuarantineReason.FUTURE, []).append(index)
        elif not within(installed, ts, ts):
            wrong.setdefault(QuarantineReason.NOT_INSTALLED, []).append(index)
        elif not within(bound, ts, ts):
            wrong.setdefault(QuarantineReason.NOT_BOUND, []).append(index)
        elif ts <= oldest:
            wrong.setdefault(QuarantineReason.TOO_OLD, []).append(index)
        else:
            kept.append(index)
    texts = {
        QuarantineReason.FUTURE: (
            f"are later than {FUTURE_TOLERANCE.seconds // 60} minutes after their receipt"
        ),
        QuarantineReason.NOT_INSTALLED: "are from a time at which it was not installed",
        QuarantineReason.NOT_BOUND: why_not(by.gateway, meter),
        QuarantineReason.TOO_OLD: f"are not after {kept_from}, from when on readings are kept",
    }
    return kept, [
        Rejection(
            reason,
            _clean(f"{len(wrong[reason])} rows of {block.meter} {text}"),
            ordinal,
            tuple(wrong[reason]),
            meter.meter_id if reason is QuarantineReason.NOT_BOUND else None,
        )
        for reason, text in texts.items()
        if reason in wrong
    ]


def _accepted(
    block: Block | MeterEvents | Observations, ordinal: int, meter_id: int, kept: Sequence[int]
) -> AcceptedBlock | AcceptedEvents:
    whole = len(kept) == len(block.rows)
    rows = block.rows if whole else tuple(block.rows[index] for index in kept)
    if isinstance(block, MeterEvents):
        return AcceptedEvents(ordinal, meter_id, block.log, rows)
    if isinstance(block, Observations):
        details = tuple(block.seen[index].model_dump_json(exclude={"ts", "code"}) for index in kept)
        return AcceptedEvents(ordinal, meter_id, GATEWAY_LOG, rows, details)
    channels = tuple((meter_id, c.obis, c.unit, c.scaler, c.weight) for c in block.columns)
    return AcceptedBlock(ordinal, meter_id, channels, block.period_s, rows)


def _clean(text: str) -> str:
    return visible(text)[:MAX_DETAIL_CHARACTERS]
