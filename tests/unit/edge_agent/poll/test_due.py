# SPDX-License-Identifier: GPL-2.0-only
"""When profiles are due: by their period, hour, day or month, and never twice for one row."""

from datetime import UTC, datetime
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.meters.model import ProfileToRead
from edge_agent.poll.due import is_due
from shared_schema.catalogue import BILLING_PROFILE

IST_S = 330 * 60
NOW_S = int(datetime(2026, 3, 10, 6, 37, tzinfo=UTC).timestamp())
FIRST_S = int(datetime(2026, 2, 28, 18, 30, tzinfo=UTC).timestamp())
"""1 March, 00:00 in India."""


def due(
    every: Literal["period", "hour", "day", "month"],
    mark: int | None,
    limit: float = NOW_S,
    tried_at: float | None = None,
    label: str = "A-1",
) -> bool:
    return is_due(
        ProfileToRead(obis=BILLING_PROFILE, every=every),
        period_s=900,
        mark=mark,
        tried_at=tried_at,
        limit=limit,
        shift_s=IST_S,
        label=label,
    )


def test_a_month_is_due_once_after_its_local_midnight() -> None:
    before = FIRST_S - 28 * 86400
    assert not due("month", before, limit=FIRST_S - 1)
    assert due("month", before, limit=FIRST_S)
    assert not due("month", FIRST_S, limit=FIRST_S + 30 * 86400)
    assert due("month", FIRST_S, limit=FIRST_S + 31 * 86400)


def test_a_missing_month_is_asked_for_hourly() -> None:
    polls = [FIRST_S + 30 + 900 * number for number in range(96)]
    asked: list[float] = []
    for limit in polls:
        tried = asked[-1] if asked else None
        if due("month", FIRST_S - 28 * 86400, limit=limit, tried_at=tried):
            asked.append(limit)
    assert 24 <= len(asked) <= 25


def test_a_day_is_due_after_local_midnight() -> None:
    midnight = FIRST_S + 86400
    assert not due("day", FIRST_S, limit=midnight - 1)
    assert due("day", FIRST_S, limit=midnight)
    assert not due("day", midnight, limit=midnight + 80000)


@given(st.integers(0, 86400), st.text(min_size=1, max_size=8))
def test_an_hour_is_due_once_an_hour(begins: int, label: str) -> None:
    mark = NOW_S + begins
    read = 0
    for number in range(1, 97):
        limit = NOW_S + begins + 900 * number
        if due("hour", mark, limit=limit, label=label):
            read, mark = read + 1, limit
    assert read in {23, 24, 25}


def test_meters_take_their_hourly_turn_at_different_times() -> None:
    quarter = [
        next(
            number
            for number in range(1, 5)
            if due("hour", NOW_S, limit=NOW_S + 900 * number, label=f"A-{each}")
        )
        for each in range(200)
    ]
    assert all(quarter.count(number) > 25 for number in (1, 2, 3, 4))


def test_a_mark_far_beyond_the_clocks_is_looked_at() -> None:
    for every in ("period", "hour", "day", "month"):
        assert due(every, NOW_S + 86400)
        assert due(every, None)
    assert not due("hour", None, tried_at=NOW_S - 1)
    assert not due("period", NOW_S - 899)
    assert due("period", NOW_S - 900)
