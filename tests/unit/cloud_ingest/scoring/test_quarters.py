# SPDX-License-Identifier: MIT
"""Hours that are split as a donor's hours were."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.scoring.known import Reading
from cloud_ingest.scoring.quarters import quarters_of, split
from tests.support.flats import flat

volumes = st.lists(st.integers(0, 90_000), min_size=8, max_size=40)
QUARTER_S = 900


def quarterly(moved: list[int]) -> list[Reading]:
    return [(number * QUARTER_S, sum(moved[:number])) for number in range(len(moved) + 1)]


def test_an_hour_is_what_each_quarter_moved() -> None:
    donor = quarterly([1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 5])
    assert quarters_of([donor]) == [(0, 0, 0, 5), (1, 2, 3, 4)]


def test_an_hour_with_a_gap_has_no_quarters() -> None:
    donor = quarterly([1, 2, 3, 4])
    assert quarters_of([[*donor[:2], *donor[3:]]]) == []


@given(volumes, st.integers())
def test_hours_keep_their_readings_and_their_volume(donor: list[int], seed: int) -> None:
    hourly = flat(1, 5)
    found = list(split(hourly, quarters_of([quarterly(donor)]) or [(1, 1, 1, 1)], Random(seed)))
    assert set(hourly) <= set(found)
    assert found == sorted(found)
    assert [ml for _, ml in found] == sorted(ml for _, ml in found)
    assert len(found) == 4 * len(hourly) - 3


def test_a_gap_is_not_split() -> None:
    gap = [(0, 0), (7200, 10)]
    assert list(split(gap, [(1, 1, 1, 1)], Random(1))) == gap
