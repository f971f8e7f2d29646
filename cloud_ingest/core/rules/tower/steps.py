# SPDX-License-Identifier: MIT
"""The steps of a tower: from one day's end to the next at which nearly all meters are known.

A day's end is known if the bulk meter was read on that day, and at least 98 % of the meters behind
it then or later. A meter that was read later takes part with what it counted over the gap, spread
evenly; one whose gap has not ended, with its mean of late, which may be far off. Such a guess is
wrong at one day's end and right again at a later one, so that its variance belongs to the day's end
and not to the step.

In: what each meter counted on each day. Out: `Steps`. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean, median

Series = Sequence[float | None]
"""One value a day. None: not read; the next value holds what was counted meanwhile, too.
Before the first value a meter was not known at all."""

UNKNOWN_SHARE = 0.02
LATELY = 14
"""Days from which a gap that goes on is guessed."""
LEVEL_SD = 0.5
"""How far that guess may be off on each day alike, as a share."""
OUTLIER = 6.0
"""A day so many spreads away, and the day after it not, is a day of its own and no change."""
BACK = 3.0
FINEST = 1e-4
"""Of the daily use: closer no two meters agree, whatever they have shown so far."""


@dataclass(frozen=True, slots=True)
class TowerDays:
    """What the meters of one tower and service counted, in litres or watt hours a day."""

    first: date
    bulk: Series
    meters: Mapping[str, Series]
    """Flats and common areas behind the bulk meter."""
    resolution: float
    """One count of the bulk meter's register."""
    bulk_changes: tuple[date, ...] = ()
    """Days on which a bulk meter came or went."""

    @property
    def until(self) -> date:
        """Return the last day."""
        return self.first + timedelta(days=len(self.bulk) - 1)

    def without_last(self, days: int) -> "TowerDays":
        """Return what was known some days before."""
        return replace(
            self,
            bulk=self.bulk[:-days],
            meters={name: own[:-days] for name, own in self.meters.items()},
        )


@dataclass(frozen=True, slots=True)
class Steps:
    """The residual of a tower between known ends of days, ascending."""

    first: date
    ends: tuple[int, ...]
    """The last day of each step, as days after ``first``."""
    widths: tuple[int, ...]
    """Days in each step; more than one where a day's end between is not known."""
    bulk: tuple[float, ...]
    residual: tuple[float, ...]
    meters: Mapping[str, tuple[float, ...]]
    read_until: Mapping[str, int]
    """How many steps had ended when a meter was read last: later ones are guessed."""
    border_variance: tuple[float, ...]
    """Of what was guessed at each known end, the opening one first: one more than steps."""
    resolution: float
    spread: float
    """Of the residual from day to day, whatever lies far outside."""
    strange: frozenset[int]
    """Steps that lie far outside while the next does not: a hose, a test of hydrants."""
    bulk_changes: tuple[int, ...] = ()
    """Steps from which on another bulk meter counts."""

    @property
    def until(self) -> date:
        """Return the last day of the last step."""
        return self.first + timedelta(days=self.ends[-1])

    def day(self, step: int) -> date:
        """Return the first day of a step."""
        return self.first + timedelta(days=self.ends[step] - self.widths[step] + 1)


@dataclass(frozen=True, slots=True)
class _Filled:
    uses: tuple[float, ...]
    known_from: int
    """The first day that was read."""
    open_from: int
    """The first day of a gap that has not ended."""
    variance: tuple[float, ...]
    """Of what is guessed at the end of each day."""


def steps_of(days: TowerDays) -> Steps:
    """Return the steps between known ends of days; none where there are less than two."""
    bulk = _filled(days.bulk)
    meters = {name: _filled(series) for name, series in days.meters.items()}
    may_lack = int(UNKNOWN_SHARE * len(meters))
    known = [
        day
        for day in range(len(days.bulk))
        if days.bulk[day] is not None
        and sum(not each.known_from <= day < each.open_from for each in meters.values()) <= may_lack
    ]
    spans = list(pairwise(known))
    uses = {name: _sums(each.uses, spans) for name, each in meters.items()}
    given = _sums(bulk.uses, spans)
    counted = [sum(some) for some in zip(*uses.values(), strict=True)] or [0.0] * len(spans)
    residual = tuple(b - u for b, u in zip(given, counted, strict=True))
    widths = tuple(end - begin for begin, end in spans)
    finest = max(days.resolution / 2, FINEST * sum(map(abs, given)) / max(1, sum(widths)))
    spread, strange = _shape(residual, widths, finest)
    return Steps(
        first=days.first,
        ends=tuple(end for _, end in spans),
        widths=widths,
        bulk=given,
        residual=residual,
        meters=uses,
        read_until={
            name: sum(end < each.open_from for _, end in spans) for name, each in meters.items()
        },
        border_variance=tuple(sum(each.variance[day] for each in meters.values()) for day in known),
        resolution=days.resolution,
        spread=spread,
        strange=strange,
        bulk_changes=tuple(
            next(step for step, (_, end) in enumerate(spans) if end >= day)
            for each in days.bulk_changes
            if spans and spans[0][0] < (day := (each - days.first).days) <= spans[-1][1]
        ),
    )


def _shape(
    residual: Sequence[float], widths: Sequence[int], finest: float
) -> tuple[float, frozenset[int]]:
    rates = [each / width for each, width in zip(residual, widths, strict=True)]
    if not rates:
        return finest, frozenset()
    middle = median(rates)
    away = [abs(rate - middle) for rate in rates]
    spread = max(1.4826 * median(away), finest)
    return spread, frozenset(
        step
        for step, (own, following) in enumerate(pairwise(away))
        if own > OUTLIER * spread
        and following < BACK * spread
        and (step == 0 or away[step - 1] < BACK * spread)
    )


def _sums(uses: Sequence[float], spans: Sequence[tuple[int, int]]) -> tuple[float, ...]:
    return tuple(sum(uses[begin + 1 : end + 1]) for begin, end in spans)


def _filled(series: Series) -> _Filled:
    """Spread what was counted over a gap; go on with the mean where a gap has not ended."""
    known_from = next((day for day, value in enumerate(series) if value is not None), len(series))
    plain = [
        value
        for before, value in pairwise([0.0, *series])
        if value is not None and before is not None
    ]
    mean = fmean(plain) if plain else 0.0
    variance = fmean([(value - mean) ** 2 for value in plain]) if plain else 0.0
    apart = [(b - a) ** 2 / 2 for a, b in pairwise(plain)]
    lasting = min(variance, fmean(apart)) if apart else variance
    lately = fmean(plain[-LATELY:]) if plain else 0.0
    uses = [mean] * known_from
    variances = [variance * (known_from - day) for day in range(known_from)]
    gap = 0
    for value in series[known_from:]:
        if value is None:
            gap += 1
            continue
        uses += [value / (gap + 1)] * (gap + 1)
        variances += [lasting * day * (gap + 1 - day) / (gap + 1) for day in range(1, gap + 2)]
        gap = 0
    uses += [lately] * gap
    variances += [
        variance * day + (LEVEL_SD * max(mean, lately) * day) ** 2 for day in range(1, gap + 1)
    ]
    return _Filled(tuple(uses), known_from, len(series) - gap, tuple(variances))
