# SPDX-License-Identifier: MIT
"""Registers of 10 L and 100 L: leaks are told by the statistics of their steps.

A coarse register hides single hours: 5 L/h move one of 10 L every other hour. Several rates of
leak are watched for (`watch`), each against what the flat's own register does at that hour of the
day (`ticks`); the one with most evidence over its limit is told. A burst and a run-on fixture are
told as on a fine register (`strong`). In steps of 100 L an hour's litres are too rough for a
burst, and the fastest rate stands for it; how rare they are for the flat says nothing there.

It ends when the register falls short of the slowest rate: three hours without a step on a register
of 10 L, seven on one of 100 L. While a run lasts, its hours are not learnt.

In: hours. Out: verdicts. Pure.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cloud_ingest.core.rules.water.episode import BURST, RUN_ON, STEPS, Detail, Finding, Verdict
from cloud_ingest.core.rules.water.habit import Habit
from cloud_ingest.core.rules.water.hours import HOUR_S, LONGEST_S, Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import THRESHOLDS, Point
from cloud_ingest.core.rules.water.strong import Strong
from cloud_ingest.core.rules.water.ticks import Ticks
from cloud_ingest.core.rules.water.track import Track
from cloud_ingest.core.rules.water.use import NOT_LEARNT_AFTER_S, Use, bin_of
from cloud_ingest.core.rules.water.watch import Rate, Watch, rate

COARSE_L = Decimal(4)
"""From this step on an hour's litres are too rough to be judged one by one."""
ROUGH_L = Decimal(50)
RUN_ON_EARLIER_L = 30
"""So many litres less are asked for at the early point."""
NONE = 255
MOST_HABIT = 6.0
ENDED = -10.0
"""A run whose evidence lies so far below the limit is over."""
EARLIER = 1.5
"""So much less evidence is asked for at the early point."""


@dataclass(frozen=True, slots=True)
class Scale:
    """What is watched for on registers of about one step."""

    rates: tuple[Rate, ...]
    """The slowest first. Hours are not learnt while the second one's run lasts."""
    burst: bool
    run_on_l: float
    run_on_nats: float


TENS = Scale(
    rates=(
        rate(0.5, by_the_hour=0.25, limit=21.5),
        rate(1.0, by_the_hour=0.4, limit=22.5),
        rate(1.4, by_the_hour=0.56, limit=28),
        rate(2.0, by_the_hour=0.8, limit=33),
        rate(2.8, by_the_hour=1.1, limit=35),
        rate(4.0, by_the_hour=1.6, limit=35),
    ),
    burst=True,
    run_on_l=380,
    run_on_nats=10,
)
HUNDREDS = Scale(
    rates=(
        rate(0.2, by_the_hour=0.2, limit=18),
        rate(0.3, by_the_hour=0.2, limit=16),
        rate(0.6, by_the_hour=0.3, limit=14),
        rate(1.0, by_the_hour=0.3, limit=11),
    ),
    burst=False,
    run_on_l=440,
    run_on_nats=0,
)


def scale_of(resolution_l: Decimal) -> Scale:
    """Return what is watched for on a register of this step."""
    return TENS if resolution_l < ROUGH_L else HUNDREDS


class Coarse:
    """What is remembered of one coarse register."""

    __slots__ = ("before", "habit", "strong", "ticks", "told", "use", "watches")
    _HEAD = struct.Struct("<BBB")

    def __init__(self) -> None:
        self.ticks = Ticks()
        self.watches: list[Watch] = []
        self.use = Use()
        self.strong = Strong()
        self.habit = Habit(MOST_HABIT)
        self.before = 0
        """The bin of the last known hour."""
        self.told = NONE
        """The watch that the newest finding spoke of."""

    def take(self, hour: Hour, meter: WaterMeter, point: Point) -> Verdict:
        """Judge one more hour."""
        scale = scale_of(meter.litres_per_count)
        self.strong.run_on.forget(hour.end_s)
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
        self.before = bin_of(hour.rate or 0.0)
        if short[0]:
            self.habit.take(hour.span_s, None)
            self.told = NONE
            return Verdict(over=True)
        return Verdict(self._finding(hour, meter, scale, point))

    def _pass_over(self, hour: Hour) -> Verdict:
        self.strong.burst.end()
        if hour.anew:
            self.strong.begin_anew()
        for watch in self.watches:
            if hour.anew:
                watch.begin(hour.end_s, start_known=False)
            else:
                watch.pass_over(hour.end_s, hour.span_s)
        return Verdict(over=hour.anew)

    def _weigh(
        self, hour: Hour, meter: WaterMeter, scale: Scale, steps: int, short: list[bool]
    ) -> None:
        middle_s = (hour.start_s + hour.end_s) // 2
        of_day = datetime.fromtimestamp(middle_s, meter.zone).hour
        of_use = self.ticks.chances(of_day, 0), self.ticks.chances(of_day, 1)
        chances = of_use[self.before > 0]
        chance = chances[min(steps, len(chances) - 1)]
        for watch, each, ended in zip(self.watches, scale.rates, short, strict=True):
            if not ended:
                watch.weigh(each, hour.span_s, steps, chance, of_use)
        leaks = 0.0
        if self.told != NONE:
            leaks = scale.rates[self.told].steps_per_h * float(meter.litres_per_count)
        self.strong.add(hour, of_day, self.use, self.before, leaks=leaks)
        learn = self.watches[1].known_s <= NOT_LEARNT_AFTER_S
        if learn:
            self.ticks.learn(of_day, self.before > 0, steps)
        self.use.add(of_day, self.before, bin_of(hour.rate or 0.0), learn=learn)

    def _finding(self, hour: Hour, meter: WaterMeter, scale: Scale, point: Point) -> Finding | None:
        early = point is Point.EARLY
        shown = [
            watch.score(each) - each.limit
            for watch, each in zip(self.watches, scale.rates, strict=True)
        ]
        leak = max(range(len(shown)), key=lambda index: shown[index])
        self.habit.take(hour.span_s, shown[leak] if shown[leak] > ENDED else None)
        self.told = leak if shown[leak] + EARLIER * early >= self.habit.extra else NONE
        run_on = self.strong.run_on
        if scale.burst and not meter.common and self.strong.bursts(hour.end_s, THRESHOLDS[point]):
            return _strong_finding("burst", BURST, self.strong.burst, hour)
        if self.told != NONE:
            return _leak_finding(self.watches[leak], scale.rates[leak], meter)
        run_on_l = scale.run_on_l - RUN_ON_EARLIER_L * early
        if not meter.common and run_on.lasts(run_on_l, scale.run_on_nats):
            return _strong_finding("leak", RUN_ON, run_on.as_track(), hour)
        return None

    def pack(self) -> bytes:
        """Return all of it as bytes, without loss."""
        head = self._HEAD.pack(self.before, self.told, len(self.watches))
        watches = b"".join(watch.pack() for watch in self.watches)
        own = self.ticks.pack() + watches + self.habit.pack()
        return head + own + self.strong.pack() + self.use.pack()

    @classmethod
    def unpack(cls, packed: bytes) -> "Coarse":
        """Return what `pack` packed; of b"" a new memory."""
        coarse = cls()
        if not packed:
            return coarse
        coarse.before, coarse.told, watches = cls._HEAD.unpack_from(packed)
        here = cls._HEAD.size
        coarse.ticks = Ticks.unpack(packed[here : (here := here + Ticks.SIZE)])
        for _ in range(watches):
            coarse.watches.append(Watch.unpack(packed[here : (here := here + Watch.SIZE)]))
        coarse.habit.restore(packed[here : (here := here + Habit.SIZE)])
        coarse.strong, rest = Strong.unpack(packed[here:])
        coarse.use, _ = Use.unpack(rest)
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


def _strong_finding(kind: str, part: str, track: Track, hour: Hour) -> Finding:
    return Finding(kind, "alarm", track.since_s, track.detail(part, hour.rate))
