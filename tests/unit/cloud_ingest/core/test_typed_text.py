# SPDX-License-Identifier: MIT
"""What is kept of a text that a person types."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.typed_text import label, own_label, remark, same_name
from cloud_ingest.errors import TextRefused
from shared_schema.text import LONGEST_REMARK

HIDDEN = ["\x00", "\x1b[2J", "\x7f", "\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\udcff"]


@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_remark_has_no_character_that_hides(hidden: str) -> None:
    with pytest.raises(TextRefused, match=f"U\\+{ord(hidden[0]):04X}.* at place 3: leave it out"):
        remark(f"ab{hidden}c", "--reason")


@pytest.mark.parametrize("hidden", [*HIDDEN, "\u200d", "\u200c", "\u00a0", "\t", "\n"])
def test_a_label_has_no_character_that_hides(hidden: str) -> None:
    with pytest.raises(TextRefused, match="U\\+"):
        label(f"A{hidden}1", "subject")


def test_white_space_of_a_remark_is_folded() -> None:
    assert remark("  read\tit\r\n twice\u00a0 ", "--reason") == "read it twice"


def test_a_remark_may_have_joiners() -> None:
    assert remark("क्\u200dष", "--reason") == "क्\u200dष"


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_remark_is_refused(text: str) -> None:
    with pytest.raises(TextRefused, match="--by is empty"):
        remark(text, "--by")


@pytest.mark.parametrize("length", [LONGEST_REMARK + 1, 5_000_000])
def test_a_long_remark_is_refused(length: int) -> None:
    with pytest.raises(TextRefused, match=f"--by has {length} characters: give 500 at most"):
        remark("x" * length, "--by")


@given(st.text(max_size=3 * LONGEST_REMARK))
def test_what_is_kept_of_a_remark_is_kept_again(text: str) -> None:
    try:
        found = remark(text, "--by")
    except TextRefused as error:
        assert len(str(error)) < 200  # noqa: PT017 - no claim where nothing is refused
    else:
        assert remark(found, "--by") == found
        assert 1 <= len(found) <= LONGEST_REMARK


def test_two_spellings_of_a_label_are_one() -> None:
    apart = unicodedata.normalize("NFD", "Café")
    assert label(apart, "subject") == "Café" == same_name(apart)


@pytest.mark.parametrize("text", ["", "x" * 65, " A", "A "])
def test_a_label_is_plain(text: str) -> None:
    with pytest.raises(TextRefused, match="subject"):
        label(text, "subject")


@pytest.mark.parametrize("text", [".", ".."])
def test_a_unit_has_a_name_of_its_own(text: str) -> None:
    assert label(text, "serial") == text
    with pytest.raises(TextRefused, match="subject"):
        own_label(text, "subject")
