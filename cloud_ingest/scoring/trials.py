# SPDX-License-Identifier: MIT
"""One meter put to the test: its false alarms, and which injected leaks the rules find.

The meter is played once, and its state is kept at the start of each trial; there the same rules
go on with the readings that the leak changes. So a trial costs its own hours alone, and sees what
a replay of the whole changed file would show.

In: a meter's readings, a seed. Out: what was found. Pure.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import median

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.replay.run import as_they_stand, counted
from cloud_ingest.scoring.known import Reading, known_s
from cloud_ingest.scoring.leaks import DAY_S, HOUR_S, LEAKS, Leak, with_leak

WINDOWS_H = (5, 12, 24, 48, 72, 168)
HISTORY_S = 28 * DAY_S
WATER_LOSS = ("leak", "burst")


@dataclass(frozen=True, slots=True)
class Trial:
    """An injected leak, and when the rules raised an alarm of it."""

    leak: str
    start_s: int
    delay_s: int | None
    """From the leak's start to the alarm; None: none within the longest window."""
    known: tuple[float, ...]
    """How much of each window is known."""


@dataclass(frozen=True, slots=True)
class MeterScore:
    """What one meter showed."""

    meter: str
    leaks: bool
    """It really leaks: its alarms are counted apart, and nothing is injected."""
    interval_s: int
    known_days: float
    alarms: dict[str, int]
    """By kind, of the meter as it is."""
    trials: tuple[Trial, ...]


@dataclass(frozen=True, slots=True)
class Setup:
    """What is scored, and how thoroughly."""

    meter: WaterMeter
    """The register as it shall be: readings are cut to its step."""
    point: Point
    trials: int
    """How many leaks of each kind are laid over each meter."""
    seed: int


def scored(name: str, readings: Sequence[Reading], setup: Setup, *, leaks: bool) -> MeterScore:
    """Score one meter.

    Args:
        name: What the file calls it; the draw depends on it and on the seed alone.
        readings: In seconds and millilitres.
        setup: What is scored.
        leaks: The meter really leaks.
    """
    readings = _ascending(readings)
    spans = [later[0] - earlier[0] for earlier, later in pairwise(readings)]
    interval_s = round(median(spans or [HOUR_S]))
    drawn = [] if leaks else draw(name, readings, setup)
    told, found = _play(readings, drawn, interval_s, setup)
    return MeterScore(
        meter=name,
        leaks=leaks,
        interval_s=interval_s,
        known_days=known_s(readings, readings[0][0], readings[-1][0]) / DAY_S,
        alarms=dict(Counter(each.kind for each in as_they_stand(told) if is_alarm(each))),
        trials=tuple(found),
    )


def _ascending(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out what is not later than the reading before it, as the rules do."""
    kept = list(readings[:1])
    for reading in readings:
        if reading[0] > kept[-1][0]:
            kept.append(reading)
    return kept


def is_alarm(episode: Episode) -> bool:
    """Say whether an event is an alarm of the water-loss family."""
    return episode.severity == "alarm" and any(word in episode.kind for word in WATER_LOSS)


def draw(name: str, readings: Sequence[Reading], setup: Setup) -> list[tuple[int, str, Leak]]:
    """Draw leaks with their starts, in the order of time."""
    longest_s = WINDOWS_H[-1] * HOUR_S
    first_s, last_s = readings[0][0] + HISTORY_S, readings[-1][0] - longest_s
    if first_s > last_s:
        return []
    drawn: list[tuple[int, str, Leak]] = []
    for kind, leak in LEAKS.items():
        rng = Random(f"{setup.seed} {name} {kind}")  # noqa: S311  a draw, not a secret
        drawn += [
            (rng.randint(first_s, last_s), kind, leak(rng, longest_s + DAY_S))
            for _ in range(setup.trials)
        ]
    return sorted(drawn, key=lambda each: each[0])


def _play(
    readings: Sequence[Reading],
    drawn: Sequence[tuple[int, str, Leak]],
    interval_s: int,
    setup: Setup,
) -> tuple[list[Episode], list[Trial]]:
    times = [at_s for at_s, _ in readings]
    meter, point = setup.meter, setup.point
    state, told, found, here = State(), list[Episode](), list[Trial](), 0
    for start_s, kind, leak in drawn:
        there = bisect_right(times, start_s, here)
        told += advance(state, counted(readings[here:there], meter), meter, point)
        here = there
        end_s = start_s + WINDOWS_H[-1] * HOUR_S + interval_s
        window = readings[max(0, here - 1) : bisect_left(times, end_s, here) + 1]
        changed = counted(with_leak(window, leak, start_s), meter)
        alarms = advance(State.unpack(state.pack()), changed, meter, point)
        raised = [each.raised_s for each in alarms if is_alarm(each) and each.raised_s > start_s]
        delay_s = min(raised, default=end_s + 1) - start_s
        known = tuple(
            known_s(window, start_s, start_s + hours * HOUR_S + interval_s)
            / (hours * HOUR_S + interval_s)
            for hours in WINDOWS_H
        )
        found.append(Trial(kind, start_s, delay_s if start_s + delay_s <= end_s else None, known))
    told += advance(state, counted(readings[here:], meter), meter, point)
    return told, found
