# SPDX-License-Identifier: MIT
"""What takes long is counted once a minute."""

import threading

from cloud_ingest.http.kept import FOR_S, MOST, Kept


def test_a_value_is_counted_again_after_a_minute_and_for_another_key() -> None:
    kept, counted = Kept(), iter(range(10))
    assert [kept.of("a", at, lambda: next(counted)) for at in (0.0, FOR_S - 1)] == [0, 0]
    assert kept.of("b", 1.0, lambda: next(counted)) == 1
    assert kept.of("a", FOR_S, lambda: next(counted)) == 2


def test_what_fails_is_counted_again() -> None:
    kept = Kept()
    for _ in range(2):
        try:
            kept.of("a", 0.0, lambda: 1 / 0)
        except ZeroDivisionError:
            continue
        raise AssertionError
    assert kept.of("a", 0.0, lambda: 7) == 7


def test_who_asks_meanwhile_waits_and_nothing_is_counted_twice() -> None:
    kept, begun, go_on, counted = Kept(), threading.Event(), threading.Event(), []

    def count() -> int:
        counted.append(1)
        begun.set()
        assert go_on.wait(20)
        return 5

    found: list[int] = []
    ask = [threading.Thread(target=lambda: found.append(kept.of("a", 0.0, count))) for _ in "ab"]
    ask[0].start()
    assert begun.wait(20)
    ask[1].start()
    assert kept.of("b", 0.0, lambda: 9) == 9
    go_on.set()
    for each in ask:
        each.join(20)
    assert (found, len(counted)) == ([5, 5], 1)


def test_the_oldest_of_too_many_is_forgotten() -> None:
    kept, counted = Kept(), iter(range(1000))
    for key in range(MOST + 1):
        kept.of(key, 0.0, lambda: next(counted))
    assert kept.of(1, 0.0, lambda: next(counted)) == 1
    assert kept.of(0, 0.0, lambda: next(counted)) == MOST + 1
