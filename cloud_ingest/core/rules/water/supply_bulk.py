# SPDX-License-Identifier: MIT
"""What the bulk meter of a tower shows of the tower's hours with supply.

It counts while water comes into the tower. Its register is judged as any other, but all that is
remembered is which hours were learnt, and from when on they hold: the four weeks that they were
learnt from, too, so that no meter of the tower learns them again. Behind a sump a bulk meter
counts at any hour, or not at all when the flats have water: then nothing is learnt.

In: hours. Out: verdicts that find nothing. Owns: the plan. Pure.
"""

import struct
from datetime import datetime, timedelta

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.core.rules.water.episode import Verdict
from cloud_ingest.core.rules.water.hours import Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.supply import ENOUGH_DAYS, Supply, SupplySource
from cloud_ingest.core.rules.water.supply_plan import Plan, SupplyFrom, with_entry

LEARNT_FROM = timedelta(days=ENOUGH_DAYS)
KEPT_S = 16 * 7 * 86400
"""What held only longer ago is forgotten: no register is judged so far back."""


class BulkSupply:
    """The hours with supply that one bulk meter has shown."""

    __slots__ = ("plan",)
    _ENTRY = struct.Struct("<II")

    def __init__(self) -> None:
        self.plan: Plan = ()

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Note the hours with supply, if they are others since this hour."""
        del point
        newest = self.plan[-1].supply if self.plan else None
        if meter.supply != newest:
            day = datetime.fromtimestamp(hour.end_s, meter.zone).date()
            day = day - LEARNT_FROM if newest is None else day + DAY
            since_s = int(midnight(day, meter.zone).timestamp())
            entry = SupplyFrom(max(since_s, 0), meter.supply)
            kept = [each for each in self.plan if each.since_s >= hour.end_s - KEPT_S]
            held = self.plan[: len(self.plan) - len(kept)][-1:]
            self.plan = with_entry((*held, *kept), entry)
        return Verdict()

    def pack(self) -> bytes:
        """Return the plan as bytes."""
        return b"".join(
            self._ENTRY.pack(each.since_s, each.supply.bits if each.supply else 0)
            for each in self.plan
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "BulkSupply":
        """Return what `pack` packed; of b"" a new memory."""
        own = cls()
        own.plan = tuple(
            SupplyFrom(since_s, Supply.of_bits(bits, SupplySource.METER))
            for since_s, bits in cls._ENTRY.iter_unpack(packed)
        )
        return own
