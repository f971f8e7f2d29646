# SPDX-License-Identifier: MIT
"""The score of the tower rules: what they find in simulated towers, and whom they accuse wrongly.

In: hourly curves of households, the number of towers, a seed. Out: a `TowerScore`. The rules are
those of production; the towers are simulated. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Final, NamedTuple

from cloud_ingest.core.rules.tower.judge import Judgement, judge_tower
from cloud_ingest.core.rules.tower.within_day import LEARN_HOURS, patterns_of
from cloud_ingest.scoring.confidence import Interval, rate, share
from cloud_ingest.scoring.tower_sim import Curve, Fault, Setting, SimulatedTower, simulated

WINDOW_DAYS: Final = 120
MONTH_DAYS: Final = 30.4
SOUND_FROM: Final = 60
"""A sound tower is judged on each day from here on."""
CHECKS: Final = (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30, 45, 60)
"""A tower with a fault is judged so many days after it began."""
FAULTS: Final = {
    "common pipe, 25 L/h": Fault("leak", 25),
    "a meter stopped": Fault("share", 1.0),
    "half goes around a meter": Fault("share", 0.5),
    "a meter counts 20 % less": Fault("share", 0.2),
    "a meter counts 5 % less": Fault("share", 0.05),
}


class Trial(NamedTuple):
    """What was found in one tower."""

    fault: str
    use_l_per_day: float
    """Of the flat with the fault."""
    raised: tuple[int, ...]
    """Days after the fault on which a loss was raised; in a sound tower, days."""
    named: int | None
    """Days after the fault until its meter was named."""
    accused: int
    """Sound meters that were named."""
    days: int
    """In which the tower was judged."""
    meters: int


@dataclass(frozen=True, slots=True)
class Found:
    """How often a fault was found within so many days."""

    fault: str
    towers: int
    median_use_l_per_day: float
    raised: dict[int, Interval]
    named: dict[int, Interval]


@dataclass(frozen=True, slots=True)
class TowerScore:
    """What the rules found and what they invented."""

    alarms: int
    sound_days: int
    alarms_per_1000_days: Interval
    accused: int
    meter_months: float
    accused_per_1000_meter_months: Interval
    """In sound towers, and beside the fault in others."""
    accused_in_sound: int
    accused_sound: Interval
    """In sound towers alone."""
    found: tuple[Found, ...]


def judged(tower: SimulatedTower, day: int, *, is_open: bool) -> Judgement | None:
    """Judge a tower as production does: by its days, then by its hours if something changed."""
    return judge_tower(
        tower.until(day, WINDOW_DAYS),
        lambda since: patterns_of(tower.hours_until(day, since - LEARN_HOURS), since),
        is_open=is_open,
    )


def trial(
    curves: Sequence[Curve], name: str | None, seed: int, setting: Setting | None = None
) -> Trial:
    """Simulate a tower with a fault, or a sound one, and judge it day by day."""
    setting = setting or Setting()
    fault = FAULTS[name] if name else Fault()
    tower = simulated(curves, fault, Random(f"{name} {seed}"), setting)  # noqa: S311
    checks = [fault.day - 1 + day for day in CHECKS] if name else range(SOUND_FROM, setting.days)
    raised: list[int] = []
    named: int | None = None
    accused: set[str] = set()
    is_open = False
    for day in checks:
        verdict = judged(tower, day, is_open=is_open)
        if verdict is None:
            continue
        after = day - fault.day + 1 if name else day
        if verdict.loss is not None and not is_open:
            raised.append(after)
        is_open = verdict.loss is not None
        for suspect in verdict.named:
            if suspect.meter != tower.flat:
                accused.add(suspect.meter)
            elif named is None:
                named = after
    days = checks[-1] - checks[0] + 1
    return Trial(
        name or "none", tower.use_l_per_day, tuple(raised), named, len(accused), days, setting.flats
    )


def score(trials: Sequence[Trial]) -> TowerScore:
    """Sum up what was found in many towers."""
    sound = [each for each in trials if each.fault == "none"]
    alarms, days = sum(len(each.raised) for each in sound), sum(each.days for each in sound)
    accused, months = sum(each.accused for each in trials), _meter_months(trials)
    return TowerScore(
        alarms=alarms,
        sound_days=days,
        alarms_per_1000_days=rate(alarms, days / 1000),
        accused=accused,
        meter_months=months,
        accused_per_1000_meter_months=rate(accused, months / 1000),
        accused_in_sound=sum(each.accused for each in sound),
        accused_sound=rate(sum(each.accused for each in sound), _meter_months(sound) / 1000),
        found=tuple(
            _found(name, [each for each in trials if each.fault == name])
            for name in FAULTS
            if any(each.fault == name for each in trials)
        ),
    )


def _meter_months(trials: Sequence[Trial]) -> float:
    return sum(each.days * each.meters for each in trials) / MONTH_DAYS


def _found(name: str, trials: Sequence[Trial]) -> Found:
    raised = {
        day: share(sum(any(r <= day for r in each.raised) for each in trials), len(trials))
        for day in CHECKS
    }
    named = {
        day: share(
            sum(each.named is not None and each.named <= day for each in trials), len(trials)
        )
        for day in CHECKS
    }
    use = median(each.use_l_per_day for each in trials)
    return Found(name, len(trials), use, raised, named)
