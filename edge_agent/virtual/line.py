# SPDX-License-Identifier: GPL-2.0-only
"""The wire of one bus: who hears what, and when.

In: bytes of the client, and the passing of time. Out: the bytes that reach the client.
Owns what is under way on the wire. Never reads a clock and never does I/O.

Everybody hears everything: the client's bytes reach every station, a station's bytes every
other one. As all of them hear the same, one deframer listens for all. What goes wrong on the
way is the part of `faults`.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime

from edge_agent.virtual.faults import Faults, Trouble, superpose
from edge_agent.virtual.hdlc import Deframer, Frame
from edge_agent.virtual.station import Station

_SLICE_S = 0.02
"""Answers reach the client in pieces of so much line time, as a driver hands them over."""
_DRIBBLE, _PAUSE_S = 7, 0.01
"""Octets in a piece of a meter that dribbles, and the pause behind each."""
_BITS = 10
"""Bits on the wire for each byte: start, eight, stop."""


class Line:
    """A half-duplex bus with its stations."""

    def __init__(
        self,
        stations: Sequence[Station],
        *,
        baud: int | None = None,
        turnaround_s: float = 0.0,
        echo: bool = False,
        faults: Faults | None = None,
    ) -> None:
        """Set up a silent bus.

        Args:
            stations: At addresses that differ, unless the faults allow others.
            baud: Pace in bits per second, ten bits a byte; None for no pace at all.
            turnaround_s: What a station waits before it answers, seconds.
            echo: The client hears itself, as behind many half-duplex adapters.
            faults: What goes wrong, in both directions; None for nothing.

        Raises:
            ValueError: two stations have one address.
        """
        self.trouble = Trouble(faults if faults is not None else Faults())
        self._stations: dict[bytes, list[Station]] = {}
        for station in stations:
            for name in station.destinations:
                there = self._stations.setdefault(name, [])
                if there and not self.trouble.faults.shared_addresses:
                    raise ValueError(f"two stations on one bus at HDLC address {name.hex()}")
                there.append(station)
        self._dead_until: dict[Station, float] = {}
        self._byte_s = _BITS / baud if baud else 0.0
        self._turnaround_s = turnaround_s
        self._echo = echo
        self._deframer = Deframer(frozenset(self._stations))
        self._free_at = 0.0
        self._under_way: list[tuple[float, int, bool, bytes]] = []
        self._count = 0

    def write(self, data: bytes, tick: float) -> None:
        """Take bytes of the client.

        Args:
            data: Any bytes.
            tick: Time of the line, seconds of any steady clock.
        """
        self._free_at = max(self._free_at, tick) + len(data) * self._byte_s
        self._push(self._free_at, data, to_client=False)

    def due(self) -> float | None:
        """Return when the next bytes arrive anywhere; None when the wire is silent."""
        return self._under_way[0][0] if self._under_way else None

    def advance(self, now: datetime, tick: float) -> bytes:
        """Let time pass and return the bytes that reached the client.

        Args:
            now: The true time, aware, for the meters.
            tick: Time of the line, seconds of the same clock as in `write`.
        """
        arrived: list[bytes] = []
        while self._under_way and self._under_way[0][0] <= tick:
            at, _, to_client, data = heapq.heappop(self._under_way)
            if to_client:
                arrived.append(data)
                continue
            if self._echo:
                arrived.append(data)
            self._hear(data, now, at)
        return b"".join(arrived)

    def _hear(self, data: bytes, now: datetime, at: float) -> None:
        """Let every station hear the client; queue what they answer."""
        for frame in self._deframer.feed(self.trouble.spoil(data), at):
            spoken: list[tuple[float, bytes]] = []
            stations = self._stations[frame.destination]
            dribbles = any(each.habits.dribbles for each in stations)
            for station in stations:
                answer = self._answer_of(station, frame, now, at)
                if answer:
                    spoken.append((station.slow_s, answer))
            for wait_s, answer in superpose(spoken, self._byte_s):
                self._answer(answer, wait_s, at, dribbles=dribbles)
                # The other stations hear it too; it is addressed to none of them.
                self._deframer.feed(answer, at)

    def _answer_of(self, station: Station, frame: Frame, now: datetime, at: float) -> bytes:
        """Return what one station says, which may be cut short by its death."""
        if self._dead_until.get(station, at) > at or not self.trouble.is_heard():
            return b""
        answer = station.answer(frame, now, at)
        dies_at = self.trouble.dies_at(len(answer)) if answer else None
        if dies_at is None:
            return answer
        station.power_off()
        self._dead_until[station] = at + self.trouble.faults.dead_s
        return answer[:dies_at]

    def _answer(self, data: bytes, wait_s: float, at: float, *, dribbles: bool) -> None:
        """Put an answer on the wire; one that is waited for does not hold the wire till then."""
        wait_s += self.trouble.delay_s()
        reached = max(self._free_at, at) + self._turnaround_s + wait_s
        data = self.trouble.spoil(data)
        step = max(1, int(_SLICE_S / self._byte_s)) if self._byte_s else len(data)
        step, pause_s = (_DRIBBLE, _PAUSE_S) if dribbles else (step, 0.0)
        for start in range(0, len(data), step or 1):
            piece = data[start : start + step]
            reached += len(piece) * self._byte_s + pause_s * bool(start)
            self._push(reached, piece, to_client=True)
        if not wait_s:
            self._free_at = reached

    def _push(self, at: float, data: bytes, *, to_client: bool) -> None:
        self._count += 1
        heapq.heappush(self._under_way, (at, self._count, to_client, data))
