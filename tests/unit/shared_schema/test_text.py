# SPDX-License-Identifier: MIT
"""Texts: what may be kept is seen, and what is shown hides nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared_schema.text import (
    LONGEST_LABEL,
    composed,
    first_hidden,
    folded,
    label_fault,
    visible,
)

ANY = st.text(st.characters(exclude_categories=()), max_size=80)
WORDS = [
    "A-1204",
    "हिन्दी ब्लॉक",
    "தமிழ் கோபுரம்",
    "ক্‍ষ",  # a joiner behind a virama
    "ന്‍",  # a chillu as it was written before Unicode 5.1
    "क्‌ष",
    "می‌خواهم",
    "n° é",
    "12/A",
]


@pytest.mark.parametrize("word", WORDS)
def test_what_people_write_is_a_label(word: str) -> None:
    assert label_fault(word) is None
    assert visible(word) == word


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("A\nB", "U+000A (a control character)"),
        ("A\u2028B", "U+2028 (line separator)"),
        ("A\u202eB", "U+202E (right-to-left override)"),
        ("A\u200bB", "U+200B (zero width space)"),
        ("A\u009bB", "U+009B (a control character)"),
        ("A\x1b[2JB", "U+001B (a control character)"),
        ("A\x00B", "U+0000 (a control character)"),
        ("A\u200dB", "U+200D (zero width joiner)"),
        ("क\u200d", "U+200D (zero width joiner)"),
        ("\u200dक", "U+200D (zero width joiner)"),
        ("A\ue000B", "U+E000 (a character without a name)"),
        ("A\ud800B", "U+D800 (a character without a name)"),
        ("A\u0378B", "U+0378 (a character without a name)"),
        ("A\u00adB", "U+00AD (soft hyphen)"),
        ("A\U000e0041B", "U+E0041 (tag latin capital letter a)"),
    ],
)
def test_what_hides_is_named_with_its_place(text: str, code: str) -> None:
    place = first_hidden(text)
    assert place is not None
    assert label_fault(text) == (
        f"it has a character that nobody sees, {code}, at place {place + 1}: leave it out"
    )
    assert first_hidden(visible(text)) is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "it is missing"),
        (" A", "it begins or ends with a space: leave it out"),
        ("A" * 65, "it has 65 characters: give 64 at most"),
    ],
)
def test_a_label_is_bounded_and_trimmed(text: str, fault: str) -> None:
    assert label_fault(text) == fault


def test_a_composed_form_may_be_too_long() -> None:
    text = "\u0958" * 40  # a letter that is never composed: each becomes two
    assert label_fault(text) == "its composed form has more than 64 characters"


@given(ANY)
def test_a_label_as_it_is_kept_is_a_label(text: str) -> None:
    if label_fault(text) is None:
        kept = composed(text)
        assert label_fault(kept) is None
        assert composed(kept) == kept
        assert 0 < len(kept) <= LONGEST_LABEL
        assert kept == kept.strip()
        seen = {unicodedata.category(each) for each in kept}
        assert seen.isdisjoint({"Cc", "Cs", "Co", "Cn", "Zl", "Zp"})


@given(ANY)
def test_nothing_hides_in_what_is_shown(text: str) -> None:
    shown = visible(text)
    assert first_hidden(shown) is None
    assert visible(shown) == shown
    shown.encode()


@given(ANY)
def test_a_remark_is_one_line(text: str) -> None:
    assert folded(folded(text)) == folded(text)
    assert not set(folded(text)) & set("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")
