# SPDX-License-Identifier: MIT
"""Registers are cut into hours, each between two readings that are about an hour apart.

Nothing is interpolated: an hour begins and ends with a reading, at whatever minute the meter is
read. Where no two readings are about an hour apart, a register that did not move was dry; one
that moved tells nothing of each hour. A fall, or a step that no such meter passes, begins anew if
the reading after it agrees; else it was one false reading, and is left out.

In: readings, one after the other. Out: hours without a gap between any two. Owns: the reading
that the next hour begins with. The cut depends on the readings alone, never on when they came.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HOUR_S = 3600
SHORTEST_S = 30 * 60
FULL_S = 52 * 60 + 30
"""A reading so long after the last one ends the hour at once: nearer to it than a quarter."""
LONGEST_S = 90 * 60
BRIDGED_S = 12 * HOUR_S
"""How much unknown time a run of flow bridges."""
LAST_S = 2**32 - 1
LAST_RAW = 2**63 - 1

Reading = tuple[int, int]
"""Seconds since 1970, and the raw register."""


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
    """The reading that opens the next hour, one that may close it, and one in doubt."""

    __slots__ = ("doubt", "maybe", "opening")
    _FORM = struct.Struct("<IqIqIq")
    SIZE = _FORM.size

    def __init__(self) -> None:
        self.opening: Reading | None = None
        self.maybe: Reading | None = None
        """Late enough to close the hour, should none follow that is nearer to a full one."""
        self.doubt: Reading | None = None
        """It fell or jumped: the next reading says whether the register did, or it alone."""

    def pack(self) -> bytes:
        """Return the three readings; a time of 0 stands for none."""
        none = (0, 0)
        return self._FORM.pack(
            *(self.opening or none), *(self.maybe or none), *(self.doubt or none)
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Cutter":
        """Return the cutter that `pack` packed."""
        cutter = cls()
        fields = cls._FORM.unpack(packed)
        cutter.opening, cutter.maybe, cutter.doubt = (
            (ts, raw) if ts else None for ts, raw in zip(fields[::2], fields[1::2], strict=True)
        )
        return cutter

    def take(
        self, reading: Reading, litres_per_count: float, most_l_per_h: float
    ) -> Iterator[Hour]:
        """Yield the hours that this reading ends: none or more."""
        if self.opening is None:
            self.opening = reading
            return
        most = most_l_per_h / litres_per_count
        if not _follows(self.maybe or self.opening, reading, most):
            if self.doubt is None:
                self.doubt = reading
                return
            if self.maybe is not None:
                yield self._close(self.opening, self.maybe, litres_per_count)
            yield Hour(self.opening[0], self.doubt[0], None, anew=True)
            self.opening, self.maybe = self.doubt, None
            if not _follows(self.opening, reading, most):
                self.doubt = reading
                return
        self.doubt = None
        if reading[0] - self.opening[0] > LONGEST_S and self.maybe is not None:
            yield self._close(self.opening, self.maybe, litres_per_count)
        span_s = reading[0] - self.opening[0]
        if span_s >= FULL_S:
            yield self._close(self.opening, reading, litres_per_count)
        elif span_s >= SHORTEST_S:
            self.maybe = reading

    def _close(self, opening: Reading, closing: Reading, litres_per_count: float) -> Hour:
        start_s, end_s = opening[0], closing[0]
        litres = (closing[1] - opening[1]) * litres_per_count
        self.opening, self.maybe = closing, None
        if litres > 0 and end_s - start_s > LONGEST_S:
            return Hour(start_s, end_s, None)
        return Hour(start_s, end_s, litres)


def _follows(before: Reading, after: Reading, most_an_hour: float) -> bool:
    """Say whether a register can have moved so."""
    step = after[1] - before[1]
    return 0 <= step * HOUR_S <= most_an_hour * max(after[0] - before[0], HOUR_S)
