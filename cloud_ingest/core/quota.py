# SPDX-License-Identifier: MIT
"""How much one gateway may bring that the store would keep for ever.

Readings of known channels in known streams have no quota: a backlog of months goes in as fast as
the store takes it. What is bounded is what makes the store grow by something else: messages of
which nothing is verified, new streams, next keys, new channels, the bytes of the quarantine.

In: what came, and what came before within the hour. Out: what is over the quota. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

HOUR = timedelta(hours=1)


class Quota(StrEnum):
    """What is bounded, by gateway."""

    MESSAGES = "messages"
    """Messages an hour of which nothing is verified."""
    QUARANTINE = "quarantine"
    """Bytes that the quarantine had no room for, an hour."""
    STREAMS = "streams"
    """New streams an hour."""
    KEYS = "keys"
    """Next keys that it names, an hour."""
    CHANNELS = "channels"
    """New channels an hour."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much of each; the defaults are far above what a gateway of 200 meters brings."""

    messages_an_hour: int = 3600
    streams_an_hour: int = 12
    """A gateway begins a stream when its spool is new, or was copied."""
    keys_an_hour: int = 4
    """A gateway names one in years."""
    channels_an_hour: int = 20_000
    """200 meters on their first day, with 100 channels each."""
    channels_a_meter: int = 512
    """Ever: no meter has so many registers, with each scaler that they ever had."""
    quarantine_bytes: int = 16 * 1024 * 1024
    """Of messages of which nothing is verified."""

    def limit(self, quota: Quota) -> int:
        """Return how much an hour may bring; of the quarantine nothing may be dropped for room."""
        return {
            Quota.MESSAGES: self.messages_an_hour,
            Quota.STREAMS: self.streams_an_hour,
            Quota.KEYS: self.keys_an_hour,
            Quota.CHANNELS: self.channels_an_hour,
            Quota.QUARANTINE: 0,
        }[quota]


DEFAULT_QUOTAS: Final = Quotas()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The new channels that one block wants."""

    gateway_id: int
    meter_id: int
    channels: frozenset[object]


def over_channels(
    blocks: Iterable[Wanted],
    brought: Mapping[int, int],
    of_meter: Mapping[int, int],
    quotas: Quotas,
) -> list[bool]:
    """Say of each block whether its new channels are too many.

    What was granted to one block is no longer new to the next.

    Args:
        blocks: In the order in which they are stored.
        brought: By gateway, the new channels that it brought before within the hour.
        of_meter: By meter, the channels that it has.
        quotas: How many are too many.
    """
    by_gateway, by_meter = dict(brought), dict(of_meter)
    granted: set[object] = set()
    over: list[bool] = []
    for block in blocks:
        new = len(block.channels - granted)
        of_hour = by_gateway.get(block.gateway_id, 0) + new
        of_all = by_meter.get(block.meter_id, 0) + new
        is_over = new > 0 and (
            of_hour > quotas.channels_an_hour or of_all > quotas.channels_a_meter
        )
        over.append(is_over)
        if not is_over:
            granted |= block.channels
            by_gateway[block.gateway_id], by_meter[block.meter_id] = of_hour, of_all
    return over


def hour_of(at: datetime) -> datetime:
    """Return the beginning of the hour in which a quota counts."""
    return at.replace(minute=0, second=0, microsecond=0)


def is_exceeded(used: Mapping[datetime, int], limit: int, now: datetime, *, told: bool) -> bool:
    """Say whether a gateway exceeds a quota, as a person should hear it.

    It is exceeded from the moment it is, and until a whole hour stayed below half of it.

    Args:
        used: By hour.
        limit: Of an hour.
        now: The time.
        told: The flag is up.
    """
    most = limit // 2 if told else limit
    this = hour_of(now)
    return any(used.get(hour, 0) > most for hour in (this, this - HOUR))
