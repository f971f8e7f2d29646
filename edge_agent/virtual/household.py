# SPDX-License-Identifier: GPL-2.0-only
"""Believable use by households and common services: how a month falls on days and quarters.

In: a kind of load, a seed, a date. Out: whole-number weights and amounts, the same in every
process and Python version, any day alone. Owns nothing.
Never uses a float, a clock or the state of a random generator: chance is a SHAKE-128 digest
of (seed, what, date).
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from enum import StrEnum

SLOTS = 96
"""Quarter hours of an ordinary day."""


class Kind(StrEnum):
    """What draws."""

    FLAT = "flat"
    WATER = "water"
    LIFT = "lift"
    PUMP = "pump"
    LIGHTING = "lighting"
    GENERATOR = "generator"


DEFAULT_MONTHLY: dict[Kind, int] = {
    Kind.FLAT: 312_000,
    Kind.WATER: 15_600,
    Kind.LIFT: 420_000,
    Kind.PUMP: 900_000,
    Kind.LIGHTING: 650_000,
    Kind.GENERATOR: 120_000,
}
"""A month's use, Wh (water: litres), where no target is given; a flat's varies by season."""

_SEASON = (92, 86, 100, 118, 130, 116, 100, 96, 96, 98, 90, 94)
"""A flat's electricity, percent of the default by month: fans and air conditioning."""


def hourly(forenoon: str, afternoon: str) -> tuple[int, ...]:
    """Read a table of 24 hourly numbers, twelve to a line."""
    return tuple(int(number) for number in f"{forenoon} {afternoon}".split())


# Only ratios count.
_FLAT = hourly(
    "34 30 27 26 26 30 46 60 56 44 37 35",
    "38 40 37 35 38 46 62 80 86 82 66 46",
)
_FLAT_WEEKEND = hourly(
    "38 33 29 27 26 28 36 50 62 64 58 54",
    "58 60 54 48 48 52 64 80 86 84 72 52",
)
_SUMMER_EXTRA = hourly(
    "34 34 32 28 22 10 0 0 0 0 0 4",
    "10 18 22 20 12 4 0 0 4 14 26 34",
)
_WINTER_EXTRA = hourly(
    "0 0 0 0 0 14 40 44 26 8 0 0",
    "0 0 0 0 0 0 0 4 6 6 2 0",
)
_WATER_CHANCE = hourly(
    "0 0 0 0 0 60 190 225 200 140 110 90",
    "100 95 60 50 60 90 130 170 180 150 90 30",
)
_LIFT = hourly(
    "2 0 0 0 1 6 18 40 52 40 26 22",
    "24 26 22 22 28 38 50 52 44 34 20 8",
)

_DIWALI = {2023: (11, 12), 2024: (11, 1), 2025: (10, 20), 2026: (11, 8), 2027: (10, 29)}
_DIWALI |= {2028: (10, 17), 2029: (11, 5), 2030: (10, 26)}
_HOLI = {2023: (3, 8), 2024: (3, 25), 2025: (3, 14), 2026: (3, 4), 2027: (3, 22)}
_HOLI |= {2028: (3, 11), 2029: (3, 1), 2030: (3, 20)}
_GANESH = {2023: (9, 19), 2024: (9, 7), 2025: (8, 27), 2026: (9, 14), 2027: (9, 4)}
_GANESH |= {2028: (8, 23), 2029: (9, 11), 2030: (9, 1)}


def digest(seed: str, what: str, day: date, size: int) -> bytes:
    """Return chance: bytes that only these words decide."""
    return hashlib.shake_128(f"{seed}:{what}:{day.isoformat()}".encode()).digest(size)


def festival(day: date) -> tuple[int, int]:
    """Return what a festival does to a flat: percent of electricity, percent of water."""
    for table, before, after, electricity, water in (
        (_DIWALI, 2, 3, 145, 115),
        (_HOLI, 0, 0, 110, 165),
        (_GANESH, 0, 9, 116, 108),
    ):
        found = table.get(day.year)
        if found is not None:
            away = (day - date(day.year, *found)).days
            if -before <= away <= after:
                return electricity, water
    return 100, 100


def outages(first: date) -> dict[date, list[tuple[int, int]]]:
    """Return the power cuts of one month, the same for a whole neighbourhood.

    Args:
        first: The first of the month.

    Returns:
        For each day with a cut, the (first, behind the last) quarter hour of each.
    """
    chance = digest("neighbourhood", "outages", first, 24)
    found: dict[date, list[tuple[int, int]]] = {}
    for number in range(3 + chance[0] % 4):
        pick, hour, span = chance[1 + number * 3 : 4 + number * 3]
        start = 44 + hour % 40
        day = first + timedelta(days=pick % 28)
        found.setdefault(day, []).append((start, start + 1 + span % 6))
    return found


def month_weights(kind: Kind, seed: str, first: date) -> list[int]:
    """Return how the days of a month share its use, one weight a day.

    Args:
        kind: What draws.
        seed: The load's seed.
        first: The first of the month.
    """
    following = (first + timedelta(days=31)).replace(day=1)
    days = [first + timedelta(days=number) for number in range((following - first).days)]
    chance = digest(seed, "days", first, 2 * len(days))
    if kind is Kind.GENERATOR:
        cuts = outages(first)
        return [
            sum(end - start for start, end in cuts.get(day, ())) * (90 + chance[index] % 21)
            for index, day in enumerate(days)
        ]
    weights: list[int] = []
    for index, day in enumerate(days):
        weekend = day.weekday() >= 5
        electricity, water = festival(day)
        noise = chance[2 * index]
        if kind is Kind.FLAT:
            weight = (850 + noise) * (112 if weekend else 100) * electricity
            if chance[2 * index + 1] < 5:  # away: the refrigerator alone
                weight = weight * 3 // 10
        elif kind is Kind.WATER:
            weight = (820 + noise) * (118 if weekend else 100) * water
        elif kind is Kind.LIFT:
            weight = (900 + noise) * (88 if weekend else 100) * electricity
        elif kind is Kind.PUMP:
            weight = (900 + noise) * (108 if weekend else 100) * water
        else:
            weight = 1000 + noise % 16
            weight *= electricity
        weights.append(weight)
    return weights


def _hours(table: Sequence[int]) -> tuple[int, ...]:
    """Spread 24 hourly values over the quarters, sloping from each to the next, times four."""
    return tuple(
        table[slot // 4] * (4 - slot % 4) + table[(slot // 4 + 1) % 24] * (slot % 4)
        for slot in range(SLOTS)
    )


def _seasoned(extra: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    plain = [base + more for base, more in zip(_FLAT, extra, strict=True)]
    weekend = [base + more for base, more in zip(_FLAT_WEEKEND, extra, strict=True)]
    return _hours(plain), _hours(weekend)


_FLAT_SHAPES = {
    "mild": _seasoned((0,) * 24),
    "summer": _seasoned(_SUMMER_EXTRA),
    "winter": _seasoned(_WINTER_EXTRA),
}
_SEASONS = ("winter", "winter", "mild", *["summer"] * 3, *["mild"] * 5, "winter")


def _flat(seed: str, day: date) -> list[int]:
    chance = digest(seed, "quarters", day, SLOTS + 12)
    shape = _FLAT_SHAPES[_SEASONS[day.month - 1]][day.weekday() >= 5]
    weights = [base * (160 + noise) for base, noise in zip(shape, chance[:SLOTS], strict=True)]
    for pick, strength in zip(chance[SLOTS::2], chance[SLOTS + 1 :: 2], strict=True):
        slot = 24 + pick % 66  # iron, kettle, washing machine: between 06:00 and 22:30
        weights[slot] += 20_000 + strength * 200
    return weights


def _water(seed: str, day: date) -> list[int]:
    chance = digest(seed, "quarters", day, 2 * SLOTS + 2)
    wake = 20 + chance[-1] % 6  # 05:00 to 06:15
    weights = [0] * SLOTS
    for slot in range(wake, SLOTS - 2):
        if chance[slot] < _WATER_CHANCE[slot // 4]:
            weights[slot] = 40 + chance[SLOTS + slot]
    weights[28] += 60  # somebody always brushes at seven
    if chance[-2] < 70:
        weights[2 + chance[-2] % 16] = 45  # one flush at night: the other hours stay dry
    return weights


def _lift(seed: str, day: date) -> list[int]:
    chance = digest(seed, "quarters", day, SLOTS)
    return [
        4 + _LIFT[slot // 4] * (64 + chance[slot]) // 16 for slot in range(SLOTS)
    ]  # the control cabinet draws all the time


def _pump(seed: str, day: date) -> list[int]:
    chance = digest(seed, "quarters", day, SLOTS + 2)
    weights = [0] * SLOTS
    for start, spread, noise in ((19, 12, chance[-1]), (66, 14, chance[-2])):
        begin = start + noise % 4
        for slot in range(begin, begin + spread):
            weights[slot] = 1000 + chance[slot] % 40
    return weights


def _lighting(seed: str, day: date) -> list[int]:
    chance = digest(seed, "quarters", day, SLOTS)
    winter = abs(day.month - 6)  # months from the longest day: later mornings, earlier dusk
    dawn, dusk = 22 + winter // 2, 76 - winter // 2
    weights = [60 + noise % 8 for noise in chance]  # basements and stairs by day
    for slot in (*range(dawn), *range(dusk, SLOTS)):
        dim = 6 if 2 <= slot < 18 else 10
        weights[slot] = 40 * dim + chance[slot] % 12
    return weights


def _generator(seed: str, day: date) -> list[int]:
    chance = digest(seed, "quarters", day, SLOTS)
    weights = [0] * SLOTS
    for start, end in outages(day.replace(day=1)).get(day, ()):
        for slot in range(start, end):
            weights[slot] = 100 + chance[slot] % 60
    return weights


_SHAPES: dict[Kind, Callable[[str, date], list[int]]] = {
    Kind.FLAT: _flat,
    Kind.WATER: _water,
    Kind.LIFT: _lift,
    Kind.PUMP: _pump,
    Kind.LIGHTING: _lighting,
    Kind.GENERATOR: _generator,
}


def day_weights(kind: Kind, seed: str, day: date) -> list[int]:
    """Return how the 96 quarter hours of a day share its use, one weight a quarter."""
    return _SHAPES[kind](seed, day)


def month_amount(kind: Kind, seed: str, first: date, monthly: int | None) -> int:
    """Return a month's use, Wh or litres.

    Within 1.5 % of the target; without a target the default, with the season and a spread
    of a quarter between households.

    Args:
        kind: What draws.
        seed: The load's seed.
        first: The first of the month.
        monthly: The target, Wh or litres.
    """
    noise = int.from_bytes(digest(seed, "month", first, 2), "big") % 31
    if monthly is None:
        character = int.from_bytes(digest(seed, "character", date(2000, 1, 1), 2), "big") % 51
        monthly = DEFAULT_MONTHLY[kind] * (75 + character) // 100
        if kind is Kind.FLAT:
            monthly = monthly * _SEASON[first.month - 1] // 100
    return monthly * (985 + noise) // 1000
