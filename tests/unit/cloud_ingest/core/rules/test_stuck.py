# SPDX-License-Identifier: MIT
"""A water register that stands still while somebody is at home."""

import random
from datetime import date, timedelta
from decimal import Decimal

from cloud_ingest.core.rules.stuck import STILL_DAYS, Day, stuck

FIRST = date(2026, 8, 1)
DAY = timedelta(days=1)


def days(*parts: tuple[int, int | None, str | None]) -> list[Day]:
    """Days that follow one another: how many, litres, kWh."""
    each = [part[1:] for part in parts for _ in range(part[0])]
    return [
        Day(
            FIRST + number * DAY,
            None if litres is None else Decimal(litres),
            None if kwh is None else Decimal(kwh),
        )
        for number, (litres, kwh) in enumerate(each)
    ]


def test_still_water_with_living_electricity_is_stuck() -> None:
    found = stuck(days((30, 250, "6"), (8, 0, "6.5")))
    assert found is not None
    assert (found.first_day, found.kwh) == (FIRST + 30 * DAY, Decimal(52))


def test_a_week_is_not_enough() -> None:
    assert stuck(days((30, 250, "6"), (STILL_DAYS, 0, "6"))) is None


def test_an_empty_flat_is_not_stuck() -> None:
    assert stuck(days((30, 250, "6"), (20, 0, "1.2"))) is None


def test_a_register_that_moves_again_is_not_stuck() -> None:
    assert stuck(days((30, 250, "6"), (20, 0, "6"), (1, 3, "6"))) is None


def test_without_history_nothing_is_said() -> None:
    assert stuck(days((13, 250, "6"), (20, 0, "6"))) is None
    assert stuck(days((30, 250, None), (20, 0, "6"))) is None
    assert stuck(days((90, 0, "6"))) is None
    assert stuck([]) is None


def test_unknown_days_are_no_days_without_water() -> None:
    assert stuck(days((30, 250, "6"), (3, 0, "6"), (5, None, None))) is None
    found = stuck(days((30, 250, "6"), (3, None, "6"), (9, 0, "6")))
    assert found is not None
    assert found.first_day == FIRST + 33 * DAY


def test_a_flat_that_uses_no_electricity_says_nothing() -> None:
    assert stuck(days((30, 250, "0"), (20, 0, "0"))) is None


def test_holidays_of_simulated_flats_are_not_stuck() -> None:
    """Of 400 flats, each with a holiday of three weeks, few are taken for stuck; lived in, most."""
    wrong = found = 0
    for seed in range(400):
        dice = random.Random(seed)
        base, own = dice.uniform(0.8, 2), dice.uniform(2, 8)

        def kwh(
            share: float, dice: random.Random = dice, base: float = base, own: float = own
        ) -> str:
            return f"{base + own * share * dice.lognormvariate(0, 0.35):.3f}"

        lived = [(1, dice.randrange(80, 400), kwh(1)) for _ in range(40)]
        wrong += stuck(days(*lived, *[(1, 0, kwh(0)) for _ in range(21)])) is not None
        found += stuck(days(*lived, *[(1, 0, kwh(1)) for _ in range(21)])) is not None
    assert wrong == 0
    assert found >= 350
