# SPDX-License-Identifier: MIT
"""Leaks of flats with water for three hours a day: what the meter before the tank shows."""

from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.scoring.leaks import HOUR_S
from cloud_ingest.scoring.supplied_leaks import SUPPLIED_LEAKS, SUPPLY_HOURS, IntermittentSupply
from cloud_ingest.scoring.supply import Inlet
from tests.support.flats import START_S, flat

INLET = Inlet(SUPPLY_HOURS, 200, ZoneInfo("UTC"))
USED = flat(1, 8)
LEAK_S = START_S + 60 * HOUR_S
kinds = st.sampled_from(sorted(SUPPLIED_LEAKS))


def litres_by_hour(readings: list[tuple[int, int]]) -> list[int]:
    return [(closing - opening) // 1000 for (_, opening), (_, closing) in pairwise(readings)]


@given(kinds, st.integers(0, 9))
def test_before_a_leak_nothing_is_changed(kind: str, seed: int) -> None:
    supplied = IntermittentSupply(USED, INLET, f"{seed}")
    changed = supplied.leak(kind, LEAK_S, 0, Random(1))(0, len(USED))
    before = [at for at, (at_s, _) in enumerate(USED) if at_s <= LEAK_S]
    assert changed[: len(before)] == list(supplied.readings[: len(before)])
    assert changed[-1][1] > supplied.readings[-1][1]


@given(kinds, st.integers(0, 100), st.integers(101, 150))
def test_a_part_of_the_readings_is_the_same(kind: str, first: int, last: int) -> None:
    changed = IntermittentSupply(USED, INLET, "1").leak(kind, LEAK_S, 0, Random(1))
    assert changed(first, last) == changed(0, len(USED))[first:last]


def test_water_comes_in_the_hours_of_supply() -> None:
    moved = litres_by_hour(list(IntermittentSupply(USED, INLET, "1").readings))
    wet = {hour % 24 for hour, litres in enumerate(moved) if litres}
    assert SUPPLY_HOURS <= wet <= SUPPLY_HOURS | {min(SUPPLY_HOURS) - 1, max(SUPPLY_HOURS) + 1}
