# SPDX-License-Identifier: MIT
"""What a meter's own status says against its reading: it is not valid, or its time is not.

Each row of a load profile may carry a status word (0.0.96.10.1). Which bit means what is its
maker's own: in the profiles of DSMR and IDIS bit 0 is a critical error, 1 an invalid clock, 2 data
that are not valid, and 3, 5 and 7 (summer time, a clock that was set, power down) say nothing
against a register. So a meter has bits that count against it only if the list of units names them.

A claim with such a bit is *doubted*. It is set aside if claims that nobody doubts stand on both
sides of it, each at most a day away: there a border can be placed between them (`core.border`).
Else it is the best that is known: it is elected, and a border that it meets is marked.

In: bits, the times of claims. Out: the rule of a claim, the times of claims to set aside. Never: a
conclusion from a bit that nobody named. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from cloud_ingest.core.claim import Rule

DOUBTS: Final = frozenset({Rule.STATUS, Rule.CLOCK})
"""The rules by which a meter doubts its own reading."""
NEAR_S: Final = 86_400
"""How far the sound claims beside a doubted one may be: as far as from a border that is placed."""


class StatusBits(NamedTuple):
    """Which bits of a meter's status count against its reading; as numbers with these bits set."""

    invalid: int = 0
    """The reading is not valid: a critical error, data not valid."""
    clock: int = 0
    """Its time is not valid."""

    def rule(self, status: int | None) -> Rule | None:
        """Return the rule by which a status doubts its reading; of both the reading's own."""
        if status is None:
            return None
        if status & self.invalid:
            return Rule.STATUS
        return Rule.CLOCK if status & self.clock else None

    def parameters(self) -> dict[str, str]:
        """Return them by name, as they stand in the list of units; without those that are none."""
        return {
            name: " ".join(map(str, bits_of(mask)))
            for name, mask in zip(("invalid_bits", "clock_bits"), self, strict=True)
            if mask
        }


NO_BITS: Final = StatusBits()


def bits_of(mask: int) -> tuple[int, ...]:
    """Return which bits of a number are set, the lowest first."""
    return tuple(bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def replaceable(doubted: Iterable[int], sound: Sequence[int]) -> set[int]:
    """Return the times of doubted claims that sound ones on both sides replace.

    Args:
        doubted: When doubted claims were made, in seconds since 1970.
        sound: When claims were made that are elected and not doubted; ascending. One of the same
            moment stands on both sides.
    """
    found = set[int]()
    for ts in set(doubted):
        before, after = bisect_right(sound, ts) - 1, bisect_left(sound, ts)
        if before < 0 or after == len(sound):
            continue
        if ts - sound[before] <= NEAR_S and sound[after] - ts <= NEAR_S:
            found.add(ts)
    return found
