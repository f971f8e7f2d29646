# SPDX-License-Identifier: MIT
"""The score of the water rules over many meters: false alarms, detection, and their spread.

In: what each meter showed. Out: figures with 95 % intervals. Pure.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Final

from cloud_ingest.scoring.confidence import Interval, Pair, bootstrap, rate, ratio, share
from cloud_ingest.scoring.leaks import HOUR_S
from cloud_ingest.scoring.trials import WINDOWS_H, MeterScore, Trial

PER_DAYS: Final = 1000
KNOWN_PART: Final = 0.9


@dataclass(frozen=True, slots=True)
class Alarms:
    """Alarms per 1000 known meter-days."""

    kind: str
    count: int
    days: float
    per_1000_days: Interval


@dataclass(frozen=True, slots=True)
class Detection:
    """How many leaks of a kind were found within so many hours and one interval."""

    leak: str
    hours: int
    trials: int
    """Whose window is known to nine tenths."""
    known: Interval
    all_trials: int
    all: Interval


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over meters: where other meters of the same kind had been drawn, and by fold."""

    what: str
    over_meters: Interval
    by_fold: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """All that is shown of one register step, data interval and operating point."""

    interval_s: float
    """The usual time between two readings."""
    sound_meters: int
    leaking_meters: int
    false_alarms: tuple[Alarms, ...]
    """All together first, then by kind; of sound meters."""
    leaking: Alarms
    """Alarms of meters that really leak."""
    detections: tuple[Detection, ...]
    spreads: tuple[Spread, ...]


def score(meters: Sequence[MeterScore], kinds: Sequence[str], *, folds: int, seed: int) -> Score:
    """Put together what the meters showed.

    Args:
        meters: What each of them showed.
        kinds: The leaks that were laid over them.
        folds: Into how many groups of meters the figures are parted.
        seed: Of the groups, and of the spread over meters.
    """
    sound = [each for each in meters if not each.leaks]
    flags = sorted({kind for each in sound for kind in each.alarms})
    leaking = [each for each in meters if each.leaks]
    return Score(
        interval_s=median(each.interval_s for each in meters),
        sound_meters=len(sound),
        leaking_meters=len(leaking),
        false_alarms=(_alarms(sound, "all"), *(_alarms(sound, kind) for kind in flags)),
        leaking=_alarms(leaking, "all"),
        detections=tuple(_detections(sound, kinds)),
        spreads=tuple(_spreads(sound, kinds, folds, seed)),
    )


def _alarms(meters: Iterable[MeterScore], kind: str) -> Alarms:
    counts, days = Counter[str](), 0.0
    for each in meters:
        counts.update(each.alarms)
        days += each.known_days
    count = counts.total() if kind == "all" else counts[kind]
    return Alarms(kind, count, days, rate(count, days / PER_DAYS))


def _detections(meters: Sequence[MeterScore], kinds: Sequence[str]) -> Iterable[Detection]:
    for leak in kinds:
        for window, hours in enumerate(WINDOWS_H):
            found = _found(meters, leak, window)
            known, every = _of_known(found), [was_found for was_found, _ in found]
            yield Detection(
                leak,
                hours,
                len(known),
                share(sum(known), len(known)),
                len(every),
                share(sum(every), len(every)),
            )


def _found(meters: Iterable[MeterScore], leak: str, window: int) -> list[tuple[bool, float]]:
    return [
        (_in_time(trial, WINDOWS_H[window] * HOUR_S + each.interval_s), trial.known[window])
        for each in meters
        for trial in each.trials
        if trial.leak == leak
    ]


def _of_known(found: Iterable[tuple[bool, float]]) -> list[bool]:
    """Leave out the leaks whose window is not known well enough."""
    return [was_found for was_found, part in found if part >= KNOWN_PART]


def _in_time(trial: Trial, within_s: int) -> bool:
    return trial.delay_s is not None and trial.delay_s <= within_s


def _spreads(
    meters: Sequence[MeterScore], kinds: Sequence[str], folds: int, seed: int
) -> Iterable[Spread]:
    shuffled = list(meters)
    Random(f"{seed} folds").shuffle(shuffled)  # noqa: S311  a draw, not a secret
    figures = {"false alarms per 1000 meter-days": [_false_alarms(each) for each in shuffled]}
    for leak in kinds:
        for hours in (24, 72):
            found = [_known_found(each, leak, hours) for each in shuffled]
            figures[f"{leak}, in {hours} h"] = found
    for what, pairs in figures.items():
        rng = Random(f"{seed} {what}")  # noqa: S311  a draw, not a secret
        by_fold = tuple(ratio(pairs[fold::folds]) for fold in range(folds))
        yield Spread(what, bootstrap(pairs, rng), by_fold)


def _false_alarms(meter: MeterScore) -> Pair:
    return sum(meter.alarms.values()), meter.known_days / PER_DAYS


def _known_found(meter: MeterScore, leak: str, hours: int) -> Pair:
    known = _of_known(_found([meter], leak, WINDOWS_H.index(hours)))
    return sum(known), len(known)
