# SPDX-License-Identifier: MIT
"""Leaks that are laid over a sound meter's readings, to see whether the rules find them.

A constant flow; a cistern that refills by 4 L every so many minutes; a cistern that runs on, in
three episodes of one to four hours a day at 200 L/h.

In: a seeded generator, readings in millilitres. Out: a leak; readings with it. Pure: the same
seed draws the same leak.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from random import Random
from typing import Final

from cloud_ingest.scoring.known import Reading

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
REFILL_ML: Final = 4000
RUN_ON_ML_PER_H: Final = 200_000
RUN_ONS_A_DAY: Final = 3


@dataclass(frozen=True, slots=True)
class Spell:
    """A flow at an even rate, in seconds since the leak began; without a length, all at once."""

    start_s: int
    end_s: int
    volume_ml: int

    def by(self, after_s: int) -> int:
        """Return what of it has flowed so long after the leak began."""
        if after_s >= self.end_s:
            return self.volume_ml
        passed_s = max(0, after_s - self.start_s)
        return self.volume_ml * passed_s // (self.end_s - self.start_s)


class Leak:
    """Spells one after the other."""

    def __init__(self, spells: Sequence[Spell]) -> None:
        self.spells = spells
        self._starts = [spell.start_s for spell in spells]
        self._before_ml = [0, *accumulate(spell.volume_ml for spell in spells)]

    def leaked_ml(self, after_s: int) -> int:
        """Return what has leaked so long after it began; before that, nothing."""
        last = bisect_right(self._starts, after_s) - 1
        return 0 if last < 0 else self._before_ml[last] + self.spells[last].by(after_s)


def with_leak(readings: Sequence[Reading], leak: Leak, start_s: int) -> list[Reading]:
    """Return readings of a register through which the leak flows, too."""
    return [(at_s, ml + leak.leaked_ml(at_s - start_s)) for at_s, ml in readings]


def _constant(litres_per_h: int, _rng: Random, length_s: int) -> Leak:
    return Leak([Spell(0, length_s, litres_per_h * 1000 * length_s // HOUR_S)])


def _refill(least_min: int, most_min: int, rng: Random, length_s: int) -> Leak:
    spells: list[Spell] = []
    at_s = rng.randrange(least_min * 60)
    while at_s <= length_s:
        spells.append(Spell(at_s, at_s, REFILL_ML))
        at_s += rng.randint(least_min * 60, most_min * 60)
    return Leak(spells)


def _run_on(rng: Random, length_s: int) -> Leak:
    spells: list[Spell] = []
    for day_s in range(0, length_s, DAY_S):
        lengths = [rng.randint(HOUR_S, 4 * HOUR_S) for _ in range(RUN_ONS_A_DAY)]
        free_s = DAY_S - sum(lengths)
        pauses = sorted(rng.randint(0, free_s) for _ in lengths)
        ran_s = 0
        for pause_s, run_s in zip(pauses, lengths, strict=True):
            start_s = day_s + pause_s + ran_s
            spells.append(Spell(start_s, start_s + run_s, RUN_ON_ML_PER_H * run_s // HOUR_S))
            ran_s += run_s
    return Leak(spells)


CONSTANT_L_PER_H: Final = (2, 5, 10, 25, 100)
LEAKS: Final[dict[str, Callable[[Random, int], Leak]]] = {
    **{f"constant {rate} L/h": partial(_constant, rate) for rate in CONSTANT_L_PER_H},
    "refill every 30-60 min": partial(_refill, 30, 60),
    "refill every 60-110 min": partial(_refill, 60, 110),
    "run-on 200 L/h": _run_on,
}
"""What is injected, by the name under which its score is shown."""


class ConstantSupply:
    """A flat that has water at any hour."""

    kinds = tuple(LEAKS)

    def __init__(self, readings: Sequence[Reading]) -> None:
        self.readings = readings

    def leak(
        self, kind: str, start_s: int, length_s: int, rng: Random
    ) -> Callable[[int, int], list[Reading]]:
        """Lay a leak over the flat."""
        leak = LEAKS[kind](rng, length_s)
        return lambda first, last: with_leak(self.readings[first:last], leak, start_s)
