# SPDX-License-Identifier: MIT
"""A message as a broker delivered it on one link, where alone it can be acknowledged."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message, with what its acknowledgement names."""

    topic: str
    payload: bytes
    retained: bool
    mid: int = field(repr=False)
    qos: int = field(repr=False)


def payload_bytes(batch: Sequence[Delivery]) -> int:
    """Return how large the payloads of some deliveries are together."""
    return sum(len(delivery.payload) for delivery in batch)
