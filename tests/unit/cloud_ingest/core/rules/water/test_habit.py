# SPDX-License-Identifier: MIT
"""What a flat ended by itself is asked of its next run; it fades, and is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.habit import FADES_S, MARGIN, Habit

HOUR = 3600
MOST = 8.0
EXCESSES = st.none() | st.floats(-100, 1000)
STRETCHES = st.lists(st.tuples(st.integers(1, 10**6), EXCESSES), max_size=50)


def lived(*excesses: float | None) -> Habit:
    habit = Habit(MOST)
    for excess in excesses:
        habit.take(HOUR, excess)
    return habit


def test_a_run_asks_nothing_more_of_itself() -> None:
    assert lived(-3.0, 0.0, 5.0).extra == 0


def test_the_next_run_must_show_more_than_the_last() -> None:
    assert lived(-9.0, -2.0, -5.0, None).extra == MARGIN - 2


def test_runs_far_below_the_limit_ask_nothing() -> None:
    assert lived(-20.0, -MARGIN, None).extra == 0


def test_the_higher_of_two_runs_counts() -> None:
    habit = lived(2.0, None, -1.0, None)
    assert MARGIN + 1 < habit.extra <= MARGIN + 2


def test_a_habit_fades_by_a_nat_a_week() -> None:
    habit = lived(0.0, None)
    habit.take(FADES_S, None)
    assert habit.extra == MARGIN - 1
    habit.take(10 * FADES_S, None)
    assert habit.extra == 0


@given(STRETCHES)
def test_no_history_asks_for_more_than_the_most(stretches: list[tuple[int, float | None]]) -> None:
    habit = Habit(MOST)
    for span_s, excess in stretches:
        habit.take(span_s, excess)
        assert 0 <= habit.extra <= MOST
        assert 0 <= habit.run <= MOST


@given(STRETCHES)
def test_a_habit_survives_its_packing(stretches: list[tuple[int, float | None]]) -> None:
    habit, restored = Habit(MOST), Habit(MOST)
    for span_s, excess in stretches:
        habit.take(span_s, excess)
    restored.restore(habit.pack())
    assert (restored.extra, restored.run) == (habit.extra, habit.run)
