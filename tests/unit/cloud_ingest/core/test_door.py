# SPDX-License-Identifier: MIT
"""The door to billing: what goes out by itself, and what waits for a person."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.door import Limits, Stated, Way, linked, together, way_of
from shared_schema.catalogue import Service
from shared_schema.quality import Quality

POWER, WATER = Service.ELECTRICITY, Service.WATER
LIMITS = Limits()


def proved(quantity: str, quality: Quality = Quality.VALIDATED) -> Stated:
    return Stated(Decimal(quantity), quality)


@pytest.mark.parametrize(
    ("service", "former", "made", "way"),
    [
        (POWER, "29.760", "30.760", Way.SEND),  # 1 kWh
        (POWER, "29.760", "30.761", Way.HOLD),
        (POWER, "29.760", "28.760", Way.SEND),
        (POWER, "29.760", "28.759", Way.HOLD),
        (POWER, "100", "102", Way.SEND),  # 2 %
        (POWER, "100", "102.001", Way.HOLD),
        (POWER, "0", "1", Way.SEND),
        (WATER, "2", "2.1", Way.SEND),  # 0.1 kL
        (WATER, "2", "2.101", Way.HOLD),
        (WATER, "50", "51", Way.SEND),
    ],
)
def test_a_small_change_goes_by_itself(service: Service, former: str, made: str, way: Way) -> None:
    assert way_of(proved(former), proved(made), service, None, LIMITS) is way


def test_a_society_sets_its_limits() -> None:
    tight = Limits(percent=Decimal(0), kwh=Decimal(0), kl=Decimal(0))
    assert way_of(proved("5"), proved("5.001"), POWER, None, tight) is Way.HOLD
    assert way_of(proved("5"), proved("5"), POWER, None, tight) is Way.SEND


def test_what_cannot_be_proved_any_more_is_held() -> None:
    assert way_of(proved("5"), None, POWER, None, LIMITS) is Way.HOLD
    assert way_of(proved("5"), None, POWER, "asked", LIMITS) is Way.SEND


def test_a_worse_number_is_held_however_near() -> None:
    made = proved("5.001", Quality.ESTIMATED)
    assert way_of(proved("5"), made, POWER, None, LIMITS) is Way.HOLD


def test_more_may_be_said_of_the_same_quantity() -> None:
    made = proved("5", Quality.DERIVED)
    assert way_of(proved("5"), made, POWER, None, LIMITS) is Way.SEND


def test_a_better_number_of_the_same_size_goes() -> None:
    former = proved("5", Quality.SELF_READ)
    assert way_of(former, proved("5.2"), POWER, None, LIMITS) is Way.SEND


def test_the_truth_inside_stated_bounds_goes() -> None:
    former = Stated(Decimal(50), Quality.ESTIMATED, Decimal(10), Decimal(90))
    for quantity, way in (("10", Way.SEND), ("90", Way.SEND), ("90.1", Way.HOLD)):
        assert way_of(former, proved(quantity), POWER, None, LIMITS) is way


def test_a_placed_border_takes_no_read_one_s_place() -> None:
    read, placed = (
        Stated(Decimal(value), Quality.DERIVED, Decimal(4), Decimal(6), is_placed=is_placed)
        for value, is_placed in (("4", False), ("5", True))
    )
    assert way_of(read, placed, POWER, None, LIMITS) is Way.HOLD
    assert way_of(placed, read, POWER, None, LIMITS) is Way.SEND


def test_a_kept_number_stands_however_near_the_change() -> None:
    assert way_of(proved("5"), proved("5.001"), POWER, "kept", LIMITS) is Way.KEEP


decimals = st.decimals(0, 1_000_000, places=3, allow_nan=False)
qualities = st.sampled_from(sorted(Quality))
stated = st.builds(Stated, decimals, qualities)


@given(stated, stated | st.none(), st.sampled_from(Service))
def test_nothing_that_a_person_would_doubt_goes_by_itself(
    former: Stated, made: Stated | None, service: Service
) -> None:
    if way_of(former, made, service, None, LIMITS) is Way.SEND:
        assert made is not None
        amount = Decimal(1) if service is POWER else Decimal("0.1")
        assert abs(made.quantity - former.quantity) <= max(amount, former.quantity / 50)


@given(stated, stated | st.none(), st.sampled_from(["asked", "accepted", "follows"]))
def test_what_a_person_asked_for_goes_out(former: Stated, made: Stated | None, word: str) -> None:
    assert way_of(former, made, POWER, word, LIMITS) is Way.SEND  # type: ignore[arg-type]


@given(decimals, decimals, qualities)
def test_the_guard_is_the_same_in_both_directions_of_amount(
    former: Decimal, moved: Decimal, quality: Quality
) -> None:
    ways = {
        way_of(Stated(former, quality), Stated(former + by, quality), POWER, None, LIMITS)
        for by in (moved, -moved)
    }
    assert len(ways) == 1


subjects = st.dictionaries(
    st.integers(0, 8), st.lists(st.integers(100, 106), max_size=3), max_size=8
)


@given(subjects)
def test_linked_is_what_shares_a_meter_over_any_way(meters: dict[int, list[int]]) -> None:
    links = linked(meters)
    reach = {key: {key} for key in meters}
    for _ in meters:
        for one, other in product(meters, meters):
            if set(meters[one]) & set(meters[other]):
                reach[one] |= reach[other]
    assert {
        (one, other) for one, other in product(meters, meters) if links[one] == links[other]
    } == {(one, other) for one, other in product(meters, meters) if other in reach[one]}


@given(subjects, st.data())
def test_linked_changes_go_all_or_none(meters: dict[int, list[int]], data: st.DataObject) -> None:
    links = linked(meters)
    ways = {key: data.draw(st.sampled_from(Way)) for key in meters}
    done = together(ways, links)
    for key, way in ways.items():
        others = {done[other] for other in meters if links[other] == links[key]}
        assert Way.SEND not in others or others == {Way.SEND}
        assert done[key] is way or (way, done[key]) == (Way.SEND, Way.HOLD)
