# SPDX-License-Identifier: MIT
"""The buckets of those who ask."""

from cloud_ingest.http.rates import MOST_BUCKETS, Asker, Rates


def test_a_bucket_fills_by_itself() -> None:
    rates = Rates(a_second=0.5, at_once=2)
    asker: Asker = ("login", "asha")
    assert [rates.wait_s(asker, 0) for _ in range(3)] == [0, 0, 2]
    assert rates.wait_s(("login", "ravi"), 0) == 0
    assert rates.wait_s(asker, 2) == 0
    assert rates.wait_s(asker, 2) == 2


def test_a_clock_that_goes_back_gives_nothing() -> None:
    rates = Rates(a_second=1, at_once=1)
    assert rates.wait_s(("session", 1), 10) == 0
    assert rates.wait_s(("session", 1), 5) == 1


def test_what_is_remembered_is_bounded() -> None:
    rates = Rates(a_second=1 / 30, at_once=10)
    for number in range(MOST_BUCKETS * 2):
        assert rates.wait_s(("login", str(number)), number * 0.001) == 0
    assert len(rates._left) <= MOST_BUCKETS


def test_a_flood_of_others_frees_nobody_who_is_held_back() -> None:
    rates = Rates(a_second=1 / 30, at_once=10)
    asha: Asker = ("login", "asha")
    assert [rates.wait_s(asha, 0) == 0 for _ in range(11)] == [True] * 10 + [False]
    for number in range(MOST_BUCKETS * 2):
        rates.wait_s(("login", str(number)), number / 1000)
    assert rates.wait_s(asha, MOST_BUCKETS * 2 / 1000) > 0
