# SPDX-License-Identifier: MIT
"""The hours of a day: whose habits does what a tower lacks follow?

A leak in the common pipe runs at each hour alike, and what goes around a meter goes when its flat
uses water. So the hours tell the explanations of a change apart, of which the days only know how
much is lacking. Only that counts by which the hours of one day differ: the day's sum belongs to
the daily rule.

- A meter that stopped: the residual follows what its flat used to use at each hour of day, and
  scatters as that did.
- An outlet without a meter: the same, of a flat like all others.
- A share around a meter: the residual goes up and down with what the meter still counts.

A meter whose hours of a day are not known is replaced by its habits, and how much these scatter is
noise of that day.

In: hourly uses of a tower. Out: `Patterns`. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp, log
from operator import mul
from statistics import fmean

from cloud_ingest.core.rules.tower.hour_noise import Contrasts, Day, HourNoise, Observed

LEARN_HOURS = timedelta(days=28)
"""How far before a change the hours are looked at."""
LEARN_DAYS = 10
"""So many of these days must be known."""
LEAST_DAYS = 3
MOST_LACKING = 0.1
"""Of a tower's meters on one day: with more the day says nothing."""
BROKEN = 0.1
"""Of days on which a flat does not keep its habit: nobody is at home."""
LEVEL_SD = 0.3
"""How far a habit may be off at each hour, as a share."""


@dataclass(frozen=True, slots=True)
class TowerHours:
    """What the meters of a tower counted in each hour; a day that is not whole is left out."""

    bulk: Mapping[date, Day]
    meters: Mapping[str, Mapping[date, Day]]
    resolution: float
    """One count of the bulk meter's register."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """What the hours of each day say, as logarithms of likelihood ratios against no pattern."""

    shares: Mapping[str, Mapping[date, tuple[float, float]]]
    """How the residual goes along with what a meter counts, and how sharply."""
    stops: Mapping[str, Mapping[date, float]]
    """That a meter stopped, from its last count on."""
    outlet: Mapping[date, float]
    """That a flat without a meter uses water."""
    onsets: Mapping[str, tuple[date, float]]
    """The day of a meter's last count, and the share of its flat's day that comes after that."""


NO_PATTERNS = Patterns({}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class _Habit:
    usual: Day
    scatter: Day
    """A variance by hour of day."""

    @classmethod
    def of(cls, days: Sequence[Day]) -> "_Habit":
        hours = list(zip(*days, strict=True))
        usual = [sum(hour) / len(hour) for hour in hours]
        return cls(
            usual,
            [
                sum([(each - mean) ** 2 for each in hour]) / len(hour)
                for hour, mean in zip(hours, usual, strict=True)
            ],
        )

    def later_than(self, hour: int) -> float:
        """Return the share of a day's use from an hour on."""
        return sum(self.usual[hour:]) / sum(self.usual)


@dataclass(frozen=True, slots=True)
class _Apart:
    """One day after a change."""

    excess: Day
    """Of the residual over what it is without a change."""
    guessed: Day
    noise: HourNoise
    contrasts: Contrasts
    shared: float
    """Of a lasting change that the mean of these days takes for usual."""

    weight: float
    """How much the day counts."""

    @classmethod
    def of(cls, noise: HourNoise, excess: Day, guessed: Day, shared: float) -> "_Apart":
        contrasts = noise.contrasts(guessed)
        return cls(excess, guessed, noise, contrasts, shared, contrasts.weight(excess))

    def follows(self, habit: _Habit, first_hour: int = 0) -> float:
        """Return the log likelihood ratio that the excess is somebody's use from an hour on."""
        usual = [use * (hour >= first_hour) for hour, use in enumerate(habit.usual)]
        scatter = [each * (hour >= first_hour) for hour, each in enumerate(habit.scatter)]
        more = [
            known + own + (LEVEL_SD * use) ** 2
            for known, own, use in zip(self.guessed, scatter, usual, strict=True)
        ]
        left = [own - (1 - self.shared) * use for own, use in zip(self.excess, usual, strict=True)]
        ratio = self.noise.contrasts(more).log_likelihood(left) - self.contrasts.log_likelihood(
            self.excess
        )
        return max(ratio, 0.0) + log(
            (1 - BROKEN) * exp(min(ratio, 0.0)) + BROKEN * exp(-max(ratio, 0.0))
        )


def patterns_of(hours: TowerHours, since: date) -> Patterns:
    """Return the patterns of each day from one on, against the days before it."""
    whole = _whole_days(hours)
    before, days = [d for d in whole if d < since], [d for d in whole if d >= since]
    if len(days) < LEAST_DAYS or len(before) < LEARN_DAYS:
        return NO_PATTERNS
    known = {name: [own[day] for day in before if day in own] for name, own in hours.meters.items()}
    every = _Habit.of([day for own in known.values() for day in own])
    habits = {
        name: _Habit.of(own) if len(own) >= LEARN_DAYS else every for name, own in known.items()
    }
    noise = HourNoise.of(
        [_observed(hours, day, habits) for day in before], hours.resolution**2 / 12
    )
    seen = {day: _observed(hours, day, habits) for day in days}
    excess = {day: noise.apart(each) for day, each in seen.items()}
    shared = len(days) / (len(before) + len(days))
    mean = [fmean(hour) for hour in zip(*excess.values(), strict=True)]
    apart = {
        day: _Apart.of(
            noise,
            [own - shared * each for own, each in zip(excess[day], mean, strict=True)],
            each.guessed,
            shared,
        )
        for day, each in seen.items()
    }
    silent = {name: _silent_from(own, apart) for name, own in hours.meters.items()}
    lived = {name: [day for day in own if sum(day) > 0] for name, own in known.items()}
    own_habits = {name: _Habit.of(own) for name, own in lived.items() if len(own) >= LEARN_DAYS}
    return Patterns(
        shares={name: _share(own, apart, shared) for name, own in hours.meters.items()},
        stops={
            name: {day: apart[day].follows(habit, hour) for day, hour in silent[name].items()}
            for name, habit in own_habits.items()
        },
        outlet={day: each.follows(every) for day, each in apart.items()},
        onsets={
            name: (min(silent[name]), habit.later_than(silent[name][min(silent[name])]))
            for name, habit in own_habits.items()
            if silent[name]
        },
    )


def _whole_days(hours: TowerHours) -> list[date]:
    may_lack = MOST_LACKING * len(hours.meters)
    return sorted(
        day
        for day, own in hours.bulk.items()
        if len(own) == 24 and sum(day not in each for each in hours.meters.values()) <= may_lack
    )


def _observed(hours: TowerHours, day: date, habits: Mapping[str, _Habit]) -> Observed:
    lacking = [habits[name] for name, own in hours.meters.items() if day not in own]
    uses = [own[day] for own in hours.meters.values() if day in own]
    counted = [sum(hour) for hour in zip(*uses, *(each.usual for each in lacking), strict=True)]
    return Observed(
        [given - some for given, some in zip(hours.bulk[day], counted, strict=True)],
        hours.bulk[day],
        [sum(hour) for hour in zip([0.0] * 24, *(each.scatter for each in lacking), strict=True)],
    )


def _share(
    own: Mapping[date, Day], apart: Mapping[date, _Apart], shared: float
) -> dict[date, tuple[float, float]]:
    """Return how each day's residual goes along with a meter."""
    days = [day for day in apart if day in own]
    if len(days) < LEAST_DAYS or not any(any(own[day]) for day in days):
        return {}
    usual = [shared * fmean(hour) for hour in zip(*(own[day] for day in days), strict=True)]
    found = {}
    for day in days:
        moved = [use - mean for use, mean in zip(own[day], usual, strict=True)]
        along_with = apart[day].contrasts.pull(moved)
        found[day] = (
            apart[day].weight * sum(map(mul, along_with, apart[day].excess)),
            apart[day].weight * sum(map(mul, along_with, moved)),
        )
    return found


def _silent_from(own: Mapping[date, Day], days: Iterable[date]) -> dict[date, int]:
    """Return the days from a meter's last count on, and the first hour of each without one."""
    found = {}
    for day in sorted((day for day in days if day in own), reverse=True):
        counted = [hour for hour, use in enumerate(own[day]) if use > 0]
        found[day] = counted[-1] + 1 if counted else 0
        if counted:
            break
    return found
