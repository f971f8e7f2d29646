# SPDX-License-Identifier: MIT
"""Cells: no text is a formula, every text comes back, numbers stay numbers."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud_ingest.exports.cells import GUARD, guarded, is_exact, plain

BEFORE = ("", " ", '"', "'", "\u201c", "\u00a0", "\u200b", "\ufeff", "\x00", "(", "\u0301")
STARTS = (
    *("=", "+", "-", "@", "\t", "\r", "\n"),
    *("\uff1d", "\uff0b", "\uff0d", "\uff20", "\ufe66", "\u2212", "\u2013", "\u207b"),
)


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("start", STARTS)
def test_what_may_begin_a_formula_is_guarded(before: str, start: str) -> None:
    text = f"{before}{start}HYPERLINK(1)"
    assert guarded(text) == GUARD + text


@pytest.mark.parametrize("text", ["A-1204", "T1/101", "101", "फ्लैट 12", "", "(west)", "1-2", "x=y"])
def test_an_ordinary_label_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


@given(st.text(max_size=12))
@example("'=1")
@example("''")
@settings(max_examples=300)
def test_every_text_comes_back(text: str) -> None:
    cell = guarded(text)
    assert plain(cell) == text
    assert guarded(plain(cell)) == cell


@pytest.mark.parametrize(
    ("number", "kept"),
    [("123456789.012345", True), ("1234567890.012345", False), ("-0.001", True), ("NaN", False)],
)
def test_a_number_of_many_digits_is_known(number: str, kept: bool) -> None:
    assert is_exact(Decimal(number)) is kept
