# SPDX-License-Identifier: MIT
"""One cell of a notebook: numbers, days and months as people write them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.notebook_cells import (
    Cell,
    When,
    is_nothing,
    number_of,
    when_of,
    when_within,
    words_of,
)

OCTOBER = date(2026, 10, 1)
CELLS = st.one_of(st.none(), st.text(max_size=40), st.decimals(), st.dates())


@pytest.mark.parametrize(
    "text",
    [
        *("1/10/26", "01-10-2026", "1.10.26", "1 Oct 2026", "1st October 2026", "Oct 1, 2026"),
        *("2026-10-01", "१/१०/२६", "1 अक्टूबर 2026"),
    ],
)
def test_a_day_stands_first(text: str) -> None:
    assert when_of(text) == When(OCTOBER)
    assert when_within(f"Reading on {text}") == When(OCTOBER)


@pytest.mark.parametrize("text", ["Oct-26", "October 2026", "10/2026", "2026-10", "अक्टूबर 2026"])
def test_a_month_names_no_day(text: str) -> None:
    assert when_of(text) == When(OCTOBER, is_month=True)


@pytest.mark.parametrize("text", ["10/13/26", "31/11/26", "A-1204", "12", "1/10/1926", "Oct"])
def test_what_may_be_two_things_is_no_day(text: str) -> None:
    assert when_of(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,23,456.5", "123456.5"),
        ("123,456", "123456"),
        ("12 345", "12345"),
        ("१२३४.५", "1234.5"),
        ("1234 kWh", "1234"),
        ("'0071", "71"),
    ],
)
def test_numbers_are_read_as_india_writes_them(text: str, number: str) -> None:
    assert number_of(text) == Decimal(number)


@pytest.mark.parametrize("text", ["1,2,3", "-5", "1.234,5", "locked", "1e5", "NaN", ""])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number_of(text) is None


@pytest.mark.parametrize("text", ["", " ", "-", "—", "N.A.", "nil"])
def test_a_dash_says_that_nobody_read(text: str) -> None:
    assert is_nothing(text)


@given(CELLS)
def test_any_cell_is_read_or_none(cell: Cell) -> None:
    assert isinstance(words_of(cell), str)
    number, when = number_of(cell), when_within(cell)
    assert number is None or number >= 0
    assert when is None or 2000 <= when.first.year <= 2099
