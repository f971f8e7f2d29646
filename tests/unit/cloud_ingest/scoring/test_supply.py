# SPDX-License-Identifier: MIT
"""A tank that fills a few hours a day: what the meter before it shows."""

from itertools import accumulate, pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.scoring.known import Reading
from cloud_ingest.scoring.supply import Inlet, SuppliedLeak, supplied

HOUR = 3600
START_S = 1_699_986_600  # a midnight in Kolkata
ZONE = ZoneInfo("Asia/Kolkata")
INLET = Inlet(hours=frozenset({6, 7, 8}), fill_l_per_h=200, zone=ZONE)

use = st.lists(st.integers(0, 60_000), min_size=1, max_size=24 * 6)
leaks = st.builds(
    SuppliedLeak,
    start_s=st.integers(START_S, START_S + 4 * 24 * HOUR),
    l_per_h=st.sampled_from([5, 25, 100]),
    behind_tank=st.booleans(),
)


def hourly(used_ml: list[int]) -> list[Reading]:
    return [
        (START_S + hour * HOUR, volume)
        for hour, volume in enumerate(accumulate(used_ml, initial=0))
    ]


def passed(readings: list[Reading]) -> list[int]:
    """Millilitres by the hour."""
    return [later[1] - earlier[1] for earlier, later in pairwise(readings)]


@given(use, leaks | st.none(), st.integers(0, 9))
def test_water_passes_in_supplied_hours_alone(
    used_ml: list[int], leak: SuppliedLeak | None, seed: int
) -> None:
    shown = passed(supplied(hourly(used_ml), INLET, Random(seed), leak))
    assert all(ml >= 0 for ml in shown)
    assert not any(ml for hour, ml in enumerate(shown) if hour % 24 not in INLET.hours)


@given(use, st.integers(0, 9))
def test_what_is_used_is_filled_up_and_no_more(used_ml: list[int], seed: int) -> None:
    shown = supplied(hourly(used_ml), INLET, Random(seed))
    assert shown[-1][1] <= sum(used_ml)


@given(use, leaks, st.integers(0, 9))
def test_same_seed_shows_the_same(used_ml: list[int], leak: SuppliedLeak, seed: int) -> None:
    readings = hourly(used_ml)
    first, second = (supplied(readings, INLET, Random(seed), leak) for _ in range(2))
    assert first == second


def test_full_tank_is_filled_up_by_what_was_used() -> None:
    shown = passed(supplied(hourly([10_000] * 24), INLET, Random(1)))
    assert sum(shown[:9]) == 90_000
    assert shown[8] == 10_000


def test_slow_inlet_flows_during_all_of_the_supply() -> None:
    slow = Inlet(hours=INLET.hours, fill_l_per_h=50, zone=ZONE)
    shown = passed(supplied(hourly([20_000] * 48), slow, Random(1)))
    assert min(shown[6:9]) > 30_000


def test_leak_before_the_tank_flows_with_the_supply() -> None:
    leak = SuppliedLeak(START_S + 7 * HOUR, 5)
    shown = passed(supplied(hourly([0] * 24), INLET, Random(1), leak))
    assert shown == [*[0] * 7, 5000, 5000, *[0] * 15]


def test_leak_behind_the_tank_is_filled_up_later() -> None:
    leak = SuppliedLeak(START_S + 10 * HOUR, 5, behind_tank=True)
    shown = passed(supplied(hourly([0] * 48), INLET, Random(1), leak))
    assert shown[30] == 5 * 21 * 1000
    assert shown[31:33] == [5000, 5000]


def test_no_readings_show_nothing() -> None:
    assert supplied([], INLET, Random(1)) == []
