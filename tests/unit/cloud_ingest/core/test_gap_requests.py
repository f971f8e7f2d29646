# SPDX-License-Identifier: MIT
"""Which gaps are asked for: each a few times, so much at once, the oldest first."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.gap_requests import (
    MOST_IN_FLIGHT,
    MOST_METERS,
    MOST_OF_GATEWAY,
    MOST_TRIES,
    PAUSES,
    Ask,
    Asked,
    Lack,
    asks,
    tries,
)
from shared_schema.message import MeterId

ZONE = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIFE = timedelta(hours=12)


def meter(number: int) -> MeterId:
    return MeterId(manufacturer="LNT", serial=str(number))


def sent(ask: Ask, at: datetime = NOW, outcome: str | None = None) -> Asked:
    return Asked(*ask, issued_at=at, expires_at=at + LIFE, outcome=outcome)


def local_midnight(day: int) -> datetime:
    return datetime(2026, 11, day, tzinfo=ZONE)


def test_days_in_a_row_are_one_window_of_all_their_meters() -> None:
    lacking = [
        Lack("gw-1", meter(number), date(2026, 11, day)) for number in (1, 2) for day in (3, 4)
    ]
    assert asks(lacking, [], NOW, ZONE) == [
        Ask("gw-1", (meter(1), meter(2)), local_midnight(3), local_midnight(5))
    ]


def test_the_oldest_days_go_first() -> None:
    lacking = [Lack("gw-1", meter(1), date(2026, 11, day)) for day in (9, 3, 6, 12)]
    found = asks(lacking, [], NOW, ZONE)
    assert [each.since for each in found] == [local_midnight(3), local_midnight(6)]


def test_nothing_is_asked_for_beyond_now() -> None:
    (found,) = asks([Lack("gw-1", meter(1), date(2026, 11, 20))], [], NOW, ZONE)
    assert found.until == NOW


def test_a_gateway_has_two_commands_at_once() -> None:
    lacking = [Lack("gw-1", meter(number), date(2026, 11, 3)) for number in range(99)]
    first = asks(lacking, [], NOW, ZONE)
    assert [len(each.meters) for each in first] == [MOST_METERS] * MOST_OF_GATEWAY
    under_way = [sent(each) for each in first]
    assert asks(lacking, under_way, NOW, ZONE) == []
    answered = [each._replace(outcome="done") for each in under_way]
    named = {one for each in asks(lacking, answered, NOW, ZONE) for one in each.meters}
    assert len(named) == MOST_METERS * MOST_OF_GATEWAY
    assert named.isdisjoint(one for each in first for one in each.meters)


@pytest.mark.parametrize("outcome", [None, "done", "failed", "refused", "expired"])
def test_a_day_that_stays_lacking_is_asked_for_ever_more_rarely(outcome: str | None) -> None:
    lacking = [Lack("gw-1", meter(1), date(2026, 11, 3))]
    asked: list[Asked] = []
    for hour in range(24 * 30):
        at = NOW + timedelta(hours=hour)
        asked += [sent(each, at, outcome) for each in asks(lacking, asked, at, ZONE)]
    times = [each.issued_at for each in asked]
    assert times == [NOW, NOW + PAUSES[0], NOW + PAUSES[0] + PAUSES[1]]


GATEWAYS = st.lists(
    st.sampled_from(["gw-1", "gw-2", *(f"gw-{n}" for n in range(10, 40))]), min_size=40, max_size=40
)
"""Of each of forty meters the one that reads it."""


@given(
    gateways=GATEWAYS,
    days=st.lists(
        st.tuples(st.integers(0, 39), st.dates(date(2026, 10, 22), date(2026, 11, 19))),
        max_size=120,
    ),
    outcomes=st.lists(st.sampled_from([None, "done", "refused"]), min_size=1, max_size=5),
    steps=st.lists(st.integers(1, 100), max_size=12),
)
def test_what_is_under_way_and_each_day_stay_bounded(
    gateways: list[str],
    days: list[tuple[int, date]],
    outcomes: list[str | None],
    steps: list[int],
) -> None:
    lacking = [Lack(gateways[number], meter(number), day) for number, day in days]
    asked: list[Asked] = []
    now = NOW
    for step in steps:
        now += timedelta(hours=step)
        for each in asks(lacking, asked, now, ZONE):
            assert each.since < each.until <= now
            assert 0 < len(each.meters) <= MOST_METERS
            asked.append(sent(each, now, outcomes[len(asked) % len(outcomes)]))
        under_way = [each.gateway for each in asked if each.is_under_way(now)]
        assert len(under_way) <= MOST_IN_FLIGHT
        assert all(under_way.count(one) <= MOST_OF_GATEWAY for one in under_way)
    counts = {key: len(found) for key, found in tries(asked, ZONE).items()}
    assert max(counts.values(), default=0) <= MOST_TRIES
    assert set(counts) <= {(each.meter, each.day) for each in lacking}
