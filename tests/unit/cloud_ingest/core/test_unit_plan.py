# SPDX-License-Identifier: MIT
"""What an import of the list of units would do."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.unit_list import Line, Place, overlap
from cloud_ingest.core.unit_meter import Rating, RatingVersion
from cloud_ingest.core.unit_plan import Known, Plan, make_plan, touched
from cloud_ingest.errors import ImportRefused
from shared_schema.catalogue import Service
from tests.support.unit_lists import ListedSociety, list_line

lines = st.builds(
    list_line,
    st.sampled_from(["T1", "T2", "T3"]),
    st.sampled_from(["101", "102", "T1/101"]),
    st.one_of(st.none(), st.sampled_from("123456")),
    since=st.integers(1, 6),
    until=st.one_of(st.none(), st.integers(7, 9)),
    service=st.sampled_from(list(Service)),
    kind=st.sampled_from(["unit", "common"]),
)
lists = st.lists(st.lists(lines, max_size=6), max_size=5)


def good_part(society: ListedSociety, candidates: Iterable[Line]) -> list[Line]:
    """The lines that an import takes together, in their order."""
    good: list[Line] = []
    for candidate in candidates:
        try:
            society.plan([*good, candidate])
        except ImportRefused:
            continue
        good.append(candidate)
    return good


def at_the_same_time(places: Iterable[Place]) -> list[tuple[Place, Place]]:
    return [pair for pair in combinations(places, 2) if overlap(*pair)]


@given(lists)
def test_no_two_subjects_are_ever_merged(imports: Sequence[Sequence[Line]]) -> None:
    society = ListedSociety()
    for candidates in imports:
        society.take(*good_part(society, candidates))
        for one, other in at_the_same_time(society.known.values()):
            is_one = (one.subject_type, one.tower, one.label) == (
                other.subject_type,
                other.tower,
                other.label,
            )
            is_called_so = (one.subject_type, one.subject) == (other.subject_type, other.subject)
            assert is_called_so is is_one
            assert one.meter != other.meter
            assert one.role != other.role
        names = {(each.subject_type, each.subject, each.label) for each in society.known.values()}
        assert len({(kind, subject) for kind, subject, _ in names}) == len(names)


@given(lists)
def test_a_correction_keeps_the_subject_and_the_meter(imports: Sequence[Sequence[Line]]) -> None:
    society = ListedSociety()
    for candidates in imports:
        before = dict(society.known)
        for own, place in society.take(*good_part(society, candidates)).change:
            assert (place.role, place.meter) == (before[own].role, before[own].meter)


@given(lists, st.randoms())
def test_the_order_of_the_lines_means_nothing(
    imports: Sequence[Sequence[Line]], random: Random
) -> None:
    society = ListedSociety()
    for candidates in imports:
        good = good_part(society, candidates)
        shuffled = list(good)
        random.shuffle(shuffled)
        plans = [society.plan(order) for order in (good, shuffled)]
        assert set(plans[0].add) == set(plans[1].add)
        assert set(plans[0].change) == set(plans[1].change)
        society.take(*good)


@given(st.sets(st.integers(1, 99), max_size=9))
def test_what_is_known_is_added_once(numbers: set[int]) -> None:
    society = ListedSociety()
    plan = society.take(*(list_line("T", f"A-{n}", str(n)) for n in numbers))
    assert len(plan.add) == len(numbers)


def test_a_line_without_its_end_reopens_it() -> None:
    line = list_line("T", "A-1", "1")
    (place,) = make_plan(Known(), {2: line}).add
    ended = replace(place, valid_to=datetime(2026, 8, 1, tzinfo=UTC))
    assert make_plan(Known({5: ended}), {2: line}).change == ((5, place),)


def test_what_was_taken_back_does_not_come_again() -> None:
    line = list_line("T", "A-1", "1")
    (place,) = make_plan(Known(), {2: line}).add
    known = Known(former=[place], taken_back={place: "on 2026-07-01 by me: a typing error"})
    with pytest.raises(ImportRefused) as caught:
        make_plan(known, {2: line})
    assert caught.value.lines == (
        "line 2: A-1 electricity (grid) with LNT 1 was taken back on 2026-07-01 by me: a typing "
        "error: leave the line out, or give --restore",
    )
    assert make_plan(known, {2: line}, restore=True).add == (place,)
    assert make_plan(known, {2: list_line("T", "A-1", "1", since=2)}).add


def test_a_rating_is_stored_and_corrected() -> None:
    single, meter = Rating(1, Decimal(60)), ("LNT", "1")
    line = list_line("T", "A-1", "1", rating=single)
    plan = make_plan(Known(), {2: line})
    assert plan.rate == ((meter, RatingVersion(None, single)),)
    known = Known(dict(enumerate(plan.add)), ratings={meter: (RatingVersion(None, single),)})
    assert make_plan(known, {2: line}) == Plan(unchanged=1)
    assert make_plan(known, {2: replace(line, rating=Rating())}) == Plan(unchanged=1)
    three = replace(line, rating=Rating(phases=3))
    expected = Plan(rate=((meter, RatingVersion(None, Rating(3, Decimal(60)))),), changed=1)
    assert make_plan(known, {2: three}) == expected


def test_two_ratings_of_one_meter_contradict() -> None:
    first = list_line("T", "A-1", "1", until=7, rating=Rating(phases=1))
    second = list_line("T", "A-2", "1", since=7, rating=Rating(phases=3))
    with pytest.raises(ImportRefused) as caught:
        make_plan(Known(), {2: first, 3: second})
    assert caught.value.lines == (
        "line 3: it gives meter LNT 1 another rating than line 2 does; if that changed on a day, "
        "give it as meter_from",
    )
    (added, _) = make_plan(Known(), {2: first, 3: replace(second, rating=Rating())}).add
    assert added.meter == ("LNT", "1")


def test_a_change_touches_what_it_moves() -> None:
    (place,) = make_plan(Known(), {2: list_line("T", "A-1", "1", since=2)}).add
    march, august = (datetime(2026, month, 1, tzinfo=UTC) for month in (3, 8))
    assert touched(None, place) == touched(place, None) == [(place.valid_from, None)]
    assert touched(place, replace(place, valid_to=august)) == [(august, None)]
    assert touched(place, replace(place, valid_from=march)) == [(place.valid_from, march)]
    assert touched(replace(place, valid_to=march), replace(place, valid_to=august)) == [
        (march, august)
    ]
    assert touched(place, replace(place, tower="U")) == [(place.valid_from, None)] * 2
    assert touched(place, place) == []
