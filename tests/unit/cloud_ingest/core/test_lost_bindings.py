# SPDX-License-Identifier: MIT
"""Which bindings were taken away for a time in which they held."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.known import Stretch, spans, within
from cloud_ingest.core.lost_bindings import LONG_AGO, Version, lost_bindings

DAY = [datetime(2026, 7, 1, tzinfo=UTC) + timedelta(days=n) for n in range(10)]
EVER: Stretch = (None, None)


def former(stretch: Stretch, told: int = 5) -> Version:
    return Version(1, 7, stretch, DAY[told])


def held(stretch: Stretch) -> Version:
    return Version(1, 7, stretch, None)


def since(*versions: Version) -> list[datetime]:
    return [each.since for each in lost_bindings(versions)]


def test_a_move_at_once_loses_nothing_that_was_said() -> None:
    assert since(former(EVER), held((None, DAY[5]))) == []


def test_a_move_dated_back_loses_what_lies_between() -> None:
    assert since(former(EVER), held((None, DAY[3]))) == [DAY[3]]


def test_a_binding_that_never_was_true_loses_all() -> None:
    assert since(former(EVER)) == [LONG_AGO]


def test_a_wider_binding_loses_nothing() -> None:
    assert since(former((DAY[2], DAY[3])), held((DAY[1], None))) == []


def test_another_gateway_s_binding_gives_nothing_back() -> None:
    other = Version(1, 8, EVER, None)
    assert since(former(EVER), other) == [LONG_AGO]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), max_size=3),
)
def test_no_time_before_the_first_is_lost(
    olds: list[tuple[int, int]], news: list[tuple[int, int]]
) -> None:
    def stretches(pairs: list[tuple[int, int]]) -> list[Stretch]:
        return [(DAY[a], DAY[b]) for a, b in pairs if a < b]

    versions = [former(each, told=9) for each in stretches(olds)]
    versions += [held(each) for each in stretches(news)]
    for each in lost_bindings(versions):
        times = [int(day.timestamp()) + 3600 for day in DAY]
        lost = [ts for ts in times if each.is_lost(ts)]
        assert all(ts >= each.since.timestamp() for ts in lost)
        assert all(not within(spans(stretches(news)), ts, ts) for ts in lost)
