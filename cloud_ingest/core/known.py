# SPDX-License-Identifier: MIT
"""Who is known: enrolled gateways, meters and when they were installed, who may speak for which.

A meter is bound to the gateway that reads it, with dates; to several, where it hangs on two on
purpose. One that was never bound waits for the first gateway of its society that speaks for it: of
its tower, where the list of units has the gateway's tower. A strict society binds by hand alone.

In: what the store says. Out: when a gateway may speak for a meter. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from cloud_ingest.core.typed_text import same_name
from shared_schema.message import MeterId, format_utc
from shared_schema.obis import Obis
from shared_schema.readings import Header
from shared_schema.signing import VerifyKey

Stretch = tuple[datetime | None, datetime | None]
"""From and to, aware, both included; None: from its installation on, until now."""

ChannelKey = tuple[int, Obis, int, int, int]
"""Meter id, code, unit, scaler, pulse weight."""

ALWAYS: Final[tuple[Stretch, ...]] = ((None, None),)
_EVER: Final = ((float("-inf"), float("inf")),)


@dataclass(frozen=True, slots=True)
class KnownMeter:
    """A meter of a society, when it was installed there, and which gateways may speak for it."""

    meter_id: int
    installed: tuple[tuple[datetime, datetime | None], ...]
    """From and to (None: until now), aware; a reading at either end belongs to it."""
    bound: Mapping[int, tuple[Stretch, ...]] = field(default_factory=dict)
    """By gateway id; without stretches where that was taken back. Empty: nobody ever was bound."""
    towers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EndedKey:
    """A key that signs nothing more: it was taken back, or has a successor."""

    revoked_at: datetime | None = None
    """Nothing counts that came later, whatever time stands in it: who has the key writes that."""
    stream: UUID | None = None
    last_seq: int = 0
    """The batch that names the successor: what the key signed up to it counts whenever it comes."""


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """An enrolled gateway and the keys that it may sign with, by key id."""

    gateway_id: int
    name: str
    society_id: int
    keys: Mapping[str, VerifyKey]
    tower: str | None = None
    """Where it hangs; None where that is not known, or no unit of its society is there."""
    ended: Mapping[str, EndedKey] = field(default_factory=dict)
    """Which of its keys sign nothing more."""
    successors: Mapping[str, int] = field(default_factory=dict)
    """Its keys that one before has named, and up to which number that one counts so far."""

    @property
    def may_connect(self) -> bool:
        """Whether one of its keys still signs."""
        return any(key not in self.ended for key in self.keys)


@dataclass(frozen=True, slots=True)
class Registry:
    """Who is enrolled, as it was read from the database at one moment."""

    gateways: Mapping[str, KnownGateway]
    meters: Mapping[tuple[int, str, str], KnownMeter]
    """By society, manufacturer and serial number."""
    kept_from: datetime | None = None
    """Readings from before are gone, and not taken any more; None: all are kept."""
    strict: frozenset[int] = frozenset()
    """The societies whose meters only a person binds."""
    key_changes: int = 0
    """How many revocations and successions of keys there were."""

    def meter(self, society_id: int, meter: MeterId) -> KnownMeter | None:
        """Return a meter of a society, also where a list has its name in another form."""
        maker, serial = meter.manufacturer, meter.serial
        return self.meters.get((society_id, maker, serial)) or self.meters.get(
            (society_id, same_name(maker), same_name(serial))
        )


def may_speak(gateway: KnownGateway, meter: KnownMeter, registry: Registry) -> tuple[Stretch, ...]:
    """Return when a gateway may speak for a meter of its society; nothing: never."""
    if meter.bound:
        return meter.bound.get(gateway.gateway_id, ())
    if gateway.society_id in registry.strict:
        return ()
    elsewhere = gateway.tower is not None and meter.towers and gateway.tower not in meter.towers
    return () if elsewhere else ALWAYS


def why_not(gateway: KnownGateway, meter: KnownMeter) -> str:
    """Say why a gateway may not speak for a meter at a time; what follows "rows of a meter"."""
    if gateway.gateway_id in meter.bound:
        return f"are from a time at which it was not bound to gateway {gateway.name}"
    if meter.bound:
        return f"are not from a gateway that it is bound to, but from {gateway.name}"
    if gateway.tower is not None and meter.towers and gateway.tower not in meter.towers:
        return f"are from gateway {gateway.name} of another tower, and it is bound to none yet"
    return f"are from gateway {gateway.name}, and it is bound to none yet"


def why_ended(gateway: KnownGateway, header: Header, received_at: datetime) -> str | None:
    """Say why a key did not count any more when a batch came; None: it did."""
    if (ended := gateway.ended.get(header.key)) is None:
        return None
    if ended.revoked_at is not None and received_at >= ended.revoked_at:
        at = format_utc(ended.revoked_at)
        return f"key {header.key} of gateway {gateway.name} was taken back at {at}"
    if ended.stream is None or (header.stream == ended.stream and header.seq <= ended.last_seq):
        return None
    return (
        f"key {header.key} of gateway {gateway.name} signs up to batch {ended.last_seq} of stream "
        f"{ended.stream}, which names the next key"
    )


def spans(stretches: Sequence[Stretch]) -> Sequence[tuple[float, float]]:
    """Return stretches of time in seconds since 1970."""
    if stretches == ALWAYS:
        return _EVER
    return [
        (
            float("-inf") if start is None else start.timestamp(),
            float("inf") if end is None else end.timestamp(),
        )
        for start, end in stretches
    ]


def within(allowed: Sequence[tuple[float, float]], first: float, last: float) -> bool:
    """Say whether all of a time lies in one of some spans; their ends belong to them."""
    for start, end in allowed:  # noqa: SIM110  a generator costs 3 % of `accept`
        if start <= first and last <= end:
            return True
    return False
