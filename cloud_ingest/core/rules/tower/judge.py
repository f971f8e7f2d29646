# SPDX-License-Identifier: MIT
"""The judgement of a tower: its loss, and the meters that may explain it.

In: the days of a tower, and its hours where something may have changed. Out: a `Judgement`, or None
while too little is known. Pure.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from cloud_ingest.core.rules.tower.loss import (
    LEAST_STEPS,
    Loss,
    Scan,
    least_seen,
    loss_of,
)
from cloud_ingest.core.rules.tower.noise import noise_of, precision
from cloud_ingest.core.rules.tower.steps import Steps, TowerDays, steps_of
from cloud_ingest.core.rules.tower.suspects import Suspect, suspects_of
from cloud_ingest.core.rules.tower.within_day import NO_PATTERNS, Patterns

CHANGE_EVIDENCE = 2.0
"""From here on a change may be one, and is no part of the noise."""
SEEN_AFTER_DAYS = 30
BEFORE_CHANGE = timedelta(days=3)
AT_ONCE = 0.99
"""A meter that holds so much of the weight is named on the same day."""
HELD_DAYS = 2
"""On so many days before, too, the evidence must accuse one that holds less."""

PatternsBetween = Callable[[date, date], Patterns]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the residual of a tower says."""

    until: date
    """The newest day that is judged."""
    loss: Loss | None
    suspects: tuple[Suspect, ...]
    """Likeliest first."""
    least_seen_per_day: float
    """A smaller loss is not seen within `SEEN_AFTER_DAYS`."""

    @property
    def named(self) -> tuple[Suspect, ...]:
        """Return the meters that the evidence accuses."""
        return tuple(suspect for suspect in self.suspects if suspect.is_named)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What the days and hours of a tower say of a change."""

    steps: Steps
    scan: Scan
    suspects: list[Suspect]


def judge_tower(
    days: TowerDays,
    patterns_between: PatternsBetween = lambda _since, _until: NO_PATTERNS,
    *,
    is_open: bool = False,
    told: Collection[str] = (),
) -> Judgement | None:
    """Judge a tower by its days.

    Args:
        days: What its meters counted on each day, 60 to 400 of them.
        patterns_between: Called where something may have changed, with a day shortly before it and
            the last day: what the hours of these days say of each meter.
        is_open: A loss was raised before and has not ended.
        told: Meters that were named before: they need not be held for days again.
    """
    weighed = _weighed(days, patterns_between)
    if weighed is None:
        return None
    steps, scan = weighed.steps, weighed.scan
    suspects = _held(weighed.suspects, days, patterns_between, told)
    named = any(suspect.is_named for suspect in suspects)
    return Judgement(
        until=steps.until,
        loss=loss_of(steps, scan, is_open=is_open, is_explained=named),
        suspects=tuple(suspects),
        least_seen_per_day=least_seen(scan, SEEN_AFTER_DAYS),
    )


def _weighed(days: TowerDays, patterns_between: PatternsBetween) -> _Weighed | None:
    """Weigh what may explain a change, if there may be one; None: too few days are known."""
    steps = steps_of(days)
    if len(steps.residual) < LEAST_STEPS:
        return None
    inverse = precision(steps, noise_of(steps), meters_err=False)
    scan = Scan.of(steps, inverse)
    evidence, begin = scan.best_running()
    if evidence < CHANGE_EVIDENCE:
        return _Weighed(steps, scan, [])
    inverse = precision(steps, noise_of(steps, begin))
    patterns = patterns_between(steps.day(begin) - BEFORE_CHANGE, days.until)
    scan = Scan.of(steps, inverse)
    return _Weighed(steps, scan, suspects_of(steps, inverse, scan, patterns))


def _held(
    suspects: Sequence[Suspect],
    days: TowerDays,
    patterns_between: PatternsBetween,
    told: Collection[str],
) -> list[Suspect]:
    """Return the suspects; who is not certain is named if the days before named it as well."""
    doubted = {
        each.meter
        for each in suspects
        if each.is_named and each.weight < AT_ONCE and each.meter not in told
    }
    held = set(doubted)
    for back in range(1, HELD_DAYS + 1):
        if held:
            before = _weighed(days.without_last(back), patterns_between)
            held &= {each.meter for each in before.suspects if each.is_named} if before else set()
    return [
        replace(each, is_named=each.is_named and each.meter not in doubted - held)
        for each in suspects
    ]
