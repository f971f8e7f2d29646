# SPDX-License-Identifier: MIT
"""One rate of leak that is watched for on a coarse register. Pure.

Two things are asked of the steps of a register:

* *Can it be?* A leak of so many litres an hour leaves no stretch of time, long or short, in which
  the register falls short of it by more than one step. The first stretch that does ends the run.
* *How much likelier is it with the leak than without?* An hour of n steps is, with a leak that
  owes k of them, an hour of n - k steps of use. The logarithm of how likely that is for this
  flat at this hour, less that of n steps without a leak, is added up. At night one step an hour
  says much, at noon next to nothing; and an hour after one whose steps the leak explains is an
  hour after no use.

Hours are not as independent as a sum takes them to be, so one hour counts 3 at most (20 to 1),
and a run earns a little by its mere length.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cloud_ingest.core.rules.water.hours import BRIDGED_S, HOUR_S
from cloud_ingest.core.rules.water.ticks import LEVELS

SPREAD = 1.19
"""A rate stands for those from 1.19 times less to 1.19 times more."""
SLACK = 0.98
MOST_AN_HOUR = 3.0
LEAST_CHANCE = 0.003
"""Nothing is thought less likely than this: people do odd things."""
DRAWS = 64


def _owed(steps_per_h: float) -> tuple[tuple[int, float], ...]:
    """Return how likely it is that such a leak moves the register by k steps in an hour."""
    owed: dict[int, float] = {}
    for draw in range(DRAWS):
        low, high = steps_per_h / SPREAD, steps_per_h * SPREAD
        rate = low + (high - low) * (draw + 0.5) / DRAWS
        whole = math.floor(rate)
        owed[whole] = owed.get(whole, 0.0) + (whole + 1 - rate) / DRAWS
        owed[whole + 1] = owed.get(whole + 1, 0.0) + (rate - whole) / DRAWS
    return tuple(sorted(owed.items()))


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of leak, in steps of the register, and how much evidence of it is asked for."""

    steps_per_h: float
    by_the_hour: float
    """What each known hour of the run earns by itself."""
    limit: float
    owed: tuple[tuple[int, float], ...]
    most_owed: int

    @property
    def least_steps_per_h(self) -> float:
        """The slowest leak that it stands for."""
        return self.steps_per_h / SPREAD * SLACK


def rate(steps_per_h: float, by_the_hour: float, limit: float) -> Rate:
    """Return a rate to watch for."""
    return Rate(steps_per_h, by_the_hour, limit, _owed(steps_per_h), math.ceil(steps_per_h))


class Watch:
    """The evidence for a leak of one rate."""

    __slots__ = (
        "evidence",
        "known_s",
        "short",
        "since_s",
        "start_known",
        "steps",
        "unknown_s",
        "used",
    )
    _FORM = struct.Struct("<IIIIdd??")
    SIZE = _FORM.size

    def __init__(self) -> None:
        self.begin(0, start_known=False)

    def begin(self, since_s: int, *, start_known: bool) -> None:
        """Begin anew; `start_known`: a shortfall came right before."""
        self.since_s, self.start_known = since_s, start_known
        self.short = self.evidence = 0.0
        """By how many steps the register falls short of the leak; the evidence so far."""
        self.known_s = self.unknown_s = self.steps = 0
        self.used = False
        """The last hour had use beside the leak."""

    def pass_over(self, end_s: int, span_s: int) -> None:
        """Let a stretch pass of which the single hours are not known."""
        self.unknown_s += span_s
        self.short = 0.0
        if self.unknown_s > BRIDGED_S:
            self.begin(end_s, start_known=False)

    def falls_short(self, rate: Rate, end_s: int, span_s: int, steps: int) -> bool:
        """Take in the steps of a stretch; say whether they are too few for such a leak."""
        due = rate.least_steps_per_h * span_s / HOUR_S
        self.short = max(0.0, self.short + due - steps)
        if self.short <= 1:
            return False
        self.begin(end_s, start_known=True)
        return True

    def weigh(
        self,
        rate: Rate,
        span_s: int,
        steps: int,
        chance: float,
        of_use: tuple[Sequence[float], Sequence[float]],
    ) -> None:
        """Add the evidence of one hour.

        Args:
            rate: What is watched for.
            span_s: How long the hour was.
            steps: By how much the register moved in it.
            chance: How likely that is without a leak.
            of_use: How likely each number of steps of use is, after none and after some.
        """
        chances = of_use[self.used]
        leaking = 0.0
        for owed, weight in rate.owed:
            use = steps - owed
            if use >= 0:
                leaking += weight * chances[min(use, LEVELS - 1)]
        odds = math.log((leaking + LEAST_CHANCE) / (chance + LEAST_CHANCE))
        self.evidence = max(0.0, self.evidence + max(-MOST_AN_HOUR, min(MOST_AN_HOUR, odds)))
        self.known_s += span_s
        self.steps += steps
        self.used = steps > rate.most_owed

    def score(self, rate: Rate) -> float:
        """Return the evidence together with what the length of the run earns."""
        return self.evidence + rate.by_the_hour * self.known_s / HOUR_S

    def pack(self) -> bytes:
        """Return it as bytes, without loss."""
        return self._FORM.pack(
            self.since_s,
            self.known_s,
            self.unknown_s,
            self.steps,
            self.short,
            self.evidence,
            self.start_known,
            self.used,
        )

    @classmethod
    def unpack(cls, packed: bytes) -> "Watch":
        """Return what `pack` packed."""
        watch = cls()
        (
            watch.since_s,
            watch.known_s,
            watch.unknown_s,
            watch.steps,
            watch.short,
            watch.evidence,
            watch.start_known,
            watch.used,
        ) = cls._FORM.unpack(packed)
        return watch
