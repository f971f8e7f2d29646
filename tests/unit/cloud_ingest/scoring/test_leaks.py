# SPDX-License-Identifier: MIT
"""Injected leaks: what they add to a register, and that a seed draws the same again."""

import itertools
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.scoring.leaks import DAY_S, HOUR_S, LEAKS, with_leak

START_S = 1_500_000_000
LENGTH_S = 7 * DAY_S

kinds = st.sampled_from(sorted(LEAKS))
steps = st.lists(st.tuples(st.integers(1, 8000), st.integers(0, 50_000)), min_size=2, max_size=60)


def register(moved: list[tuple[int, int]]) -> list[tuple[int, int]]:
    at_s, ml, readings = START_S - 2 * HOUR_S, 0, []
    for span_s, step_ml in moved:
        at_s, ml = at_s + span_s, ml + step_ml
        readings.append((at_s, ml))
    return readings


@given(kinds, steps, st.integers(), st.sampled_from([1, 1000, 10_000]))
def test_a_leak_adds_what_leaked(
    kind: str, moved: list[tuple[int, int]], seed: int, step_ml: int
) -> None:
    readings = register(moved)
    leak = LEAKS[kind](Random(seed), LENGTH_S)
    for (at_s, before), (same_s, after) in zip(
        readings, with_leak(readings, leak, START_S), strict=True
    ):
        leaked = leak.leaked_ml(at_s - START_S)
        assert (same_s, after // step_ml) == (at_s, (before + leaked) // step_ml)
        assert leaked >= 0
        assert at_s > START_S or leaked == 0 or leak.spells[0].start_s == 0


@given(kinds, st.integers(), st.lists(st.integers(-HOUR_S, LENGTH_S), min_size=2))
def test_a_leak_never_lets_a_register_fall(kind: str, seed: int, times: list[int]) -> None:
    leak = LEAKS[kind](Random(seed), LENGTH_S)
    leaked = [leak.leaked_ml(after_s) for after_s in sorted(times)]
    assert leaked == sorted(leaked)


@given(kinds, st.integers())
def test_the_same_seed_draws_the_same_leak(kind: str, seed: int) -> None:
    first, again = (LEAKS[kind](Random(seed), LENGTH_S).spells for _ in range(2))
    assert first == again


@pytest.mark.parametrize("litres", [2, 5, 10, 25, 100])
def test_a_constant_leak_flows_evenly(litres: int) -> None:
    leak = LEAKS[f"constant {litres} L/h"](Random(1), LENGTH_S)
    assert [leak.leaked_ml(hours * HOUR_S) for hours in (-1, 0, 1, 24)] == [
        0,
        0,
        litres * 1000,
        24 * litres * 1000,
    ]


@given(st.integers())
def test_a_cistern_refills_within_its_pauses(seed: int) -> None:
    spells = LEAKS["refill every 60-110 min"](Random(seed), LENGTH_S).spells
    pauses = [b.start_s - a.start_s for a, b in itertools.pairwise(spells)]
    assert all(60 * 60 <= pause <= 110 * 60 for pause in pauses)
    assert {spell.volume_ml for spell in spells} == {4000}


@given(st.integers())
def test_a_cistern_runs_on_three_times_a_day(seed: int) -> None:
    spells = LEAKS["run-on 200 L/h"](Random(seed), LENGTH_S).spells
    assert len(spells) == 3 * 7
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(spells))
    assert all(HOUR_S <= spell.end_s - spell.start_s <= 4 * HOUR_S for spell in spells)
    assert all(spell.end_s <= (number // 3 + 1) * DAY_S for number, spell in enumerate(spells))
