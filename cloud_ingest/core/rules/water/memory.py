# SPDX-License-Identifier: MIT
"""What each kind of register is judged with. Pure."""

from typing import Protocol, Self

from cloud_ingest.core.rules.water.episode import Verdict
from cloud_ingest.core.rules.water.hours import Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point


class Memory(Protocol):
    """The evidence that one kind of register leaves: fine, coarse, or with supply by the hour."""

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Judge one more hour."""
        ...

    def pack(self) -> bytes:
        """Return all that is remembered, without loss."""
        ...

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """Return what `pack` packed; of b"" a new memory."""
        ...
