# SPDX-License-Identifier: MIT
"""How often the register of one flat moves, by hour of day: counted by the flat's own use. Pure.

An hour of use moves a coarse register by no step, by one or by more: by how many is counted apart
for each hour of the day, and apart for hours that follow use and hours that follow none. A full
row is halved, so that what lies more than about seven weeks back no longer counts. An hour of
which little is known leans on all hours of the flat together.

Whole numbers: what is packed is what was counted.
"""

from collections.abc import Sequence

LEVELS = 8
"""No step, one, … six, seven or more."""
HOURS = 24
COUNT = 2
"""What one hour counts: so that a rare one survives a halving."""
FULL_ROW = 96
FULL_TOTALS = 1500
WEIGHT_OF_ALL_HOURS = 8.0
"""How many hours' weight all hours together have in the row of one."""
UNSEEN = 0.5
START = ((24, 4, 2, 1, 0, 0, 0, 0), (8, 5, 3, 2, 1, 1, 1, 1))
"""A flat of which nothing is known, after an hour without use and after one with it."""


class Ticks:
    """Counts of steps by hour of day and by whether the hour before had use."""

    __slots__ = ("rows", "totals")
    SIZE = HOURS * 2 * LEVELS + 2 * LEVELS * 2

    def __init__(self) -> None:
        self.rows = [[0] * LEVELS for _ in range(HOURS * 2)]
        self.totals = [list(row) for row in START]

    def learn(self, hour: int, used_before: int, steps: int) -> None:
        """Count one hour."""
        level = min(steps, LEVELS - 1)
        row, totals = self.rows[2 * hour + used_before], self.totals[used_before]
        row[level] += COUNT
        totals[level] += 1
        if sum(row) > FULL_ROW:
            row[:] = [count // 2 for count in row]
        if sum(totals) > FULL_TOTALS:
            totals[:] = [count // 2 for count in totals]

    def chances(self, hour: int, used_before: int) -> Sequence[float]:
        """Return how likely each number of steps is in such an hour without a leak."""
        row, totals = self.rows[2 * hour + used_before], self.totals[used_before]
        share = WEIGHT_OF_ALL_HOURS / (sum(totals) + UNSEEN * LEVELS)
        whole = sum(row) / COUNT + WEIGHT_OF_ALL_HOURS
        return [
            (count / COUNT + share * (total + UNSEEN)) / whole
            for count, total in zip(row, totals, strict=True)
        ]

    def pack(self) -> bytes:
        """Return the counts as bytes, without loss."""
        totals = b"".join(count.to_bytes(2) for row in self.totals for count in row)
        return b"".join(bytes(row) for row in self.rows) + totals

    @classmethod
    def unpack(cls, packed: bytes) -> "Ticks":
        """Return the counts that `pack` packed."""
        ticks = cls()
        ticks.rows = [list(packed[at : at + LEVELS]) for at in range(0, HOURS * 2 * LEVELS, LEVELS)]
        rest = packed[HOURS * 2 * LEVELS :]
        counts = [int.from_bytes(rest[at : at + 2]) for at in range(0, 4 * LEVELS, 2)]
        ticks.totals = [counts[:LEVELS], counts[LEVELS:]]
        return ticks
