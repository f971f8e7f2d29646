# SPDX-License-Identifier: MIT
"""How a flat uses water is learnt from its own hours."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.use import BINS, DELAY, FULL, Use, bin_of

NIGHT = 3
DRY = 0


def learnt(hours: int, hour_bin: int, before: int = DRY) -> Use:
    """Return the use of a flat that had so many alike night hours."""
    use = Use()
    for _ in range(hours + DELAY):
        use.add(NIGHT, before, hour_bin, learn=True)
    return use


@pytest.mark.parametrize(("rate", "expected"), [(0, 0), (0.5, 1), (5, 5), (150, 17), (9999, 17)])
def test_flows_fall_into_bins(rate: float, expected: int) -> None:
    assert bin_of(rate) == expected


def test_a_new_flat_uses_water_like_others() -> None:
    night, morning = Use().dry_shares(NIGHT)[0], Use().dry_shares(7)[0]
    assert night > 0.9 > morning


def test_a_flat_teaches_its_own_nights() -> None:
    assert learnt(100, bin_of(30)).dry_shares(NIGHT)[0] < 0.2
    assert learnt(100, DRY).dry_shares(NIGHT)[0] > 0.98


def test_an_hour_is_learnt_two_days_later() -> None:
    use = learnt(0, bin_of(30))
    assert use.hours == 0
    use.add(NIGHT, DRY, DRY, learn=True)
    assert use.hours == 1


def test_hours_of_a_deep_run_teach_nothing() -> None:
    use = Use()
    for _ in range(3 * DELAY):
        use.add(NIGHT, DRY, bin_of(5), learn=False)
    assert use.hours == 0


def test_new_months_outweigh_old_ones() -> None:
    use = learnt(1000, bin_of(30))
    for _ in range(FULL):
        use.add(NIGHT, DRY, DRY, learn=True)
    assert use.dry_shares(NIGHT)[0] > 0.5
    assert use.hours <= FULL


@given(
    st.lists(
        st.tuples(
            st.integers(0, 23), st.integers(0, BINS - 1), st.integers(0, BINS - 1), st.booleans()
        ),
        max_size=400,
    )
)
def test_use_survives_packing_and_shares_add_up(
    hours: list[tuple[int, int, int, bool]],
) -> None:
    use = Use()
    for hour_of_day, before, hour_bin, learn in hours:
        use.add(hour_of_day, before, hour_bin, learn=learn)
    again, rest = Use.unpack(use.pack() + b"rest")
    assert rest == b"rest"
    assert again.pack() == use.pack()
    for earlier in (*range(BINS), None):
        shares = again.shares(NIGHT, earlier)
        assert shares == sorted(shares)
        assert shares[-1] == pytest.approx(1.0)
        assert min(after - before for before, after in pairwise(shares)) > 0
