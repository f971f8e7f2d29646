# SPDX-License-Identifier: GPL-2.0-only
"""The policy on meters' clocks: whether one is set now, how fast it drifts, whether it jumped.

A clock never moves across the end of a capture period: the meter would then capture a row twice,
or never. Times are seconds since 1970; an offset is positive for a clock that is ahead.

In: how far a meter's clock is ahead of the gateway's, the time, limits. Out: a `Decision`, a
drift in seconds a day, a yes or no.
Never: a clock read, a meter asked.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

DAY_S: Final = 86400
SHORTEST_SPAN_S: Final = DAY_S
"""A drift needs samples over so long a time, because meters show whole seconds."""
JUMP_S: Final = 10.0
"""A change of the offset that is not a slow answer of the meter."""
FASTEST_DRIFT_S_PER_DAY: Final = 20.0
"""More than the worst crystal in the sun drifts: a larger change between two polls is a jump."""


class Action(StrEnum):
    """What to do with a clock."""

    LEAVE = "leave"
    SET = "set"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a clock may be set."""

    above_s: float = 30.0
    """An offset up to this is left alone."""
    within_s: float = 600.0
    """A larger one is never set on its own: a person looks for its cause."""
    guard_s: float = 60.0
    """Between each end of the change and the end of a capture period."""


class Decision(NamedTuple):
    """What to do, and why."""

    action: Action
    reason: str = ""
    until: float = 0.0
    """Of a wait: when it may be set, if the offset stays."""


class Sample(NamedTuple):
    """One comparison of a meter's clock."""

    at: float
    """The gateway's time."""
    offset_s: float


def decide(
    offset_s: float,
    now: float,
    period_s: int,
    limits: Limits,
    *,
    synchronised: bool,
    zone_offset_s: int,
    force: bool = False,
) -> Decision:
    """Decide whether a clock is set to ``now``.

    Args:
        offset_s: how far it is ahead.
        now: the gateway's time.
        period_s: the capture period of the meter.
        limits: when it may be set.
        synchronised: whether the gateway's time is kept by a time service at this moment.
        zone_offset_s: the meter's local time less UTC: periods end by local time.
        force: a person wants it set, however far it is off. Then a change that is longer than
            a period crosses the ends that it must; it still keeps away from them itself.
    """
    if not synchronised:
        return Decision(Action.REFUSE, "the gateway's own clock is not synchronised")
    size_s = abs(offset_s)
    if size_s <= limits.above_s:
        return Decision(Action.LEAVE, f"{offset_s:+.0f} s is within {limits.above_s:.0f} s")
    if size_s > limits.within_s and not force:
        return Decision(
            Action.REFUSE, f"{offset_s:+.0f} s is more than {limits.within_s:.0f} s: see why first"
        )
    step_s = math.gcd(period_s, DAY_S)
    guard_s = limits.guard_s
    if size_s + 2 * guard_s < step_s:
        until = _clear_of_ends(
            now, min(0.0, offset_s), max(0.0, offset_s), guard_s, step_s, zone_offset_s
        )
    elif not force:
        return Decision(
            Action.REFUSE, f"{offset_s:+.0f} s does not fit into a capture period of {step_s} s"
        )
    else:
        until = _clear_of_ends(now, 0.0, 0.0, min(guard_s, step_s / 4), step_s, zone_offset_s)
    if until > now:
        return Decision(Action.WAIT, "a capture period ends", until)
    return Decision(Action.SET)


def _clear_of_ends(  # noqa: PLR0917  # numbers of one formula
    now: float, low: float, high: float, guard_s: float, step_s: int, zone_offset_s: int
) -> float:
    """Return the first time from ``now`` on at which no period ends within [low, high] around it.

    The guard is added at both sides; the span with it is shorter than a period.
    """
    local = now + zone_offset_s
    end = math.floor((local + high + guard_s) / step_s) * step_s
    if local + low - guard_s > end:
        return now
    return end - low + guard_s - zone_offset_s + 1


def drift_s_per_day(samples: Sequence[Sample]) -> float | None:
    """Return how much a clock gains in a day, by the line that fits its samples best.

    Returns:
        Seconds a day, negative for a clock that is slow; None for samples of too short a time.
    """
    if len(samples) < 2 or samples[-1].at - samples[0].at < SHORTEST_SPAN_S:
        return None
    mean_at = math.fsum(each.at for each in samples) / len(samples)
    mean_s = math.fsum(each.offset_s for each in samples) / len(samples)
    spread = math.fsum((each.at - mean_at) ** 2 for each in samples)
    together = math.fsum((each.at - mean_at) * (each.offset_s - mean_s) for each in samples)
    return round(together / spread * DAY_S, 2)


def jumped(before: Sample, after: Sample) -> bool:
    """Tell whether a clock changed between two polls by more than drift and slow answers."""
    days = abs(after.at - before.at) / DAY_S
    return abs(after.offset_s - before.offset_s) > JUMP_S + FASTEST_DRIFT_S_PER_DAY * days


def remark(
    offset_s: float, drift_s_per_day: float | None, *, most_s: float, fastest_s_per_day: float
) -> str:
    """Return what is wrong with a clock, in words; empty for one that is right enough."""
    found: list[str] = []
    if drift_s_per_day is not None and abs(drift_s_per_day) > fastest_s_per_day:
        way = "gains" if drift_s_per_day > 0 else "loses"
        found.append(f"{way} {abs(drift_s_per_day):.1f} s a day")
    if abs(offset_s) > most_s:
        found.append(f"is more than {most_s:.0f} s off")
    return ", ".join(found)
