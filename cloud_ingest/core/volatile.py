# SPDX-License-Identifier: MIT
"""The verdict on volatile readings: what a gateway with a full disk may say of a meter's state.

A claim for a meter that the gateway may not speak for is left out: it changes nothing, and there is
nothing to replay.

In: a message's bytes, the registry, the time of receipt. Out: the billed registers to show.
Pure: no clock, socket, driver.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from cloud_ingest.core.accept import FUTURE_TOLERANCE
from cloud_ingest.core.known import Registry, may_speak, spans, within
from shared_schema.catalogue import BILLED_REGISTER
from shared_schema.errors import MalformedMessage, SignatureInvalid
from shared_schema.readings import Block
from shared_schema.signing import open_message
from shared_schema.volatile import claimed

_BILLED = frozenset(BILLED_REGISTER.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """A billed register as it stands, until a reading comes."""

    meter_id: int
    obis: str
    ts: datetime
    raw: int
    scaler: int
    unit: int


def volatile_of(
    name: str, payload: bytes, registry: Registry, received_at: datetime
) -> tuple[Shown, ...]:
    """Verify a message and return what of it may be shown.

    Args:
        name: The gateway on whose topic it came.
        payload: Its bytes, as sent.
        registry: Who is known at this moment.
        received_at: When it came, aware.

    Raises:
        MalformedMessage: it is no such message, or of another gateway.
        SignatureInvalid: no key of this gateway has signed it.
    """
    message = claimed(payload)
    if message.gateway != name:
        raise MalformedMessage(f"a message of gateway {message.gateway} on the topic of {name}")
    gateway = registry.gateways.get(name)
    key = None if gateway is None else gateway.keys.get(message.key)
    if gateway is None or key is None or message.key in gateway.ended:
        raise SignatureInvalid(f"gateway {name} has no key {message.key} that counts")
    open_message(payload, key)
    latest = (received_at + FUTURE_TOLERANCE).timestamp()
    shown: list[Shown] = []
    for block in message.blocks:
        meter = registry.meter(gateway.society_id, block.meter)
        if meter is None:
            continue
        bound = spans(may_speak(gateway, meter, registry))
        shown += (
            each
            for each in _registers(block, meter.meter_id)
            if (ts := each.ts.timestamp()) <= latest
            and within(spans(meter.installed), ts, ts)
            and within(bound, ts, ts)
        )
    return tuple(shown)


def _registers(block: Block, meter_id: int) -> Iterator[Shown]:
    """Yield the newest of each billed register in a block."""
    row = max(block.rows, key=lambda row: row[0] or 0)
    ts = datetime.fromtimestamp(row[0] or 0, UTC)
    for column, raw in zip(block.columns, row[2:], strict=True):
        if column.obis in _BILLED and raw is not None:
            yield Shown(meter_id, str(column.obis), ts, raw, column.scaler, column.unit)
