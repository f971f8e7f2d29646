# SPDX-License-Identifier: MIT
"""One meter put to the test: its false alarms, and which injected leaks the rules find.

The meter is played once, and its state is kept at the start of each trial; there the same rules
go on with the readings that the leak changes. So a trial costs its own hours alone, and sees what
a replay of the whole changed file would show.

In: a meter's readings, a seed. Out: what was found. Pure.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import median
from typing import Protocol

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance, as_they_stand
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.replay.run import counted
from cloud_ingest.scoring.known import Reading, known_s
from cloud_ingest.scoring.leaks import DAY_S, HOUR_S

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
class Injection:
    """A leak that is laid over a meter's readings."""

    start_s: int
    kind: str
    changed: Callable[[int, int], list[Reading]]
    """From one reading's place to another's, the readings with the leak."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What is scored, and how thoroughly."""

    meter: WaterMeter
    """The register as it shall be: readings are cut to its step."""
    point: Point
    trials: int
    """How many leaks of each kind are laid over each meter."""
    seed: int


class Flat(Protocol):
    """A meter's readings, and how a leak would change them."""

    kinds: tuple[str, ...]
    """The leaks that can be laid over it."""

    @property
    def readings(self) -> Sequence[Reading]:
        """Return the readings without a leak, in seconds and millilitres, ascending."""
        ...

    def leak(
        self, kind: str, start_s: int, length_s: int, rng: Random
    ) -> Callable[[int, int], list[Reading]]:
        """Draw a leak of at least this length; see `Injection.changed`."""
        ...


def scored(name: str, flat: Flat, setup: Setup, *, leaks: bool) -> MeterScore:
    """Score one meter.

    Args:
        name: What the file calls it; the draw depends on it and on the seed alone.
        flat: Its readings.
        setup: What is scored.
        leaks: The meter really leaks.
    """
    readings = flat.readings
    spans = [later[0] - earlier[0] for earlier, later in pairwise(readings)]
    interval_s = round(median(spans or [HOUR_S]))
    drawn = [] if leaks else draw(name, flat, setup)
    told, found = _play(readings, drawn, interval_s, setup)
    return MeterScore(
        meter=name,
        leaks=leaks,
        interval_s=interval_s,
        known_days=known_s(readings, readings[0][0], readings[-1][0]) / DAY_S,
        alarms=dict(Counter(each.kind for each in as_they_stand(told) if is_alarm(each))),
        trials=tuple(found),
    )


def ascending(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out what is not later than the reading before it, as the rules do."""
    kept = list(readings[:1])
    for reading in readings:
        if reading[0] > kept[-1][0]:
            kept.append(reading)
    return kept


def is_alarm(episode: Episode) -> bool:
    """Say whether an event is an alarm of the water-loss family."""
    return episode.severity == "alarm" and any(word in episode.kind for word in WATER_LOSS)


def draw(name: str, flat: Flat, setup: Setup) -> list[Injection]:
    """Draw leaks with their starts, in the order of time."""
    longest_s = WINDOWS_H[-1] * HOUR_S
    first_s, last_s = flat.readings[0][0] + HISTORY_S, flat.readings[-1][0] - longest_s
    if first_s > last_s:
        return []
    drawn: list[Injection] = []
    for kind in flat.kinds:
        rng = Random(f"{setup.seed} {name} {kind}")  # noqa: S311  a draw, not a secret
        for _ in range(setup.trials):
            start_s = rng.randint(first_s, last_s)
            changed = flat.leak(kind, start_s, longest_s + DAY_S, rng)
            drawn.append(Injection(start_s, kind, changed))
    return sorted(drawn, key=lambda each: each.start_s)


def _play(
    readings: Sequence[Reading], drawn: Sequence[Injection], interval_s: int, setup: Setup
) -> tuple[list[Episode], list[Trial]]:
    meter, point = setup.meter, setup.point
    times = [at_s for at_s, _ in readings]
    state, told, found, here = State(), list[Episode](), list[Trial](), 0
    for each in drawn:
        there = bisect_right(times, each.start_s, here)
        told += advance(state, counted(readings[here:there], meter), meter, point)
        here = there
        end_s = each.start_s + WINDOWS_H[-1] * HOUR_S + interval_s
        first, last = max(0, here - 1), bisect_left(times, end_s, here) + 1
        changed = counted(each.changed(first, last), meter)
        alarms = advance(State.unpack(state.pack()), changed, meter, point)
        found.append(_trial(each, readings[first:last], alarms, interval_s))
    told += advance(state, counted(readings[here:], meter), meter, point)
    return told, found


def _trial(
    leak: Injection, window: Sequence[Reading], told: Sequence[Episode], interval_s: int
) -> Trial:
    lengths_s = [hours * HOUR_S + interval_s for hours in WINDOWS_H]
    delays = [each.raised_s - leak.start_s for each in told if is_alarm(each)]
    delay_s = min((delay for delay in delays if 0 < delay <= lengths_s[-1]), default=None)
    known = tuple(
        known_s(window, leak.start_s, leak.start_s + length_s) / length_s for length_s in lengths_s
    )
    return Trial(leak.kind, leak.start_s, delay_s, known)
