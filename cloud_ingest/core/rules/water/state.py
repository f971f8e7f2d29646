# SPDX-License-Identifier: MIT
"""All that is remembered of one water meter: bounded, and packed without loss. Pure."""

import json
import struct
from dataclasses import replace

from cloud_ingest.core.rules.water.coarse import COARSE_L, Coarse
from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.events import Event
from cloud_ingest.core.rules.water.fine import Fine
from cloud_ingest.core.rules.water.hours import Cutter, Hour
from cloud_ingest.core.rules.water.memory import Memory
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.supplied import Supplied
from cloud_ingest.core.rules.water.supply import SupplyLearner
from cloud_ingest.core.rules.water.supply_bulk import BulkSupply
from cloud_ingest.core.rules.water.supply_plan import supply_at

RULES_VERSION = 11
"""Changes with what a state holds or means: states of another version begin anew."""
MEMORIES: dict[str, type[Memory]] = {
    "fine": Fine,
    "coarse": Coarse,
    "supplied": Supplied,
    "bulk": BulkSupply,
}


def memory_of(meter: WaterMeter) -> str:
    """Return the name of the memory that this meter's register is judged with."""
    if meter.bulk:
        return "bulk"
    if meter.supply is not None and meter.supply.intermittent:
        return "supplied"
    return "coarse" if meter.litres_per_count >= COARSE_L else "fine"


class State:
    """What is remembered of one meter between two calls of `advance`."""

    __slots__ = ("cutter", "events", "memory", "memory_name", "newest_s", "supply")
    _HEAD = struct.Struct("<qHH")

    def __init__(self) -> None:
        self.newest_s: int | None = None
        """The newest reading that was taken in."""
        self.cutter = Cutter()
        self.events: list[Event] = []
        """Those that are open, or were cleared so lately that they may come again."""
        self.memory_name = ""
        self.memory: Memory | None = None
        self.supply = SupplyLearner()

    def with_supply(self, meter: WaterMeter, hour: Hour) -> WaterMeter:
        """Return the meter with its hours of supply: those that are said, or that it shows."""
        if meter.supply is not None:
            return meter
        shown = self.supply.take(hour, meter.zone)
        supply = supply_at(meter.plan, (hour.start_s + hour.end_s) // 2) or shown
        return meter if supply is None else replace(meter, supply=supply)

    def memory_for(self, meter: WaterMeter) -> Memory:
        """Return the memory of this kind of register; another kind begins anew."""
        name = memory_of(meter)
        if self.memory is None or self.memory_name != name:
            self.memory_name, self.memory = name, MEMORIES[name].unpack(b"")
        return self.memory

    def pack(self) -> bytes:
        """Return the state as bytes, without loss."""
        newest_s = -1 if self.newest_s is None else self.newest_s
        events = _packed(self.events)
        name = self.memory_name.encode()
        memory = b"" if self.memory is None else self.memory.pack()
        head = self._HEAD.pack(newest_s, len(name), len(events))
        return head + self.cutter.pack() + self.supply.pack() + name + events + memory

    @classmethod
    def unpack(cls, packed: bytes) -> "State":
        """Return the state that `pack` packed."""
        state = cls()
        newest_s, name_size, events_size = cls._HEAD.unpack_from(packed)
        state.newest_s = None if newest_s < 0 else newest_s
        here = cls._HEAD.size
        state.cutter = Cutter.unpack(packed[here : (here := here + Cutter.SIZE)])
        state.supply = SupplyLearner.unpack(packed[here : (here := here + SupplyLearner.SIZE)])
        state.memory_name = packed[here : (here := here + name_size)].decode()
        events = packed[here : (here := here + events_size)]
        state.events = _unpacked(events)
        if state.memory_name:
            state.memory = MEMORIES[state.memory_name].unpack(packed[here:])
        return state


def _packed(events: list[Event]) -> bytes:
    """Return events as bytes: few meters have any, and words pack badly."""
    rows = [
        [
            each.episode.kind,
            each.episode.severity,
            each.episode.raised_s,
            each.episode.since_s,
            each.episode.cleared_s,
            each.episode.detail,
            each.litres,
            each.unseen_s,
            each.paused_litres,
        ]
        for each in events
    ]
    return json.dumps(rows, separators=(",", ":")).encode() if rows else b""


def _unpacked(packed: bytes) -> list[Event]:
    rows = json.loads(packed) if packed else []
    return [Event(Episode(*row[:-3]), *row[-3:]) for row in rows]
