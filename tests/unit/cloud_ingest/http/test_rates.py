# SPDX-License-Identifier: MIT
"""The buckets of those who ask."""

from cloud_ingest.http.rates import LIMITS, MOST_BUCKETS, Asker, Limit, Rates


def test_a_bucket_fills_by_itself() -> None:
    rates = Rates(dict.fromkeys(LIMITS, Limit(0.5, 2)))
    asker: Asker = ("login", "asha")
    assert [rates.wait_s(asker, 0) for _ in range(3)] == [0, 0, 2]
    assert rates.wait_s(("login", "ravi"), 0) == 0
    assert rates.wait_s(asker, 2) == 0
    assert rates.wait_s(asker, 2) == 2


def test_a_clock_that_goes_back_gives_nothing() -> None:
    rates = Rates(dict.fromkeys(LIMITS, Limit(1, 1)))
    assert rates.wait_s(("session", 1), 10) == 0
    assert rates.wait_s(("session", 1), 5) == 1


def test_what_is_remembered_is_bounded() -> None:
    rates = Rates(dict.fromkeys(LIMITS, Limit(1 / 30, 10)))
    for number in range(MOST_BUCKETS * 2):
        assert rates.wait_s(("login", str(number)), number * 0.001) == 0
    assert len(rates._used) <= MOST_BUCKETS


def test_a_flood_of_others_frees_nobody_who_is_held_back() -> None:
    rates = Rates(dict.fromkeys(LIMITS, Limit(1 / 30, 10)))
    asha: Asker = ("login", "asha")
    assert [rates.wait_s(asha, 0) == 0 for _ in range(11)] == [True] * 10 + [False]
    for number in range(MOST_BUCKETS * 2):
        rates.wait_s(("login", str(number)), number / 1000)
    assert rates.wait_s(asha, MOST_BUCKETS * 2 / 1000) > 0
