# SPDX-License-Identifier: MIT
"""A notebook as a table: the forms in which treasurers keep it."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.core.notebook_cells import Cell, When
from cloud_ingest.core.notebook_heading import Sheet, letters, told_columns
from cloud_ingest.core.notebook_table import Notebook, Who, understand

CELLS = st.one_of(
    st.none(),
    st.sampled_from(["Flat", "Oct 2026", "1/10/26", "Total", "Reading", "Units", "A-101", "-"]),
    st.text(max_size=6),
    st.decimals(min_value=0, max_value=99999, places=1),
    st.dates(),
)


def of(*rows: list[Cell], name: str = "", **told: object) -> Notebook:
    return understand([Sheet(name, rows)], **told)  # type: ignore[arg-type]


def values(found: Notebook) -> list[tuple[str, str, str]]:
    return [(r.who.flat, f"{r.day}", f"{r.value:f}") for r in found.readings]


def test_a_row_a_flat_has_a_column_for_each_day() -> None:
    found = of(
        ["Lake View CHS", None, None],
        [],
        ["Flat No.", "Owner", date(2026, 9, 1), "1/10/26", "Units"],
        ["A-101 ", "Rao", Decimal(1000), "1,23,456.5", Decimal(7)],
        [Decimal(102), "Iyer", "-", "१२३४", None],
        ["Total", None, Decimal(1000), Decimal(124690), None],
    )
    assert values(found) == [
        ("A-101", "2026-09-01", "1000"),
        ("A-101", "2026-10-01", "123456.5"),
        ("102", "2026-10-01", "1234"),
    ]
    assert not found.faults
    assert found.left_out == ("A6: Total",)


@pytest.mark.parametrize(
    "heading", ["Reading 1/9/26 (litres)", "Reading 1/9/26 (L)", "Reading 1/9/26 MWh"]
)
def test_another_unit_is_no_kwh_and_no_kl(heading: str) -> None:
    (told,) = of(["Flat", heading], ["A-101", "120"]).faults
    assert "give numbers of kWh or kL" in told
    (told,) = of(["Water in litres"], ["Flat", "1/9/26"], ["A-101", "120"]).faults
    assert told.startswith("A1: ")


def test_a_number_torn_by_its_comma_is_named() -> None:
    found = of(
        ["Flat", "1/9/26", "1/10/26"], ["A-101", "1", "234", "1,456"], ["A-102", "7", "8", ""]
    )
    assert found.faults == (
        "A2: the row of A-101 has more cells than the heading: put a number with commas in quotes",
    )
    assert values(found) == [("A-102", "2026-09-01", "7"), ("A-102", "2026-10-01", "8")]


def test_the_number_of_a_row_is_no_meter() -> None:
    found = of(
        ["Sr. No.", "Flat No.", "Meter No.", "1/9/26"],
        ["1", "A-101", "L77", "100"],
        ["2", "A-101", "L77", "120"],
    )
    assert [each.who.meter for each in found.readings] == ["L77"]
    assert found.faults == ("B3: A-101 stands in row 2 as well",)


def test_a_sheet_a_month_has_both_readings() -> None:
    found = of(
        ["Flat", "Previous Reading", "Present Reading", "Units consumed", "Amount (Rs)"],
        ["A-101", Decimal(100), Decimal(120), Decimal(20), Decimal(160)],
        name="Oct 2026",
    )
    assert values(found) == [("A-101", "2026-10-01", "100"), ("A-101", "2026-11-01", "120")]
    (use,) = found.uses
    assert (use.value, use.when) == (Decimal(20), When(date(2026, 10, 1), is_month=True))


@pytest.mark.parametrize("heading", ["Sr No", "S.No.", "Sl. No", "Serial No."])
def test_a_running_number_of_rows_is_no_meter(heading: str) -> None:
    found = of([heading, "Flat", "1 Oct 2026"], [Decimal(1), "A-101", Decimal(100)])
    assert [each.who for each in found.readings] == [Who("A-101")]


def test_a_merged_heading_stands_over_two_columns() -> None:
    found = of(
        ["Flat", "1 Sep 2026", None, "1 Oct 2026", None],
        [None, "Reading", "Remark", "Reading", "Remark"],
        ["A-101", Decimal(1), "ok", Decimal(2), ""],
    )
    assert values(found) == [("A-101", "2026-09-01", "1"), ("A-101", "2026-10-01", "2")]


def test_a_row_a_reading_has_its_own_day() -> None:
    found = of(
        ["Date", "Wing", "Flat", "Meter No", "Reading"],
        ["1/9/26", "B", "7", "LT1", Decimal(10)],
        ["13/13/26", "B", "7", "LT1", Decimal(11)],
    )
    assert values(found) == [("7", "2026-09-01", "10")]
    assert found.readings[0].who == Who("7", "B", "LT1")
    assert found.faults == (
        "A3: '13/13/26' is no day of a reading of 7: write it as 1/10/2026, the day first",
    )


def test_a_month_without_a_day_is_asked_about_once() -> None:
    rows: list[list[Cell]] = [["Flat", "Oct-26"], ["A", Decimal(1)], ["B", Decimal(2)]]
    assert of(*rows).faults == (
        "column B: 'Oct-26' names a month, but no day: say with --months start or --months end "
        "when in it the dials were read",
    )
    assert values(of(*rows, months="end"))[0] == ("A", "2026-11-01", "1")
    assert values(of(*rows, months="start"))[0] == ("A", "2026-10-01", "1")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (["A", "locked"], "B2: 'locked' is no reading of A"),
        ([None, Decimal(3)], "A2: numbers stand in the row, but no flat"),
        ([date(2026, 1, 2), Decimal(3)], "A2: 2026-01-02 is a day, not a flat"),
        (["Z", Decimal(3)], "A3: Z stands in row 2 as well"),
    ],
)
def test_every_bad_cell_is_named(row: list[Cell], says: str) -> None:
    found = of(["Flat", "1/10/26"], row, ["Z", Decimal(4)])
    assert [fault[: len(says)] for fault in found.faults] == [says]


def test_a_person_says_what_columns_hold() -> None:
    told = told_columns("flat=B, 2026-09-01=D,2026-10-01=C,2026-09=E")
    found = of(
        ["whatever", "x", "y"],
        [None, "A-1", Decimal(20), Decimal(10), Decimal(10)],
        told=told,
    )
    assert values(found) == [("A-1", "2026-09-01", "10"), ("A-1", "2026-10-01", "20")]
    assert [use.value for use in found.uses] == [10]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("flat=A", "at least one of readings"),
        ("2026-10-01=C", "name the column of the flats"),
        ("flat=A,reading=B", "needs day=…"),
        ("flat=A,1/10/26=4", "'4' is no column"),
        ("flat=A,owner=B", "'owner=B': name flat"),
    ],
)
def test_columns_that_cannot_be_understood(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        told_columns(text)


def test_columns_are_called_as_spreadsheets_do() -> None:
    assert [letters(at) for at in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


@settings(max_examples=60)
@given(st.lists(st.lists(CELLS, max_size=5), max_size=8), st.sampled_from(["", "Oct 2026"]))
def test_any_cells_are_a_table_or_none(rows: list[list[Cell]], name: str) -> None:
    found = of(*rows, name=name)
    for reading in found.readings:
        assert reading.value >= 0
        assert rows[reading.where.row][reading.where.column] is not None
