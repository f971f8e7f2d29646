# SPDX-License-Identifier: MIT
"""Which meter behind a bulk meter explains a change of the residual: named, or only suspected.

All explanations are weighed together, each by how often it happens and how well it fits: nothing
has changed; water is lost in the common pipe, at each hour alike or by an outlet without a meter
when people use it; or one meter, since one day, counts only a share of what its flat uses. A share
that goes around a meter adds to the residual in proportion to what the meter still counts, day by
day, and lowers what it counts against its own history. A meter that has stopped counts nothing, and
adds what its flat used to use; a flat on holiday adds nothing, and how often a flat was away before
says how likely that is now.

A meter is named if its explanations together hold `NAMED` of the weight, and if the interval of
the share it misses lies clear of nothing. One that still counts must hold `CERTAIN` of it while
another that stands still is an explanation, too. Otherwise the likeliest three are told, and
nobody is accused.

In: steps, the precision of their residual. Out: `Suspect`s, likeliest first. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import exp, log, log1p, pi, sqrt
from operator import mul
from statistics import fmean
from typing import Literal

from cloud_ingest.core.rules.tower.absence import how_often_absent
from cloud_ingest.core.rules.tower.loss import BASELINE_STEPS, Scan
from cloud_ingest.core.rules.tower.steps import Steps
from cloud_ingest.core.rules.tower.tail import Tail
from cloud_ingest.core.rules.tower.tridiagonal import Matrix
from cloud_ingest.core.rules.tower.within_day import NO_PATTERNS, Patterns

NAMED = 0.98
IN_DOUBT = 0.1
"""A meter that stands still, and that explains so much of what a loss in the pipe explains, casts
doubt on those that still count: its flat's use looks like anything."""
CERTAIN = 0.999
"""At so much one that still counts is named even then."""
Z_99 = 2.58
LEAST_SHARE = 0.05
"""Below it a share is within what sound meters differ by."""

LOSS_A_DAY = 1 / 365
"""How often a loss in the common pipe begins."""
LOSS_ENDS_A_DAY = 1 / 30
"""How often one that goes on ends."""
LEAST_ENDED = 2.0
"""A loss that has ended, of less evidence, explains nothing."""
STOP_A_DAY = 1 / (30 * 365)
"""How often a meter stops."""
SHARE_A_DAY = 1 / (30 * 365)
"""How often a meter begins to miss a share of the use."""
OUTLET_SHARE = 0.1
"""Of losses in the common pipe that are somebody's use by an outlet without a meter."""
SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
RATIOS = tuple((share / (1 - share), -log(1 - share)) for share in SHARES)
"""Of what goes around a meter to what it counts; by how much the meter falls, as a logarithm."""
FIRST_DAY = (0.25, 0.5, 0.75, 1.0)
"""Of a loss on the day on which it begins, at some hour."""
LOSS_RATIO = 1.4
LOSS_FINENESS = 21
"""Losses that are tried: so many, each so much larger than the one before."""
LEVEL_SD = 0.3
LEVEL_FREEDOM = 3.0
LEVEL_POWER = (LEVEL_FREEDOM + 1) / 2
"""What a flat uses against its own history: natural logarithm, Student's t."""
STOPPED_LEVEL_SD = 0.3
SCATTERS = (0.1, 0.3, 1.0)
"""How a flat's days may scatter behind a meter that stopped, against how they did: a variance."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """One meter that may miss a share of what its flat uses."""

    meter: str
    kind: Literal["stopped_meter", "bypass"]
    since: date
    weight: float
    """Of all explanations together."""
    share: float
    lower: float
    upper: float
    """What it misses of the use, with a 99 % interval."""
    per_day: float
    is_named: bool
    """The evidence accuses it."""


@dataclass(frozen=True, slots=True)
class _Explanation:
    log_weight: float
    meter: str | None
    begin: int
    stopped: bool = False
    share: float = 0.0
    half: float = 0.0
    per_day: float = 0.0


def suspects_of(
    steps: Steps, inverse: Matrix, scan: Scan, patterns: Patterns = NO_PATTERNS
) -> list[Suspect]:
    """Return the meters that may explain the residual, likeliest first.

    Args:
        steps: The steps.
        inverse: The precision of their residual.
        scan: Of losses in it.
        patterns: How the hours of the residual go along with each meter's.
    """
    pull = [sum(map(mul, row, steps.residual)) for row in inverse]
    losses = list(_losses(steps, inverse, pull, patterns))
    explained = [_Explanation(0.0, None, 0), *_ended_losses(steps, scan), *losses]
    for meter in steps.meters:
        explained += _shares(steps, inverse, pull, meter, patterns)
        explained += _stops(steps, inverse, pull, meter, patterns)
    highest = max(each.log_weight for each in explained)

    def weight_of(some: Iterable[_Explanation]) -> float:
        return sum(exp(each.log_weight - highest) for each in some)

    total = weight_of(explained)
    own: dict[tuple[str, bool], list[_Explanation]] = {}
    for each in explained:
        if each.meter is not None:
            own.setdefault((each.meter, each.stopped), []).append(each)
    weights = {key: weight_of(some) / total for key, some in own.items()}
    lost = weight_of(losses) / total
    stands_still = any(
        weight >= IN_DOUBT * lost for (_, stopped), weight in weights.items() if stopped
    )
    found = [
        _suspect(steps, some, weights[key], CERTAIN if stands_still and not key[1] else NAMED)
        for key, some in own.items()
    ]
    return sorted(found, key=lambda suspect: -suspect.weight)


def _suspect(
    steps: Steps, explained: Sequence[_Explanation], weight: float, named_at: float
) -> Suspect:
    best = max(explained, key=lambda each: each.log_weight)
    assert best.meter is not None  # noqa: S101 - they were sorted by it
    lower = max(0.0, best.share - best.half)
    return Suspect(
        meter=best.meter,
        kind="stopped_meter" if best.stopped else "bypass",
        since=steps.day(best.begin),
        weight=weight,
        share=best.share,
        lower=lower,
        upper=min(1.0, best.share + best.half),
        per_day=best.per_day,
        is_named=weight >= named_at and lower > LEAST_SHARE,
    )


def _losses(
    steps: Steps, inverse: Matrix, pull: Sequence[float], patterns: Patterns
) -> Iterator[_Explanation]:
    """Yield a loss in the common pipe since each day, whatever its rate."""
    widths = [float(width) for width in steps.widths]
    least = max(steps.spread / 8, 1e-9)
    rates = [least * LOSS_RATIO**power for power in range(LOSS_FINENESS)]
    prior = log(LOSS_A_DAY / LOSS_FINENESS / len(FIRST_DAY))
    outlet = {day: (each, 0.0) for day, each in patterns.outlet.items()}
    within = [each for each, _ in _since_each_step(steps, outlet)]
    for begin, along, sharp in _fits(inverse, pull, widths, FIRST_DAY):
        hours = _log_sum(log(1 - OUTLET_SHARE), log(OUTLET_SHARE) + within[begin])
        fits = [rate * along - rate * rate * sharp / 2 for rate in rates]
        best = max(fits)
        fit = best + log(sum(exp(each - best) for each in fits))
        yield _Explanation(prior + fit + log(steps.widths[begin]) + hours, None, begin)


def _ended_losses(steps: Steps, scan: Scan) -> Iterator[_Explanation]:
    """Yield that water was lost in the common pipe for a time, at the rate that fits best.

    It stands for those rates of `_losses` that fit as well: fewer, the sharper it is known.
    """
    prior = log(LOSS_A_DAY * LOSS_ENDS_A_DAY / LOSS_FINENESS)
    for evidence, begin in scan.ended():
        if evidence > LEAST_ENDED:
            rates = sqrt(pi / evidence) / log(LOSS_RATIO)
            yield _Explanation(
                prior + evidence + log(rates * steps.widths[begin]),
                None,
                begin,
            )


def _shares(
    steps: Steps, inverse: Matrix, pull: Sequence[float], meter: str, patterns: Patterns
) -> Iterator[_Explanation]:
    """Yield that a meter counts only a share since each day."""
    uses = steps.meters[meter]
    prior = log(SHARE_A_DAY / len(SHARES))
    within = _since_each_step(steps, patterns.shares.get(meter, {}))
    levels = _levels(steps, uses)
    for begin, daily_along, daily_sharp in _fits(inverse, pull, uses):
        along, sharp = daily_along + within[begin][0], daily_sharp + within[begin][1]
        change = levels[begin]
        if sharp <= 0 or along <= 0 or change is None:
            continue
        passed, half = along / sharp, Z_99 / sqrt(sharp)
        share = passed / (1 + passed)
        lower = max(0.0, passed - half)
        yield _Explanation(
            prior + log(steps.widths[begin]) + _fit_of_shares(along, sharp, *change),
            meter,
            begin,
            share=share,
            half=share - lower / (1 + lower),
            per_day=passed * sum(uses[begin:]) / sum(steps.widths[begin:]),
        )


def _fit_of_shares(along: float, sharp: float, level: float, scale: float) -> float:
    """Return the log likelihood ratio of all shares together, by days, hours and history."""
    best = along * along / (2 * sharp)
    natural = _t_tail(level / scale)
    return best + log(
        sum(
            exp(ratio * along - ratio * ratio * sharp / 2 - best)
            * (natural / _t_tail((level + fallen) / scale)) ** LEVEL_POWER
            for ratio, fallen in RATIOS
        )
    )


def _since_each_step(
    steps: Steps, within: Mapping[date, tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return what the hours of all days from each step on say of a meter."""
    found = [(0.0, 0.0)]
    days = sorted(within, reverse=True)
    for step in range(len(steps.widths) - 1, -1, -1):
        along, sharp = found[-1]
        while days and days[0] >= steps.day(step):
            own_along, own_sharp = within[days.pop(0)]
            along, sharp = along + own_along, sharp + own_sharp
        found.append((along, sharp))
    return found[:0:-1]


def _levels(steps: Steps, uses: Sequence[float]) -> list[tuple[float, float] | None]:
    """Return by how much a flat uses more than before each step, as a logarithm, and its spread.

    None: before or after the step it used nothing.
    """
    rates = [use / width for use, width in zip(uses, steps.widths, strict=True)]
    sums = [0.0, *accumulate(rates)]
    squares = [0.0, *accumulate(map(mul, rates, rates))]
    count = len(rates)
    found: list[tuple[float, float] | None] = [None]
    for begin in range(1, count):
        old, new = sums[begin] / begin, (sums[count] - sums[begin]) / (count - begin)
        if old <= 0 or new <= 0:
            found.append(None)
            continue
        relative = 2 * max(0.0, squares[begin] / begin / old**2 - 1)
        spread = sqrt(LEVEL_SD**2 + relative * (1 / begin + 1 / (count - begin)))
        found.append((log(new / old), spread))
    return found


def _stops(
    steps: Steps, inverse: Matrix, pull: Sequence[float], meter: str, patterns: Patterns
) -> Iterator[_Explanation]:
    """Yield that a meter stopped when it began to count nothing."""
    uses = steps.meters[meter]
    begin = end = steps.read_until[meter]
    while begin and uses[begin - 1] == 0:
        begin -= 1
    rates = [use / width for use, width in zip(uses[:begin], steps.widths, strict=False)]
    used = [rate for rate in rates if rate > 0]
    if begin == end or begin < BASELINE_STEPS or len(used) < BASELINE_STEPS // 2:
        return
    mean = fmean(used)
    variance = fmean((rate - mean) ** 2 for rate in rates)
    onset, later = patterns.onsets.get(meter, (None, 0.0))
    last_count = steps.day(begin) - timedelta(days=1)
    shape = [later * (onset == last_count and steps.widths[begin - 1] == 1)]
    shape += steps.widths[begin:end]
    days = sum(steps.widths[begin:end])
    tail = Tail.of(inverse, pull, shape, begin - 1)
    level = (STOPPED_LEVEL_SD * mean) ** 2
    fits = [tail.log_marginal(mean, level, part * variance) for part in SCATTERS]
    fit = _log_mean(fits)
    rate = tail.along / tail.sharp
    half = Z_99 / sqrt(tail.sharp)
    yield _Explanation(
        log(STOP_A_DAY)
        - log(how_often_absent(uses[:begin], days))
        + fit
        + _hours_of_stop(patterns, meter, last_count),
        meter,
        begin,
        stopped=True,
        share=1.0 if rate > 0 else 0.0,
        half=min(1.0, half / max(rate, 1e-9)),
        per_day=rate,
    )


def _hours_of_stop(patterns: Patterns, meter: str, last_count: date) -> float:
    """Return what the hours say that a meter stopped: its flat kept its habits, or has others."""
    own = {day: x for day, x in patterns.stops.get(meter, {}).items() if day >= last_count}
    others = sum(patterns.outlet[day] for day in own)
    return _log_sum(sum(own.values()), others) - log(2)


def _fits(
    inverse: Matrix, pull: Sequence[float], shape: Sequence[float], parts: Sequence[float] = (1.0,)
) -> Iterator[tuple[int, float, float]]:
    """Yield for each beginning how well a shape fits from there on, and how sharply.

    ``parts``: of its first step, each is tried.
    """
    along = sharp = 0.0
    for begin in range(len(shape) - 1, BASELINE_STEPS - 1, -1):
        own, row = shape[begin], inverse[begin]
        pulled, alone = own * pull[begin], own * own * row[begin]
        beside = 2 * own * sum(map(mul, row[begin + 1 :], shape[begin + 1 :]))
        for part in parts:
            yield begin, along + part * pulled, sharp + part * (part * alone + beside)
        along, sharp = along + pulled, sharp + alone + beside


def _log_sum(one: float, other: float) -> float:
    return max(one, other) + log1p(exp(-abs(one - other)))


def _log_mean(some: Sequence[float]) -> float:
    best = max(some)
    return best + log(fmean(exp(each - best) for each in some))


def _t_tail(value: float) -> float:
    """Return what Student's density is a power of."""
    return 1 + value * value / LEVEL_FREEDOM
