# SPDX-License-Identifier: MIT
"""The tree of meters: which bulk meter stands above a line, and which lines are refused."""

from dataclasses import replace

import pytest

from cloud_ingest.core.unit_list import Line
from cloud_ingest.core.unit_parents import MOST_LEVELS
from tests.support.unit_lists import ListedSociety, list_line


def bulk(
    label: str, serial: str, parent: str | None = None, *, since: int = 1, until: int | None = None
) -> Line:
    line = list_line("T1", label, serial, kind="bulk", since=since, until=until)
    return replace(line, parent=parent)


def flat(parent: str | None, *, until: int | None = None) -> Line:
    return replace(list_line("T1", "A-1", "1", until=until), parent=parent)


def parents(society: ListedSociety) -> dict[str, str | None]:
    return {place.meter[1]: place.parent for place in society.known.values()}


def test_a_sub_bulk_stands_between_a_flat_and_its_tower() -> None:
    society = ListedSociety()
    society.take(bulk("Main", "8"), bulk("Wing", "9", "Main"), flat("Wing"))
    assert parents(society) == {"8": None, "9": "Main", "1": "Wing"}


def test_an_empty_parent_leaves_it_and_none_takes_it_away() -> None:
    society = ListedSociety()
    society.take(bulk("Main", "8"), flat("Main"))
    society.take(flat(None))
    assert parents(society)["1"] == "Main"
    society.take(flat("none"))
    assert parents(society)["1"] is None


def test_a_parent_of_the_own_tower_comes_first() -> None:
    society = ListedSociety()
    other = list_line("T2", "Main", "7", kind="bulk")
    society.take(bulk("Main", "8"), other, flat("Main"))
    assert parents(society)["1"] == "T1/Main"
    assert "may be T1/Main or T2/Main" in society.refuses(
        replace(list_line("T3", "A-3", "3"), parent="Main")
    )
    society.take(replace(list_line("T3", "A-3", "3"), parent="T2/Main"))
    assert parents(society)["3"] == "T2/Main"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([flat("Mian"), bulk("Main", "8")], "did you mean 'Main'?"),
        ([flat("Main")], "it wants a line with the subject_type bulk"),
        ([list_line("T1", "Main", "5"), flat("Main")], "is no bulk meter of electricity"),
        ([bulk("Main", "8", "Main")], "would stand above itself by its parent Main"),
        ([bulk("X", "8", "Y"), bulk("Y", "9", "X")], "line 3: Y electricity (grid) would stand"),
        ([bulk("Main", "8", until=5), flat("Main")], "from 2026-05-01 00:00 UTC on: name another"),
        ([bulk("Main", "8", since=5), flat("Main")], "line 3: A-1 electricity (grid) has the pare"),
        ([bulk("Main", "8", since=5), flat("Main")], "until 2026-05-01 00:00 UTC: name another"),
        (
            [bulk("Main", "8", until=3), bulk("Main", "9", since=5), flat("Main")],
            "from 2026-03-01 00:00 UTC on until 2026-05-01 00:00 UTC: name another",
        ),
        ([replace(bulk("Main", "8"), source="check"), flat("Main")], "is no bulk meter of electr"),
    ],
)
def test_a_parent_that_cannot_be_is_refused(lines: list[Line], says: str) -> None:
    assert says in ListedSociety().refuses(*lines)


def test_a_tree_has_only_so_many_levels() -> None:
    society = ListedSociety()
    top, *below = [bulk(f"B{n}", f"{n}", f"B{n - 1}" if n else None) for n in range(40)]
    society.take(top, *below[: MOST_LEVELS - 1])
    assert f"B{MOST_LEVELS} electricity (grid) has more than 12" in society.refuses(*below)


def test_a_bulk_meter_that_ends_leaves_no_orphans() -> None:
    society = ListedSociety()
    society.take(bulk("Main", "8"), flat("Main"))
    assert society.refuses(bulk("Main", "8", until=6)).startswith("line 2: A-1 electricity (grid)")
    replaced = replace(list_line("T1", "Main", "9", kind="bulk", since=6))
    society.take(bulk("Main", "8", until=6), replaced)
    assert parents(society)["1"] == "Main"


def test_a_flat_is_divided_where_its_sub_bulk_comes_later() -> None:
    society = ListedSociety()
    later = replace(list_line("T1", "A-1", "1", since=5), parent="Wing")
    society.take(bulk("Wing", "9", since=5), flat(None, until=5), later)
    assert [place.parent for place in society.known.values()] == [None, None, "Wing"]


def test_a_parent_that_came_late_before_is_left() -> None:
    society = ListedSociety()
    society.knew(bulk("Main", "8", since=5))
    society.knew(flat(None))
    society.known[2] = replace(society.known[2], parent="Main")
    society.take(flat("Main"), bulk("Main", "8", since=5))
    assert "until 2026-06-01" in society.refuses(bulk("Main", "8", since=6))


def test_meters_may_change_places_in_the_tree_over_time() -> None:
    society = ListedSociety()
    later = [
        replace(list_line("T1", "X", "8", kind="bulk", since=6)),
        replace(list_line("T1", "Y", "9", kind="bulk", since=6), parent="X"),
    ]
    society.take(bulk("X", "8", "Y", until=6), bulk("Y", "9", until=6), *later)
    assert len(society.known) == 4
