# SPDX-License-Identifier: MIT
"""The score of the tower rules: what they find in simulated towers, and whom they accuse wrongly.

In: hourly curves of households, kinds of towers, a seed. Out: a `TowerScore`. The rules are those
of production; the towers are simulated. Pure.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from statistics import median
from typing import Final, NamedTuple

from cloud_ingest.core.flag import SAME_WITHIN
from cloud_ingest.core.rules.tower.judge import Judgement, judge_tower
from cloud_ingest.core.rules.tower.within_day import LEARN_HOURS, patterns_of
from cloud_ingest.scoring.confidence import Interval, rate, share
from cloud_ingest.scoring.tower_kinds import Kind
from cloud_ingest.scoring.tower_sim import Curve, SimulatedTower, simulated

WINDOW_DAYS: Final = 120
MONTH_DAYS: Final = 30.4
SOUND_FROM: Final = 60
"""A sound tower is judged on each day from here on."""
CHECKS: Final = (*range(1, 15), 21, 30, 45, 60)
"""A tower with a fault is judged so many days after it began, the first being the fault's own."""
WITHIN: Final = (7, 14, 30, 60)


class Trial(NamedTuple):
    """What was found in one tower."""

    kind: str
    is_sound: bool
    use_l_per_day: float
    """Of the flat with the fault."""
    raised: tuple[int, ...]
    """Days after the fault on which a loss was raised; in a sound tower, days."""
    named: int | None
    """Days after the fault until its meter was named."""
    accused: int
    """Sound meters that were named."""
    days: int
    """On which the tower was judged."""
    meters: int


@dataclass(frozen=True, slots=True)
class Accused:
    """Sound meters that were named."""

    count: int
    meter_months: float
    """In which the towers were judged: days that were passed over do not count."""
    per_1000_months: Interval


@dataclass(frozen=True, slots=True)
class Invented:
    """What was found in sound towers."""

    kind: str
    towers: int
    days: int
    alarms: int
    alarms_per_1000_days: Interval
    accused: Accused


@dataclass(frozen=True, slots=True)
class Found:
    """How often a fault was found within so many days."""

    fault: str
    towers: int
    median_use_l_per_day: float
    raised: dict[int, Interval]
    named: dict[int, Interval]
    accused: Accused


@dataclass(frozen=True, slots=True)
class TowerScore:
    """What the rules found and what they invented."""

    invented: tuple[Invented, ...]
    found: tuple[Found, ...]
    beside_faults: Accused | None
    """Beside any of them; None: no tower has a fault."""


def judged(
    tower: SimulatedTower, day: int, *, is_open: bool, told: Collection[str] = ()
) -> Judgement | None:
    """Judge a tower as production does: by its days, then by its hours if something changed."""
    return judge_tower(
        tower.until(day, WINDOW_DAYS),
        lambda since, until: patterns_of(tower.hours_between(since - LEARN_HOURS, until), since),
        is_open=is_open,
        told=told,
    )


def trial(curves: Sequence[Curve], kind: Kind, seed: str) -> Trial:
    """Simulate a tower and judge it day by day."""
    fault, setting = kind.fault, kind.setting
    tower = simulated(curves, fault, Random(f"{kind.name} {seed}"), setting)  # noqa: S311
    before = 0 if kind.is_sound else fault.day - 1
    checks = range(SOUND_FROM, setting.days) if kind.is_sound else CHECKS
    lost: dict[int, bool] = {}
    named: dict[str, int] = {}
    is_open = False
    for after in checks:
        verdict = judged(tower, before + after, is_open=is_open, told=named)
        if verdict is None:
            continue
        is_open = lost[after] = verdict.loss is not None
        for suspect in verdict.named:
            named.setdefault(suspect.meter, after)
    return Trial(
        kind.name,
        kind.is_sound,
        tower.use_l_per_day,
        raised_on(lost),
        named.get(tower.flat or ""),
        len(named.keys() - {tower.flat}),
        len(checks),
        setting.flats,
    )


def raised_on(lost: Mapping[int, bool]) -> tuple[int, ...]:
    """Return the days on which a loss is raised, by whether each day's judgement shows one.

    One that shows again within 72 hours of its end is no other one: its flag opens again.
    """
    raised: list[int] = []
    was_lost, ended = False, None
    for day, is_lost in lost.items():
        is_again = ended is not None and timedelta(days=day - ended) <= SAME_WITHIN
        if is_lost and not was_lost and not is_again:
            raised.append(day)
        if was_lost and not is_lost:
            ended = day
        was_lost = is_lost
    return tuple(raised)


def score(trials: Sequence[Trial]) -> TowerScore:
    """Sum up what was found in many towers."""
    sound: dict[str, list[Trial]] = {}
    faulty: dict[str, list[Trial]] = {}
    for each in trials:
        (sound if each.is_sound else faulty).setdefault(each.kind, []).append(each)
    return TowerScore(
        tuple(_invented(kind, some) for kind, some in sound.items()),
        tuple(_found(fault, some) for fault, some in faulty.items()),
        _accused(each for some in faulty.values() for each in some) if faulty else None,
    )


def _accused(trials: Iterable[Trial]) -> Accused:
    counted = [(each.accused, each.days * each.meters) for each in trials]
    count, months = sum(own for own, _ in counted), sum(days for _, days in counted) / MONTH_DAYS
    return Accused(count, months, rate(count, months / 1000))


def _invented(kind: str, trials: Sequence[Trial]) -> Invented:
    alarms, days = sum(len(each.raised) for each in trials), sum(each.days for each in trials)
    return Invented(kind, len(trials), days, alarms, rate(alarms, days / 1000), _accused(trials))


def _found(fault: str, trials: Sequence[Trial]) -> Found:
    def within(days: int, first: Iterable[int | None]) -> Interval:
        return share(sum(day is not None and day <= days for day in first), len(trials))

    return Found(
        fault=fault,
        towers=len(trials),
        median_use_l_per_day=median(each.use_l_per_day for each in trials),
        raised={
            days: within(days, [min(t.raised, default=None) for t in trials]) for days in WITHIN
        },
        named={days: within(days, [each.named for each in trials]) for days in WITHIN},
        accused=_accused(trials),
    )
