# SPDX-License-Identifier: MIT
"""Registers of 10 L and 100 L: leaks are told by the statistics of their steps.

A coarse register hides single hours: 5 L/h move one of 10 L every other hour. Several rates of
leak are watched for (`watch`), each against what the flat's own register does at that hour of the
day (`ticks`); the one with most evidence over its limit is told. A burst and a run-on fixture are
told by litres, as on a fine register, but not by how rare they are for the flat: its use is
counted up to seven steps an hour, too few to tell a burst from a busy hour. In steps of 100 L an
hour's litres are too rough for a burst, and the fastest rate stands for it.

It ends when the register falls short of the slowest rate: three hours without a step on a register
of 10 L, seven on one of 100 L. While a run lasts, its hours are not learnt.

In: hours. Out: verdicts. Pure.
"""

import struct
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from cloud_ingest.core.rules.water.episode import BURST, RUN_ON, STEPS, Detail, Finding, Verdict
from cloud_ingest.core.rules.water.hours import HOUR_S, LONGEST_S, Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.ticks import Ticks
from cloud_ingest.core.rules.water.watch import Rate, Watch, rate

COARSE_L = Decimal(4)
"""From this step on an hour's litres are too rough to be judged one by one."""
ROUGH_L = Decimal(50)
NOT_LEARNT_AFTER_S = 14 * HOUR_S
BURST_H = 4
BURST_L = 85
RUN_ON_L = (90, 200)
"""Of an hour, what is above the first counts, up to the second."""
RUN_ON_EARLIER_L = 30
"""So many litres less are asked for at the early point."""
DAY_S = 24 * HOUR_S + 720
EARLIER = 2.0
"""So much less evidence is asked for at the early point."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What is watched for on registers of about one step."""

    rates: tuple[Rate, ...]
    """The slowest first. Hours are not learnt while the second one's run lasts."""
    burst: bool
    run_on_l: float


TENS = Scale(
    rates=(
        rate(0.5, by_the_hour=0.25, limit=22.5),
        rate(1.0, by_the_hour=0.4, limit=23.5),
        rate(1.4, by_the_hour=0.56, limit=29),
        rate(2.0, by_the_hour=0.8, limit=34),
        rate(2.8, by_the_hour=1.1, limit=36),
        rate(4.0, by_the_hour=1.6, limit=36),
    ),
    burst=True,
    run_on_l=380,
)
HUNDREDS = Scale(
    rates=(
        rate(0.2, by_the_hour=0.2, limit=19),
        rate(0.3, by_the_hour=0.2, limit=17),
        rate(0.6, by_the_hour=0.3, limit=15),
        rate(1.0, by_the_hour=0.3, limit=12),
    ),
    burst=False,
    run_on_l=440,
)


def scale_of(resolution_l: Decimal) -> Scale:
    """Return what is watched for on a register of this step."""
    return TENS if resolution_l < ROUGH_L else HUNDREDS


class StrongHour(NamedTuple):
    """An hour that a burst or a run-on is made of."""

    end_s: int
    span_s: int
    litres: float

    @property
    def start_s(self) -> int:
        """Return when it began."""
        return self.end_s - self.span_s

    @property
    def rate(self) -> float:
        """Litres an hour."""
        return self.litres * HOUR_S / self.span_s

    @property
    def run_on_l(self) -> float:
        """Return what of it counts for a run-on."""
        low, high = RUN_ON_L
        hours = self.span_s / HOUR_S
        return min(max(self.litres - low * hours, 0.0), (high - low) * hours)


class Coarse:
    """What is remembered of one coarse register."""

    __slots__ = ("strong", "ticks", "used_before", "watches")
    _HEAD = struct.Struct("<?BB")
    _STRONG = struct.Struct("<IHd")

    def __init__(self) -> None:
        self.ticks = Ticks()
        self.watches: list[Watch] = []
        self.used_before = False
        """The register moved in the last known hour."""
        self.strong: deque[StrongHour] = deque(maxlen=24)
        """Those of the newest day; none in a common area: gardens are watered for hours."""

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Judge one more hour."""
        scale = scale_of(meter.litres_per_count)
        if len(self.watches) != len(scale.rates):
            self.watches = [Watch() for _ in scale.rates]
            for watch in self.watches:
                watch.begin(hour.start_s, start_known=False)
        if hour.litres is None:
            return self._pass_over(hour)
        steps = round(hour.litres / float(meter.litres_per_count))
        short = [
            watch.falls_short(each, hour.end_s, hour.span_s, steps)
            for watch, each in zip(self.watches, scale.rates, strict=True)
        ]
        if hour.span_s <= LONGEST_S:
            self._weigh(hour, meter, scale, steps, short)
        self.used_before = steps > 0
        if short[0]:
            return Verdict(over=True)
        return Verdict(self._finding(hour, meter, scale, point))

    def _pass_over(self, hour: Hour) -> Verdict:
        for watch in self.watches:
            if hour.anew:
                watch.begin(hour.end_s, start_known=False)
            else:
                watch.pass_over(hour.end_s, hour.span_s)
        if hour.anew:
            self.strong.clear()
        return Verdict(over=hour.anew)

    def _weigh(
        self, hour: Hour, meter: WaterMeter, scale: Scale, steps: int, short: list[bool]
    ) -> None:
        middle_s = (hour.start_s + hour.end_s) // 2
        of_day = datetime.fromtimestamp(middle_s, meter.zone).hour
        of_use = self.ticks.chances(of_day, 0), self.ticks.chances(of_day, 1)
        chances = of_use[self.used_before]
        chance = chances[min(steps, len(chances) - 1)]
        for watch, each, ended in zip(self.watches, scale.rates, short, strict=True):
            if not ended:
                watch.weigh(each, hour.span_s, steps, chance, of_use)
        if self.watches[1].known_s <= NOT_LEARNT_AFTER_S:
            self.ticks.learn(of_day, self.used_before, steps)
        while self.strong and self.strong[0].start_s < hour.end_s - DAY_S:
            self.strong.popleft()
        if not meter.common and hour.rate is not None and hour.rate >= BURST_L:
            self.strong.append(StrongHour(hour.end_s, hour.span_s, hour.litres or 0.0))

    def _finding(self, hour: Hour, meter: WaterMeter, scale: Scale, point: Point) -> Finding | None:
        early = point is Point.EARLY
        shown = [
            watch.score(each) - each.limit + EARLIER * early
            for watch, each in zip(self.watches, scale.rates, strict=True)
        ]
        leak = max(range(len(shown)), key=lambda index: shown[index])
        leaks = scale.rates[leak].steps_per_h * float(meter.litres_per_count)
        least = BURST_L + leaks * (shown[leak] >= 0)
        if scale.burst and (block := self._burst(hour.end_s, least)):
            return _strong_finding("burst", BURST, block)
        if shown[leak] >= 0:
            return _leak_finding(self.watches[leak], scale.rates[leak], meter)
        run_on_l = sum(each.run_on_l for each in self.strong)
        if run_on_l >= scale.run_on_l - RUN_ON_EARLIER_L * early:
            return _strong_finding("leak", RUN_ON, list(self.strong))
        return None

    def _burst(self, now_s: int, least_l_per_h: float) -> list[StrongHour] | None:
        block = list(self.strong)[-BURST_H:]
        if len(block) < BURST_H or block[-1].end_s != now_s:
            return None
        if any(each.rate < least_l_per_h for each in block):
            return None
        follow = all(later.start_s == earlier.end_s for earlier, later in pairwise(block))
        return block if follow else None

    def pack(self) -> bytes:
        """Return all of it as bytes, without loss."""
        head = self._HEAD.pack(self.used_before, len(self.watches), len(self.strong))
        watches = b"".join(watch.pack() for watch in self.watches)
        strong = b"".join(self._STRONG.pack(*each) for each in self.strong)
        return head + self.ticks.pack() + watches + strong

    @classmethod
    def unpack(cls, packed: bytes) -> "Coarse":
        """Return what `pack` packed; of b"" a new memory."""
        coarse = cls()
        if not packed:
            return coarse
        coarse.used_before, watches, strong = cls._HEAD.unpack_from(packed)
        here = cls._HEAD.size
        coarse.ticks = Ticks.unpack(packed[here : (here := here + Ticks.SIZE)])
        for _ in range(watches):
            coarse.watches.append(Watch.unpack(packed[here : (here := here + Watch.SIZE)]))
        for index in range(strong):
            at = here + index * cls._STRONG.size
            coarse.strong.append(StrongHour(*cls._STRONG.unpack_from(packed, at)))
        return coarse


def _leak_finding(watch: Watch, each: Rate, meter: WaterMeter) -> Finding:
    step_l = float(meter.litres_per_count)
    detail: Detail = {
        "part": STEPS,
        "rate_l_per_h": round(each.steps_per_h * step_l, 1),
        "least_l_per_h": round(each.least_steps_per_h * step_l, 1),
        "litres": round(watch.steps * step_l, 1),
        "known_h": round(watch.known_s / HOUR_S, 1),
        "start_known": watch.start_known,
    }
    return Finding("leak", "alarm", watch.since_s, detail)


def _strong_finding(kind: str, part: str, hours: list[StrongHour]) -> Finding:
    detail: Detail = {
        "part": part,
        "rate_l_per_h": round(hours[-1].rate, 1),
        "least_l_per_h": round(min(each.rate for each in hours), 1) if part == BURST else 0.0,
        "litres": round(sum(each.litres for each in hours), 1),
        "known_h": round(sum(each.span_s for each in hours) / HOUR_S, 1),
        "start_known": True,
    }
    return Finding(kind, "alarm", hours[0].start_s, detail)
