# SPDX-License-Identifier: MIT
"""Crossed meters: two flats of which each has the other's water meter, or electricity meter.

Who is at home draws water and switches things on. Where water of A goes with electricity of B and
water of B with electricity of A, and neither goes with its own, one pair of meters is exchanged.
What a flat does at the same hour on all days, and what all flats do at the same time, says nothing
of who lives behind a meter: both are taken off first. Days are the sample: hours of one day are not
independent of each other.

A hint is a reason to make the tap test, never a proof. Two flats whose people live alike, or that
stand empty, give none.

In: activity of the flats of a tower. Out: `CrossedHint`s. Pure.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import log1p, sqrt
from operator import mul
from statistics import fmean, stdev

Activity = Sequence[Sequence[float] | None]
"""Of one meter: a day's uses in hours, or the one use of a day; None: not known."""

LEAST_DAYS = 21
Z_HINT = 5.0
"""So many standard errors of 1770 pairs of flats, one in a million does by chance."""
Z_KEEP = 3.0
Z_99 = 2.58
LEAST_GAIN = 0.05
"""How much better, as a correlation, the exchanged meters must go together at least."""


@dataclass(frozen=True, slots=True)
class CrossedHint:
    """Two flats whose meters may be exchanged."""

    first: str
    second: str
    own: float
    """How well water and electricity go together within each flat: mean correlation."""
    exchanged: float
    """The same, if the two were exchanged."""
    lower: float
    upper: float
    """Of the difference, with 99 % confidence."""
    days: int


def crossed_hints(
    water: Mapping[str, Activity],
    electricity: Mapping[str, Activity],
    known: Collection[tuple[str, str]] = (),
) -> list[CrossedHint]:
    """Return the pairs of flats whose meters may be exchanged, surest first.

    Args:
        water: By flat; every flat has the same days and hours.
        electricity: Likewise. A flat without one of the two is left out.
        known: Pairs that were hinted at before: they stay with less evidence.
    """
    flats = sorted(water.keys() & electricity.keys())
    drawn = {flat: own for flat, own in _apart({f: water[f] for f in flats}).items() if own}
    taken = {flat: own for flat, own in _apart({f: electricity[f] for f in flats}).items() if own}
    flats = [flat for flat in flats if flat in drawn and flat in taken]
    together = {
        (a, b): sum(
            sum(map(mul, drawn[a][day], taken[b][day])) for day in drawn[a] if day in taken[b]
        )
        for a in flats
        for b in flats
    }
    best = {a: max(flats, key=lambda b: together[a, b]) for a in flats}
    hints = [
        hint
        for a, b in combinations(flats, 2)
        if (best[a] == b and best[b] == a) or (a, b) in known
        if (hint := _hint(a, b, drawn, taken, Z_KEEP if (a, b) in known else Z_HINT)) is not None
    ]
    return sorted(hints, key=lambda hint: -hint.lower)


_Days = Mapping[int, Sequence[float]]


def _hint(
    a: str, b: str, drawn: Mapping[str, _Days], taken: Mapping[str, _Days], least: float
) -> CrossedHint | None:
    days = sorted(drawn[a].keys() & drawn[b].keys() & taken[a].keys() & taken[b].keys())
    if len(days) < LEAST_DAYS:
        return None
    own = [_mean(drawn[a][day], taken[a][day], drawn[b][day], taken[b][day]) for day in days]
    exchanged = [_mean(drawn[a][day], taken[b][day], drawn[b][day], taken[a][day]) for day in days]
    gains = [after - before for after, before in zip(exchanged, own, strict=True)]
    gain, error = fmean(gains), stdev(gains) / sqrt(len(days))
    if gain < LEAST_GAIN or gain < least * error:
        return None
    half = Z_99 * error
    return CrossedHint(a, b, fmean(own), fmean(exchanged), gain - half, gain + half, len(days))


def _mean(
    first: Sequence[float],
    with_first: Sequence[float],
    second: Sequence[float],
    with_second: Sequence[float],
) -> float:
    both: float = sum(map(mul, first, with_first)) + sum(map(mul, second, with_second))
    return both / (2 * len(first))


def _apart(activities: Mapping[str, Activity]) -> dict[str, dict[int, list[float]]]:
    """Return what sets each flat apart from its own habits and from what all do, in spreads."""
    plain = {flat: _without_habits(own) for flat, own in activities.items()}
    days = {day for own in plain.values() for day in own}
    common = {
        day: [
            fmean(hour)
            for hour in zip(*(own[day] for own in plain.values() if day in own), strict=True)
        ]
        for day in days
    }
    found = {}
    for flat, own in plain.items():
        apart = {
            day: [each - all_do for each, all_do in zip(hours, common[day], strict=True)]
            for day, hours in own.items()
        }
        squares = [each * each for hours in apart.values() for each in hours]
        spread = sqrt(fmean(squares)) if squares else 0.0
        found[flat] = (
            {day: [each / spread for each in hours] for day, hours in apart.items()}
            if spread > 0
            else {}
        )
    return found


def _without_habits(activity: Activity) -> dict[int, list[float]]:
    """Return the logarithms of a meter's uses, less what is usual at each hour."""
    known = {day: hours for day, hours in enumerate(activity) if hours is not None}
    uses = [use for hours in known.values() for use in hours]
    scale = fmean(uses) if uses else 0.0
    if len(known) < LEAST_DAYS or scale <= 0:
        return {}
    logs = {day: [log1p(use / scale) for use in hours] for day, hours in known.items()}
    usual = [fmean(hour) for hour in zip(*logs.values(), strict=True)]
    return {
        day: [own - habit for own, habit in zip(hours, usual, strict=True)]
        for day, hours in logs.items()
    }
