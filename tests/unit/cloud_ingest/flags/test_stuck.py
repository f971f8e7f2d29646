# SPDX-License-Identifier: MIT
"""The days of a unit, made of what its registers showed at their ends."""

from datetime import date, timedelta
from decimal import Decimal

from cloud_ingest.core.rules.stuck import Day
from cloud_ingest.flags.stuck import days_of
from cloud_ingest.store.meter_states import DayRegister

FIRST = date(2026, 11, 1)
DAY = timedelta(days=1)


def shown(
    channel_id: int, service: str, raws: list[int | None], unit: int = 19
) -> list[DayRegister]:
    return [
        DayRegister(channel_id, service, unit, 0, FIRST + n * DAY, raw)
        for n, raw in enumerate(raws)
        if raw is not None
    ]


def litres(days: list[Day]) -> list[Decimal | None]:
    return [day.litres for day in days]


def test_a_day_is_the_difference_of_two_ends() -> None:
    water = shown(1, "water", [10, 15, 15])
    energy = shown(2, "electricity", [1000, 7000, 9500], unit=30)
    assert days_of([*water, *energy], FIRST, FIRST + 2 * DAY) == [
        Day(FIRST + DAY, Decimal(5), Decimal(6)),
        Day(FIRST + 2 * DAY, Decimal(0), Decimal("2.5")),
    ]


def test_a_gap_is_known_only_where_nothing_moved() -> None:
    still = shown(1, "water", [10, None, None, 10, 12])
    moved = shown(1, "water", [10, None, None, 11, 12])
    last = FIRST + 4 * DAY
    assert litres(days_of(still, FIRST, last)) == [0, 0, 0, 2]
    assert litres(days_of(moved, FIRST, last)) == [None, None, None, 1]


def test_several_meters_of_a_unit_add_up() -> None:
    kitchen, bath = shown(1, "water", [10, 12, 14]), shown(2, "water", [5, 5, None])
    assert litres(days_of([*kitchen, *bath], FIRST, FIRST + 2 * DAY)) == [2, None]


def test_a_register_that_falls_is_not_known() -> None:
    assert litres(days_of(shown(1, "water", [10, 3, 4]), FIRST, FIRST + 2 * DAY)) == [None, 1]
