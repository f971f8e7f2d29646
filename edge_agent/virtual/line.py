# SPDX-License-Identifier: GPL-2.0-only
"""The wire of one bus: who hears what, and when.

In: bytes of the client, and the passing of time. Out: the bytes that reach the client.
Owns what is under way on the wire. Never reads a clock and never does I/O.

Everybody hears everything: the client's bytes reach every station, a station's bytes every
other one. As all of them hear the same, one deframer listens for all.
"""

import heapq
from collections.abc import Callable, Sequence
from datetime import datetime

from edge_agent.virtual.hdlc import Deframer
from edge_agent.virtual.station import Station

_SLICE_S = 0.02
"""Answers reach the client in pieces of so much line time, as a driver hands them over."""
_BITS = 10
"""Bits on the wire for each byte: start, eight, stop."""

Noise = Callable[[bytes], bytes]


class Line:
    """A half-duplex bus with its stations."""

    def __init__(
        self,
        stations: Sequence[Station],
        *,
        baud: int | None = None,
        turnaround_s: float = 0.0,
        echo: bool = False,
        noise: Noise | None = None,
    ) -> None:
        """Set up a silent bus.

        Args:
            stations: At addresses that differ.
            baud: Pace in bits per second, ten bits a byte; None for no pace at all.
            turnaround_s: What a station waits before it answers, seconds.
            echo: The client hears itself, as behind many half-duplex adapters.
            noise: What the wire makes of bytes, in both directions.

        Raises:
            ValueError: two stations have one address.
        """
        self._stations: dict[bytes, Station] = {}
        for station in stations:
            for name in station.destinations:
                if name in self._stations:
                    raise ValueError(f"two stations on one bus at HDLC address {name.hex()}")
                self._stations[name] = station
        self._byte_s = _BITS / baud if baud else 0.0
        self._turnaround_s = turnaround_s
        self._echo = echo
        self.noise = noise
        """May be changed while the bus runs."""
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
        if self.noise is not None:
            data = self.noise(data)
        for frame in self._deframer.feed(data, at):
            answer = self._stations[frame.destination].answer(frame, now, at)
            if not answer:
                continue
            self._free_at = max(self._free_at, at) + self._turnaround_s
            self._answer(answer)
            # The other stations hear it too; it is addressed to none of them.
            self._deframer.feed(answer, at)

    def _answer(self, data: bytes) -> None:
        if self.noise is not None:
            data = self.noise(data)
        step = max(1, int(_SLICE_S / self._byte_s)) if self._byte_s else len(data)
        for start in range(0, len(data), step or 1):
            piece = data[start : start + step]
            self._free_at += len(piece) * self._byte_s
            self._push(self._free_at, piece, to_client=True)

    def _push(self, at: float, data: bytes, *, to_client: bool) -> None:
        self._count += 1
        heapq.heappush(self._under_way, (at, self._count, to_client, data))
