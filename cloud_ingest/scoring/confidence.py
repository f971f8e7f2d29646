# SPDX-License-Identifier: MIT
"""How far a measured share or rate may lie from the true one: 95 % intervals. Pure."""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple

Z_95: Final = 1.959963984540054
TAIL: Final = 0.025
DRAWS: Final = 1000

Pair = tuple[float, float]


class Interval(NamedTuple):
    """A measured figure, and between what the true one lies."""

    measured: float
    low: float
    high: float


def share(found: int, of: int) -> Interval:
    """Return a share with Wilson's interval; of nothing, all is possible."""
    if of == 0:
        return Interval(math.nan, 0.0, 1.0)
    part, z2 = found / of, Z_95**2
    middle = (part + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * math.sqrt(part * (1 - part) / of + z2 / (4 * of * of))
    low, high = middle - half, middle + half
    return Interval(part, low if found else 0.0, high if found < of else 1.0)


def rate(count: int, exposure: float) -> Interval:
    """Return a rate with the exact interval of Poisson counts (Garwood's)."""
    if exposure <= 0:
        return Interval(math.nan, 0.0, math.inf)
    low = 0.0 if count == 0 else _mean_where(lambda mean: 1 - _at_most(count - 1, mean), count)
    high = _mean_where(lambda mean: 1 - _at_most(count, mean), count, 1 - TAIL)
    return Interval(count / exposure, low / exposure, high / exposure)


def _at_most(count: int, mean: float) -> float:
    """Return the probability of so many or fewer where ``mean`` are expected."""
    return math.fsum(
        math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)
    )


def _mean_where(rising: Callable[[float], float], count: int, wanted: float = TAIL) -> float:
    low, high = 1e-9, 10.0 + 2 * count + 10 * math.sqrt(count)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def ratio(pairs: Sequence[Pair]) -> float:
    """Return how many there were for each of what was looked at."""
    of = math.fsum(pair[1] for pair in pairs)
    return math.fsum(pair[0] for pair in pairs) / of if of else math.nan


def bootstrap(pairs: Sequence[Pair], rng: Random) -> Interval:
    """Return a ratio with its spread where other items of the same kind had been measured.

    Args:
        pairs: Of each item how many there were, and of how much.
        rng: Draws the items, with repeats.
    """
    if not pairs:
        return Interval(math.nan, math.nan, math.nan)
    drawn = (ratio(rng.choices(pairs, k=len(pairs))) for _ in range(DRAWS))
    known = sorted(figure for figure in drawn if not math.isnan(figure)) or [math.nan]
    low, high = known[int(len(known) * TAIL)], known[int(len(known) * (1 - TAIL))]
    return Interval(ratio(pairs), low, high)
