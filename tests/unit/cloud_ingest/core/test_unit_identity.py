# SPDX-License-Identifier: MIT
"""A subject is a tower and a label: which one each line of a list means."""

from dataclasses import replace

import pytest

from shared_schema.catalogue import Service
from tests.support.unit_lists import ListedSociety
from tests.support.unit_lists import list_line as line


@pytest.fixture
def society() -> ListedSociety:
    return ListedSociety()


def test_a_label_of_two_towers_is_two_units(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"), line("T2", "101", "2"))
    assert society.names() == ["T1: T1/101 1", "T2: T2/101 2"]


def test_another_service_or_source_merges_no_towers(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"), line("T2", "101", "2", service=Service.WATER))
    assert society.names() == ["T1: T1/101 1", "T2: T2/101 2"]


def test_common_areas_and_bulk_meters_are_told_apart(society: ListedSociety) -> None:
    society.take(
        line("T1", "Lift", "1", kind="common"),
        line("T2", "Lift", "2", kind="common"),
        line("T1", "Lift", "3", kind="bulk"),
    )
    assert society.names() == ["T1: Lift 3", "T1: T1/Lift 1", "T2: T2/Lift 2"]


def test_a_known_label_keeps_its_name(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"))
    society.take(line("T2", "101", "2"))
    society.take(line("T1", "101", "1"), line("T2", "101", "2"))
    assert society.names() == ["T1: 101 1", "T2: T2/101 2"]


def test_a_new_service_goes_to_its_tower(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"), line("T2", "101", "2"))
    society.take(line("T2", "101", "3", service=Service.WATER))
    assert "T2: T2/101 3" in society.names()


def test_the_same_label_later_is_a_move(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"))
    society.take(line("T1", "101", "1", until=7), line("T2", "101", "1", since=7))
    assert society.names() == ["T1: 101 1", "T2: 101 1"]


def test_a_unit_may_move_and_come_back(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"))
    society.take(
        line("T1", "101", "1", until=3),
        line("T2", "101", "1", since=3, until=5),
        line("T1", "101", "1", since=5),
    )
    assert society.names() == ["T1: 101 1", "T1: 101 1", "T2: 101 1"]


def test_a_meter_may_move_to_another_unit_and_back(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"))
    plan = society.take(
        line("T1", "101", "1", until=3),
        line("T1", "102", "1", since=3, until=5),
        line("T1", "101", "1", since=5),
    )
    assert (len(plan.add), len(plan.change)) == (2, 1)


def test_a_third_tower_is_no_move_of_two(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1", until=6), line("T2", "101", "2"))
    society.take(line("T3", "101", "3", since=6))
    assert society.names() == ["T1: T1/101 1", "T2: T2/101 2", "T3: T3/101 3"]


def test_towers_are_corrected_together(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"), line("T1", "101", "2", service=Service.WATER))
    assert "correct all of its lines in one list" in society.refuses(line("T2", "101", "1"))
    society.take(line("T2", "101", "1"), line("T2", "101", "2", service=Service.WATER))
    assert society.names() == ["T2: 101 1", "T2: 101 2"]


def test_swapped_meters_of_namesakes_are_no_swapped_towers(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"), line("T2", "101", "2"))
    said = society.refuses(line("T2", "101", "1"), line("T1", "101", "2"))
    assert "units take-back T1/101 --service electricity --meter 1" in said


def test_a_meter_of_the_other_namesake_is_no_correction(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"))
    said = society.refuses(line("T1", "101", "9"), line("T2", "101", "1"))
    assert "meter LNT 1 would serve T2/101 electricity (grid)" in said


def test_a_line_without_tower_is_not_guessed(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"), line("T2", "101", "2"))
    said = society.refuses(line(None, "101", "3", service=Service.WATER))
    assert said == "line 2: 101 is in several towers, and this line names none: give its tower"


def test_unique_labels_refuse_a_second_tower(society: ListedSociety) -> None:
    both = (line("T1", "101", "1"), line("T2", "101", "2"))
    said = society.refuses(*both, unique_labels=True)
    assert "line 3: 101 is in T2 and, by line 2, in T1 at the same time" in said
    society.take(line("T1", "101", "1", until=7))
    assert society.plan([line("T2", "101", "2", since=7)], unique_labels=True).add
    said = society.refuses(line("T2", "101", "2", since=6), unique_labels=True)
    assert "by what was imported before, in T1" in said


def test_a_label_with_a_slash_is_never_merged(society: ListedSociety) -> None:
    society.take(line("T1", "T2/101", "1"))
    said = society.refuses(line("T1", "101", "2"), line("T2", "101", "3"))
    assert "line 3: 101 would be called T2/101, which by what was imported before" in said
    society.take(line("T1", "B/2", "4"))
    assert "T1: B/2 4" in society.names()


def test_a_tower_and_a_label_may_have_a_slash(society: ListedSociety) -> None:
    society.take(line("T/1", "B/2", "4"))
    society.take(line("T/1", "B/2", "4"), line("T/1", "B/2", "5", service=Service.WATER))
    assert society.names() == ["T/1: B/2 4", "T/1: B/2 5"]


def test_a_name_of_tower_and_label_fits_a_label(society: ListedSociety) -> None:
    long = "T" * 60
    said = society.refuses(line("T1", "1001", "1"), line(long, "1001", "2"))
    assert f"its name is {long}/1001: that is longer than 64 characters" in said
    society.take(line("T1", "101", "1"), line(long, "101", "2"))


def test_legacy_meters_of_namesakes_differ(society: ListedSociety) -> None:
    society.take(line("T1", "101", None), line("T2", "101", None))
    assert society.names() == [
        "T1: T1/101 T1/101:electricity",
        "T2: T2/101 T2/101:electricity",
    ]


def test_a_legacy_meter_keeps_the_name_that_it_has(society: ListedSociety) -> None:
    society.take(line("T1", "Lift", None, kind="common"))
    (known,) = society.known.values()
    society.known[1] = replace(known, meter=("legacy", "Lift:electricity"))
    society.take(line("T1", "Lift", None, kind="common", until=9))
    assert society.names() == ["T1: Lift Lift:electricity"]


def test_a_name_is_given_again_to_the_same_tower(society: ListedSociety) -> None:
    society.take(line("T1", "101", "1"))
    society.take(line("T2", "101", "2"))
    (own,) = (own for own, place in society.known.items() if place.tower == "T1")
    society.former.append(society.known.pop(own))
    society.take(line("T1", "101", "7"))
    assert society.names() == ["T1: 101 7", "T2: T2/101 2"]
