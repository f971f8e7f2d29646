# SPDX-License-Identifier: MIT
"""Registers of 10 L and 100 L: leaks are told by the statistics of their steps.

A coarse register hides single hours: 5 L/h move one of 10 L every other hour. Several rates of
leak are watched for (`watch`), each against what the flat's own register does at that hour of the
day (`ticks`); the one with most evidence over its limit is told. A burst and a run-on fixture are
told by litres, as on a fine register; in steps of 100 L an hour's litres are too rough for a
burst, and the fastest rate stands for it.

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

from cloud_ingest.core.rules.water.episode import BURST, RUN_ON, STEPS, Finding, Verdict
from cloud_ingest.core.rules.water.hours import HOUR_S, LONGEST_S, Hour
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.ticks import SIZE as TICKS_SIZE
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


def blind_spot(resolution_l: Decimal, interval_s: int) -> str:
    """Say in one sentence what a register cannot show.

    Args:
        resolution_l: One step of the register.
        interval_s: How far apart its readings are.
    """
    step = f"{resolution_l.normalize():f} L"
    if interval_s > LONGEST_S:
        return (
            f"This register is read every {interval_s / HOUR_S:.0f} h: "
            "no hour of use is known, so that no leak can be told from use."
        )
    if resolution_l < COARSE_L:
        return (
            f"This register moves in steps of {step}: "
            "a leak that leaves two dry hours in a row passes for use."
        )
    rates = scale_of(resolution_l).rates
    slow, next_one = (each.steps_per_h * float(resolution_l) for each in rates[:2])
    days = ("two days", "a day") if resolution_l < ROUGH_L else ("three days", "two days")
    return (
        f"This register moves in steps of {step}: a leak below {slow:.0f} L/h passes for use, "
        f"one of {slow:.0f} L/h takes about {days[0]} to show and one of {next_one:.0f} L/h "
        f"about {days[1]}."
    )


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
        self.strong: deque[tuple[int, int, float]] = deque(maxlen=24)
        """End, length and litres of the newest day's hours that a burst or a run-on is made of.

        None in a common area: gardens are watered for hours.
        """

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
            watch.falls_short(rate, hour.end_s, hour.span_s, steps)
            for watch, rate in zip(self.watches, scale.rates, strict=True)
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
        while self.strong and self.strong[0][0] - self.strong[0][1] < hour.end_s - DAY_S:
            self.strong.popleft()
        if not meter.common and hour.rate is not None and hour.rate >= BURST_L:
            self.strong.append((hour.end_s, hour.span_s, hour.litres or 0.0))

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
        run_on_l = sum(_above(litres, span_s) for _, span_s, litres in self.strong)
        if run_on_l >= scale.run_on_l - 30 * early:
            return _strong_finding("leak", RUN_ON, list(self.strong))
        return None

    def _burst(self, now_s: int, least_l_per_h: float) -> list[tuple[int, int, float]] | None:
        block = list(self.strong)[-BURST_H:]
        if len(block) < BURST_H or block[-1][0] != now_s:
            return None
        if any(litres * HOUR_S < least_l_per_h * span_s for _, span_s, litres in block):
            return None
        follow = all(later[0] - later[1] == earlier[0] for earlier, later in pairwise(block))
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
        coarse.ticks = Ticks.unpack(packed[here : (here := here + TICKS_SIZE)])
        for _ in range(watches):
            coarse.watches.append(Watch.unpack(packed[here : (here := here + Watch.SIZE)]))
        for index in range(strong):
            at = here + index * cls._STRONG.size
            coarse.strong.append(cls._STRONG.unpack_from(packed, at))
        return coarse


def _above(litres: float, span_s: int) -> float:
    low, high = RUN_ON_L
    hours = span_s / HOUR_S
    return min(max(litres - low * hours, 0.0), (high - low) * hours)


def _leak_finding(watch: Watch, each: Rate, meter: WaterMeter) -> Finding:
    step_l = float(meter.litres_per_count)
    detail: dict[str, str | int | float | None] = {
        "part": STEPS,
        "rate_l_per_h": round(each.steps_per_h * step_l, 1),
        "least_l_per_h": round(each.least_steps_per_h * step_l, 1),
        "litres": round(watch.steps * step_l, 1),
        "known_h": round(watch.known_s / HOUR_S, 1),
        "start_known": watch.start_known,
    }
    return Finding("leak", "alarm", watch.since_s, detail)


def _strong_finding(kind: str, part: str, hours: list[tuple[int, int, float]]) -> Finding:
    rates = [litres * HOUR_S / span_s for _, span_s, litres in hours]
    detail: dict[str, str | int | float | None] = {
        "part": part,
        "rate_l_per_h": round(rates[-1], 1),
        "least_l_per_h": round(min(rates), 1) if part == BURST else 0.0,
        "litres": round(sum(litres for _, _, litres in hours), 1),
        "known_h": round(sum(span_s for _, span_s, _ in hours) / HOUR_S, 1),
        "start_known": True,
    }
    end_s, span_s, _ = hours[0]
    return Finding(kind, "alarm", end_s - span_s, detail)
