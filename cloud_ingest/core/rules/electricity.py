# SPDX-License-Identifier: MIT
"""Rules of electricity meters: no load, a jump, energy given back, a phase that is lost.

The first three judge whole days against the flat's own days before; a day of which both borders are
not known takes part in nothing. The last one judges the voltages of one moment beside each other.
Where a meter does not give what a rule needs, the rule says nothing.

In: the days of one meter, ascending; or its newest voltages. Out: what was noticed. Pure.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from statistics import median
from typing import Final

HISTORY: Final = 28
"""So many days before make a flat's own history."""
ENOUGH: Final = 21
"""So many of them must be known."""
LIVED_IN_KWH: Final = 1.0
"""The median day of a flat that is lived in; with less, an idle flat cannot be told apart."""
LIVED_IN_SHARE: Final = 0.8
"""So many of its days were at least a fifth of the median."""
SPREADS: Final = 6.0
"""A jump is so many times the usual spread above the median."""
LEAST_SPREAD: Final = 0.15
"""Of the median: the spread of a flat whose days are very much alike."""
LEAST_SPREAD_KWH: Final = 0.5
SEEN: Final = 56
"""A use that a flat had on a day of so many before is no jump: somebody came home."""
IN_A_ROW: Final = 2
"""A jump is told when it was seen on so many days, or voltages, in a row."""
NEW_NORMAL: Final = 28
"""A use that has stayed for so many days is the flat's own."""
GIVES_OFTEN: Final = 0.5
"""A flat that gave energy back on so many of its days has a plant of its own."""
LOST: Final = 0.5
"""A phase is lost below so much of the highest."""
PHASES: Final = ("L1", "L2", "L3")
LIVE_V: Final = 100
"""With less on every phase it is the mains that is away."""


@dataclass(frozen=True, slots=True)
class LoadDay:
    """One whole day of a meter; what is not known is None."""

    day: date
    kwh: Decimal | None
    """What its register moved from midnight to midnight."""
    given_kwh: Decimal | None = None
    """What its export register moved; None: it has none."""


@dataclass(frozen=True, slots=True)
class NoLoad:
    """A flat that was lived in took nothing on whole days."""

    since: date
    usual_kwh: float
    learnt: bool
    """It had such days before, which ended: somebody is away."""


@dataclass(frozen=True, slots=True)
class LoadJump:
    """A flat took far more than it usually does, on days in a row."""

    since: date
    usual_kwh: float
    now_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Reverse:
    """A flat gave energy back, and usually does not."""

    since: date
    kwh: Decimal
    """So far."""


@dataclass(frozen=True, slots=True)
class Volts:
    """The voltages of the three phases in one moment."""

    at: datetime
    phases: tuple[Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class PhaseLoss:
    """Phases that are lost while others live."""

    since: datetime
    phases: tuple[str, ...]


def no_load(days: Sequence[LoadDay], step_kwh: Decimal) -> NoLoad | None:
    """Return that a flat takes nothing any more; None where it does, or it cannot be told.

    Args:
        days: Its days, ascending; the last one is judged.
        step_kwh: One step of its register, which may be the rest of the day before.
    """
    idle = _last_run(days, lambda each: each.kwh is not None and each.kwh <= step_kwh)
    before = days[: len(days) - len(idle)]
    uses = _known(before)
    if not idle or uses is None:
        return None
    usual = median(uses)
    lived_in = sum(each >= usual / 5 for each in uses) >= LIVED_IN_SHARE * len(uses)
    if usual < LIVED_IN_KWH or not lived_in:
        return None
    learnt = any(each.kwh is not None and each.kwh <= step_kwh for each in before)
    return NoLoad(idle[0].day, usual, learnt)


def load_jump(days: Sequence[LoadDay]) -> LoadJump | None:
    """Return that a flat takes far more than it did; the last day is judged."""
    # Days that are before every run: what one of them reached is no jump, and most flats end here.
    always = [each.kwh for each in days[-SEEN - IN_A_ROW : -NEW_NORMAL] if each.kwh is not None]
    latest = days[-1].kwh if days else None
    if latest is None or latest <= max(always, default=Decimal(0)):
        return None
    for length in range(min(len(days), NEW_NORMAL), IN_A_ROW - 1, -1):
        limit = _limit(days[:-length])
        run = days[-length:]
        if limit is not None and all(
            each.kwh is not None and float(each.kwh) > limit[1] for each in run
        ):
            return LoadJump(run[0].day, limit[0], latest)
    return None


def reverse(days: Sequence[LoadDay], step_kwh: Decimal) -> Reverse | None:
    """Return that a flat gives energy back; the last day is judged.

    Args:
        days: Its days, ascending.
        step_kwh: One step of its export register: a single one is noise.
    """
    gives = _last_run(days, lambda each: each.given_kwh is not None and each.given_kwh > step_kwh)
    before = [each.given_kwh for each in days[: len(days) - len(gives)][-HISTORY:]]
    known = [each for each in before if each is not None]
    often = sum(each > step_kwh for each in known) >= GIVES_OFTEN * len(known)
    if not gives or len(gives) > NEW_NORMAL or (known and often):
        return None
    return Reverse(gives[0].day, sum((each.given_kwh or Decimal(0) for each in gives), Decimal(0)))


def phase_loss(volts: Sequence[Volts], lived: Collection[str]) -> PhaseLoss | None:
    """Return which phases are lost by the newest voltages.

    Args:
        volts: Ascending by time.
        lived: Phases that had voltage some time before: of a meter with three phases one alone may
            be wired.
    """
    lost = [_lost_phases(each) & frozenset(lived) for each in volts]
    if len(lost) < IN_A_ROW or not (phases := lost[-1] & lost[-IN_A_ROW]):
        return None
    first = len(lost) - 1
    while first > 0 and phases <= lost[first - 1]:
        first -= 1
    return PhaseLoss(volts[first].at, tuple(sorted(phases)))


def _lost_phases(volts: Volts) -> frozenset[str]:
    highest = max(volts.phases)
    if highest < LIVE_V:
        return frozenset()
    named = zip(PHASES, volts.phases, strict=True)
    return frozenset(name for name, own in named if float(own) < LOST * float(highest))


def _last_run(days: Sequence[LoadDay], holds: Callable[[LoadDay], bool]) -> Sequence[LoadDay]:
    """Return the days at the end of which something holds without a break."""
    first = len(days)
    while first > 0 and holds(days[first - 1]):
        first -= 1
    return days[first:]


def _known(days: Sequence[LoadDay]) -> list[float] | None:
    """Return the known uses of a flat's newest days; None where they are too few."""
    found = [float(each.kwh) for each in days[-HISTORY:] if each.kwh is not None]
    return found if len(found) >= ENOUGH else None


def _limit(before: Sequence[LoadDay]) -> tuple[float, float] | None:
    """Return the usual day of a flat, and above what a day is a jump."""
    uses = _known(before)
    if uses is None:
        return None
    usual = median(uses)
    spread = median(abs(each - usual) for each in uses)
    far = usual + SPREADS * max(spread, LEAST_SPREAD * usual, LEAST_SPREAD_KWH)
    seen = max(float(each.kwh) for each in before[-SEEN:] if each.kwh is not None)
    return usual, max(far, seen)
