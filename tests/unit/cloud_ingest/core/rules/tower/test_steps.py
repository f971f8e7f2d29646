# SPDX-License-Identifier: MIT
"""The steps of a tower: which ends of days are known, and what is guessed at them."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.tower.steps import Series, TowerDays, steps_of

FIRST = date(2024, 1, 1)


def tower(bulk: Series, *meters: Series) -> TowerDays:
    return TowerDays(FIRST, bulk, {str(n): own for n, own in enumerate(meters)}, resolution=1.0)


def test_a_gap_is_spread_over_its_days() -> None:
    steps = steps_of(tower([9.0, 9, 9, 9], [3.0, None, None, 12]))
    assert steps.residual == (5.0, 5.0, 5.0)
    assert steps.border_variance[0] == steps.border_variance[3] == 0


def test_a_gap_of_a_steady_flat_hides_little() -> None:
    steady = [100.0 + 10 * day for day in range(20)]
    steps = steps_of(tower([0.0] * 23, [*steady, None, 600.0, 300.0]))
    assert steps.border_variance[20] == 25


def test_a_gap_that_has_not_ended_is_not_known() -> None:
    steps = steps_of(tower([9.0, 9, 9, 9], [3.0, 3, 3, None]))
    assert steps.ends == (1, 2)
    assert steps.until == date(2024, 1, 3)


def test_one_of_sixty_may_be_unread() -> None:
    others = [[1.0, 1, 1]] * 59
    assert steps_of(tower([60.0] * 3, *others, [1.0, None, None])).residual == (0.0, 0.0)


def test_two_of_sixty_may_not_be_unread() -> None:
    others = [[1.0, 1, 1]] * 58
    assert steps_of(tower([60.0] * 3, *others, *([[1.0, 1, None]] * 2))).ends == (1,)


def test_days_without_the_bulk_meter_are_one_step() -> None:
    steps = steps_of(tower([9.0, None, 20, 9], [3.0, 4, 5, 6]))
    assert (steps.widths, steps.residual) == ((2, 1), (11.0, 3.0))
    assert steps.day(0) == date(2024, 1, 2)


def test_a_lone_day_far_outside_is_strange() -> None:
    bulk = [100.0 + day % 3 for day in range(40)]
    bulk[20] = 900.0
    assert steps_of(tower(bulk, [0.0] * 40)).strange == {19}


def test_days_that_stay_outside_are_not_strange() -> None:
    bulk = [100.0 + day % 3 for day in range(40)]
    bulk[20:23] = [900.0] * 3
    assert not steps_of(tower(bulk, [0.0] * 40)).strange


uses = st.lists(st.none() | st.integers(0, 500).map(float), min_size=6, max_size=6)


@given(bulk=uses, meters=st.lists(uses, min_size=1, max_size=3))
def test_steps_add_up_to_what_was_counted(
    bulk: list[float | None], meters: list[list[float | None]]
) -> None:
    ended = [[*own, 0.0] for own in [bulk, *meters]]
    begun = [[0.0, *own] for own in ended]
    steps = steps_of(tower(begun[0], *begun[1:]))
    total = sum(each or 0.0 for each in bulk) - sum(each or 0.0 for own in meters for each in own)
    assert abs(sum(steps.residual) - total) < 1e-6
    assert sum(steps.widths) == 7


def test_a_flat_that_was_away_may_be_back_unread() -> None:
    away = [100.0] * 30 + [0.0] * 14 + [None] * 3
    steps = steps_of(tower([0.0] * 47, *([[0.0] * 47] * 59), away))
    assert steps.border_variance[-4] == 0
    assert steps.border_variance[-1] > (0.5 * 60 * 3) ** 2
    assert steps.residual[-1] == 0
