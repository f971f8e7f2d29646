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
from cloud_ingest.core.rules.tower.tridiagonal import Matrix
from cloud_ingest.core.rules.tower.within_day import NO_PATTERNS, Patterns

CHANGE_EVIDENCE = 2.0
"""From here on a change may be one, and is no part of the noise."""
SEEN_AFTER_DAYS = 30
BEFORE_CHANGE = timedelta(days=3)
AT_ONCE = 0.99
"""A meter that holds so much of the weight is named on the same day."""
LOST_AT_ONCE = 15.0
"""A loss of so much evidence is raised by its last step alone."""
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
class _Scanned:
    """What the days of a tower say of a loss."""

    steps: Steps
    inverse: Matrix
    scan: Scan
    begin: int | None
    """The step at which something may have changed; None: nothing has."""


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
    scanned = _scanned(days)
    if scanned is None:
        return None
    steps, scan = scanned.steps, scanned.scan
    suspects = _held(_suspects(scanned, days, patterns_between), days, patterns_between, told)
    named = any(suspect.is_named for suspect in suspects)
    loss = loss_of(steps, scan, is_open=is_open, is_explained=named)
    is_certain = is_open or named or (loss is not None and loss.evidence >= LOST_AT_ONCE)
    return Judgement(
        until=steps.until,
        loss=loss if is_certain or _was_lost(days, steps) else None,
        suspects=tuple(suspects),
        least_seen_per_day=least_seen(scan, SEEN_AFTER_DAYS),
    )


def _scanned(days: TowerDays) -> _Scanned | None:
    """Look for a loss; None: too few days are known."""
    steps = steps_of(days)
    if len(steps.residual) < LEAST_STEPS:
        return None
    inverse = precision(steps, noise_of(steps), meters_err=False)
    scan = Scan.of(steps, inverse)
    evidence, begin = scan.best_running()
    if evidence < CHANGE_EVIDENCE:
        return _Scanned(steps, inverse, scan, None)
    inverse = precision(steps, noise_of(steps, begin))
    return _Scanned(steps, inverse, Scan.of(steps, inverse), begin)


def _suspects(
    scanned: _Scanned, days: TowerDays, patterns_between: PatternsBetween
) -> list[Suspect]:
    """Weigh what may explain a change, if there may be one."""
    if scanned.begin is None:
        return []
    steps = scanned.steps
    patterns = patterns_between(steps.day(scanned.begin) - BEFORE_CHANGE, days.until)
    return suspects_of(steps, scanned.inverse, scanned.scan, patterns)


def _was_lost(days: TowerDays, steps: Steps) -> bool:
    """Return whether a loss shows without the last step, too."""
    before = _scanned(days.without_last(len(days.bulk) - 1 - steps.ends[-2]))
    return before is not None and bool(
        loss_of(before.steps, before.scan, is_open=False, is_explained=False)
    )


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
        known = days.without_last(back)
        before = _scanned(known) if held else None
        earlier = _suspects(before, known, patterns_between) if before else []
        held &= {each.meter for each in earlier if each.is_named}
    return [
        replace(each, is_named=each.is_named and each.meter not in doubted - held)
        for each in suspects
    ]
