# SPDX-License-Identifier: MIT
"""Any sequence of lists ends as the last good one has it, and the same again is nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.core.unit_list import Line, overlap
from cloud_ingest.core.unit_meter import Rating, RatingVersion, rating_at
from cloud_ingest.errors import ImportRefused
from tests.support.unit_lists import ListedSociety, list_line

LATE = datetime(2027, 1, 1, tzinfo=UTC)
words = st.tuples(
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, "S1", "S2"]),
    st.sampled_from([None, 5, 6]),
)
ratings = words.map(lambda said: Rating(phases=said[0], seal=said[1], register_digits=said[2]))
days = st.one_of(
    st.none(), st.integers(1, 4).map(lambda month: datetime(2026, month, 2, tzinfo=UTC))
)


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """A flat or a bulk meter of one tower, perhaps with a parent and a word on its meter."""
    number = draw(st.integers(0, 3))
    is_bulk = number > 1
    line = list_line(
        "T1",
        f"B-{number}" if is_bulk else f"A-{number}",
        str(number),
        kind="bulk" if is_bulk else "unit",
        until=draw(st.one_of(st.none(), st.integers(7, 9))),
        rating=draw(ratings),
    )
    parent = draw(st.sampled_from([None, None, "none", "B-2", "B-3"]))
    return replace(line, parent=parent, rating_from=draw(days))


lists = st.lists(st.lists(lines(), max_size=4), max_size=4)


def taken(society: ListedSociety, candidates: Sequence[Line]) -> list[Line]:
    """Import what goes together of some lines, and return it."""
    good: list[Line] = []
    for candidate in candidates:
        try:
            society.plan([*good, candidate])
        except ImportRefused:
            continue
        good.append(candidate)
    society.take(*good)
    return good


@settings(max_examples=40)
@given(lists)
def test_a_meter_is_as_the_last_list_has_it(imports: Sequence[Sequence[Line]]) -> None:
    society = ListedSociety()
    for candidates in imports:
        before = society.versions()
        good = taken(society, candidates)
        for line in good:
            assert line.meter is not None
            own = [each for each in good if each.meter == line.meter and each.rating != Rating()]
            is_alone = len({each.rating_from for each in own}) == 1
            at = line.rating_from or (LATE if is_alone else None)
            held = rating_at(society.versions().get(line.meter, ()), at)
            assert line.rating.over(held) == held, "every word of the list holds"
        said = {line.meter for line in good}
        for meter, versions in before.items():
            kept = society.versions()[meter]
            assert meter in said or kept == versions, "what a list leaves out stays"


@settings(max_examples=40)
@given(lists)
def test_no_meter_is_an_orphan_or_above_itself(imports: Sequence[Sequence[Line]]) -> None:
    society = ListedSociety()
    for candidates in imports:
        taken(society, candidates)
        bulks = [place for place in society.known.values() if place.subject_type == "bulk"]
        for place in society.known.values():
            way, at = place, {place.subject}
            while way.parent is not None:
                above = [each for each in bulks if each.subject == way.parent]
                assert any(overlap(each, way) for each in above)
                way = next(each for each in above if overlap(each, way))
                assert way.subject not in at
                at.add(way.subject)


def test_a_word_without_a_day_corrects_the_newest() -> None:
    society = ListedSociety()
    day = datetime(2026, 3, 2, tzinfo=UTC)
    first = list_line("T1", "A-1", "1", rating=Rating(phases=3, seal="S1"))
    society.take(first)
    society.take(replace(first, rating=Rating(seal="S2"), rating_from=day))
    society.take(replace(first, rating=Rating(seal="S3")))
    assert society.versions()["LNT", "1"] == (
        RatingVersion(None, Rating(phases=3, seal="S1")),
        RatingVersion(day, Rating(phases=3, seal="S3")),
    )
