# SPDX-License-Identifier: MIT
"""The judgement of a tower: its loss, and the meters that may explain it.

In: the days of a tower, and its hours where something may have changed. Out: a `Judgement`, or None
while too little is known. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from cloud_ingest.core.rules.tower.loss import (
    LEAST_STEPS,
    Loss,
    Scan,
    least_seen,
    loss_of,
)
from cloud_ingest.core.rules.tower.noise import noise_of, precision
from cloud_ingest.core.rules.tower.steps import TowerDays, steps_of
from cloud_ingest.core.rules.tower.suspects import Suspect, suspects_of
from cloud_ingest.core.rules.tower.within_day import NO_PATTERNS, Patterns

CHANGE_EVIDENCE = 2.0
"""From here on a change may be one, and is no part of the noise."""
SEEN_AFTER_DAYS = 30
BEFORE_CHANGE = timedelta(days=3)


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


def judge_tower(
    days: TowerDays,
    patterns_since: Callable[[date], Patterns] = lambda _since: NO_PATTERNS,
    *,
    is_open: bool = False,
) -> Judgement | None:
    """Judge a tower by its days.

    Args:
        days: What its meters counted on each day, 60 to 400 of them.
        patterns_since: Called where something may have changed, with a day shortly before it: what
            the hours from then on say of each meter.
        is_open: A loss was raised before and has not ended.
    """
    steps = steps_of(days)
    if len(steps.residual) < LEAST_STEPS:
        return None
    inverse = precision(steps, noise_of(steps), meters_err=False)
    scan = Scan.of(steps, inverse)
    evidence, begin = scan.best_running()
    suspects: list[Suspect] = []
    if evidence >= CHANGE_EVIDENCE:
        inverse = precision(steps, noise_of(steps, begin))
        scan = Scan.of(steps, inverse)
        patterns = patterns_since(steps.day(begin) - BEFORE_CHANGE)
        suspects = suspects_of(steps, inverse, patterns)
    named = any(suspect.is_named for suspect in suspects)
    return Judgement(
        until=steps.until,
        loss=loss_of(steps, scan, is_open=is_open, is_explained=named),
        suspects=tuple(suspects),
        least_seen_per_day=least_seen(scan, SEEN_AFTER_DAYS),
    )
