# SPDX-License-Identifier: GPL-2.0-only
"""A covering product: few combinations in which any two values of any two switches meet.

In: the switches with their values, which pairs cannot meet, a seed. Out: the combinations, the
same ones for the same seed. Greedy: each combination begins with a pair that has not met, and
each further switch takes the value that makes the most new pairs.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations, product

Row = dict[str, object]
Pair = frozenset[tuple[str, object]]


def pairs_of(row: Mapping[str, object]) -> set[Pair]:
    """Return all pairs that meet in a combination."""
    return {frozenset(two) for two in combinations(row.items(), 2)}


def all_pairs(
    switches: Mapping[str, Sequence[object]], fits: Callable[[Row], bool] = lambda _row: True
) -> set[Pair]:
    """Return all pairs that can meet."""
    return {
        frozenset(((one, a), (other, b)))
        for one, other in combinations(switches, 2)
        for a, b in product(switches[one], switches[other])
        if fits({one: a, other: b})
    }


def pairwise_product(
    switches: Mapping[str, Sequence[object]],
    *,
    seed: int,
    fits: Callable[[Row], bool] = lambda _row: True,
) -> list[Row]:
    """Return combinations in which all pairs meet that can.

    Args:
        switches: the values of each, the plain one first: it is taken where it makes no odds.
        seed: for the order in which pairs are taken up.
        fits: tells whether a part of a combination can be.
    """
    dice = random.Random(seed)  # a choice of tests, no secret
    left = sorted(all_pairs(switches, fits), key=lambda pair: sorted(map(repr, pair)))
    dice.shuffle(left)
    missing = set(left)
    found: list[Row] = []
    while missing:
        begun = next(pair for pair in left if pair in missing)
        row: Row = dict(begun)
        for name in dice.sample(list(switches), len(switches)):
            if name not in row:
                row[name] = _best(row, name, switches[name], missing, fits)
        missing -= pairs_of(row)
        found.append({name: row[name] for name in switches})
    return found


def _best(
    row: Row,
    name: str,
    values: Sequence[object],
    missing: set[Pair],
    fits: Callable[[Row], bool],
) -> object:
    allowed = [value for value in values if fits({**row, name: value})]

    def gain(value: object) -> int:
        return sum(frozenset(((name, value), item)) in missing for item in row.items())

    return max(allowed, key=gain)
