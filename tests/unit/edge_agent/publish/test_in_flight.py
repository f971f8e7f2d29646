# SPDX-License-Identifier: MIT
"""The window: how much is out, what is due again, and what may not hold the rest up."""

import itertools
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.publish.in_flight import PATIENCE, Flight

NONE: Callable[[int], bool] = frozenset[int]().__contains__


def flight(**options: float) -> Flight:
    return Flight(
        window=int(options.get("window", 4)),
        resend_after_s=30,
        resend_limit_s=300,
        chance=lambda: 0.0,
    )


def send(flight: Flight, *seqs: int, now: float = 0.0) -> None:
    for seq in seqs:
        flight.sent(seq, now)


def test_a_full_window_takes_nothing_until_a_receipt() -> None:
    out = flight()
    send(out, 1, 2, 3, 4)
    assert (out.out, out.room) == (4, 0)
    assert out.receipted({1, 3}.__contains__, 1.0) == 2
    assert (out.out, out.room) == (2, 2)
    assert 1 not in out
    assert 2 in out


def test_a_silent_store_is_probed_ever_more_rarely() -> None:
    out = flight()
    send(out, 1, 2, 3, 4)
    assert out.due_again(29.9, 9) == []
    times: list[float] = []
    now = 30.0
    while now < 2000:
        again = out.due_again(now, 9)
        assert again in ([], [4])
        for seq in again:
            out.sent(seq, now)
            times.append(now)
        now += 0.5
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps[:4] == [60, 120, 240, 300]
    assert max(gaps) == 300
    assert out.room == 0


def test_a_store_that_returns_is_given_time() -> None:
    out = flight()
    send(out, 1, 2, 3, 4)
    send(out, *out.due_again(100, 9), now=100)
    out.receipted({4}.__contains__, 101)
    assert out.due_again(102, 9) == []
    assert out.due_again(131.5, 9) == [3, 2, 1]


def test_passed_over_batches_leave_the_window_for_later() -> None:
    out = flight(window=2)
    send(out, 1)
    now, seq, sends = 0.0, 2, 1
    while out.aside == 0:
        now += 1
        send(out, seq, now=now)
        out.receipted({seq}.__contains__, now + 0.5)
        seq += 1
        for late in out.due_again(now + 0.6, 9):
            assert late == 1
            send(out, late, now=now + 0.6)
            sends += 1
        assert now < 1000
    assert sends == PATIENCE
    assert (out.out, out.room) == (0, 2)
    assert 1 in out
    assert out.due_again(now + 1, 9) == []
    assert out.due_again(now + 301, 9) == [1]


def test_a_batch_refused_for_good_stands_aside() -> None:
    out = flight(window=2)
    send(out, 1, 2)
    out.refused(1, 1.0, lasting=True)
    out.refused(2, 1.0, lasting=False)
    assert 1 in out
    assert 2 not in out
    assert out.room == 2
    assert out.due_again(61, 9) == [1]


def test_a_new_link_begins_with_nothing_out() -> None:
    out = flight()
    send(out, 1, 2)
    out.clear()
    assert (out.out, out.room, out.due_again(999, 9)) == (0, 4, [])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["send", "again", "receipt", "refuse", "pass"]),
            st.floats(0, 400, allow_nan=False),
            st.integers(1, 12),
        ),
        max_size=80,
    )
)
def test_never_more_out_than_the_window(steps: list[tuple[str, float, int]]) -> None:
    out = flight(window=4)
    now = 0.0
    following = 1
    for kind, later, number in steps:
        now += later
        if kind == "send" and out.room:
            out.sent(following, now)
            following += 1
        elif kind == "again":
            for seq in out.due_again(now, 9):
                out.sent(seq, now)
        elif kind == "receipt":
            out.receipted({number}.__contains__, now)
        elif kind == "refuse":
            out.refused(number, now, lasting=bool(number % 2))
        else:
            out.receipted(NONE, now)
        assert out.out <= 4
