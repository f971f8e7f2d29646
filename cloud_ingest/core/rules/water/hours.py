# SPDX-License-Identifier: MIT
"""Registers are cut into hours, each between two readings that are about an hour apart.

Nothing is interpolated: an hour begins and ends with a reading, at whatever minute the meter is
read. Where no two readings are about an hour apart, a register that did not move was dry; one
that moved tells nothing of each hour. A fall, or a step that no such meter passes, begins anew.

In: readings, one after the other. Out: hours without a gap between any two. Owns: the reading
that the next hour begins with. The cut depends on the readings alone, never on when they came.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HOUR_S = 3600
SHORTEST_S = 45 * 60
FULL_S = 52 * 60 + 30
"""A reading so long after the last one ends the hour at once: nearer to it than a quarter."""
LONGEST_S = 90 * 60
LAST_S = 2**32 - 1
LAST_RAW = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Hour:
    """What passed a meter between two readings."""

    start_s: int
    end_s: int
    litres: float | None
    """None: not known, or not known of each hour in it."""
    anew: bool = False
    """The register fell or jumped: what was before belongs to another register."""

    @property
    def span_s(self) -> int:
        """How long it was."""
        return self.end_s - self.start_s

    @property
    def rate(self) -> float | None:
        """Litres an hour, where they are known."""
        return None if self.litres is None else self.litres * HOUR_S / self.span_s


class Cutter:
    """The reading that opens the next hour, and one that may close it."""

    __slots__ = ("maybe", "opening")
    _FORM = struct.Struct("<IqIq")
    SIZE = _FORM.size

    def __init__(self) -> None:
        self.opening: tuple[int, int] | None = None
        self.maybe: tuple[int, int] | None = None

    def pack(self) -> bytes:
        """Return the two readings; a time of 0 stands for none."""
        return self._FORM.pack(*(self.opening or (0, 0)), *(self.maybe or (0, 0)))

    @classmethod
    def unpack(cls, packed: bytes) -> "Cutter":
        """Return the cutter that `pack` packed."""
        cutter = cls()
        opening_s, opening, maybe_s, maybe = cls._FORM.unpack(packed)
        cutter.opening = (opening_s, opening) if opening_s else None
        cutter.maybe = (maybe_s, maybe) if maybe_s else None
        return cutter

    def take(
        self, reading: tuple[int, int], litres_per_count: float, most_l_per_h: float
    ) -> Iterator[Hour]:
        """Yield the hours that this reading ends: none, one or two."""
        if self.opening is None:
            self.opening = reading
            return
        if reading[0] - self.opening[0] > LONGEST_S and self.maybe is not None:
            yield self._close(self.opening, self.maybe, litres_per_count, most_l_per_h)
        span_s = reading[0] - self.opening[0]
        if span_s >= FULL_S or reading[1] < self.opening[1]:
            yield self._close(self.opening, reading, litres_per_count, most_l_per_h)
        elif span_s >= SHORTEST_S:
            self.maybe = reading

    def _close(
        self,
        opening: tuple[int, int],
        closing: tuple[int, int],
        litres_per_count: float,
        most_l_per_h: float,
    ) -> Hour:
        start_s, end_s = opening[0], closing[0]
        litres = (closing[1] - opening[1]) * litres_per_count
        span_s = end_s - start_s
        self.opening, self.maybe = closing, None
        anew = litres < 0 or litres * HOUR_S > most_l_per_h * max(span_s, HOUR_S)
        if anew or (litres > 0 and span_s > LONGEST_S):
            return Hour(start_s, end_s, None, anew)
        return Hour(start_s, end_s, litres)
