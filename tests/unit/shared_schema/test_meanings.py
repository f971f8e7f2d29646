# SPDX-License-Identifier: MIT
"""Each field and word of the contract says what it means."""

import re
from enum import StrEnum

import pytest
from pydantic import Field

from shared_schema.meanings import EVERYWHERE, meanings, member_meanings
from shared_schema.message import Part
from shared_schema.schemas import messages_page


class Bare(Part):
    """A part whose fields say little."""

    society: str
    at: str = ""
    """When the valve
    was closed."""


class Derived(Bare):
    """A part that has more fields than its base."""

    level: int = Field(default=0, alias="high")
    """How high the tank stands."""


class Silent(Part):
    """A part of which nobody says what a field means."""

    riddle: int


class Colour(StrEnum):
    """Words of which one says what it means."""

    RED = "red"
    """Look now."""
    GREEN = "green"


def test_a_field_means_what_stands_under_it() -> None:
    assert meanings(Bare)["at"] == "When the valve\nwas closed."


def test_a_field_without_words_means_what_its_name_means() -> None:
    assert meanings(Bare)["society"] == EVERYWHERE["society"]


def test_a_field_has_the_name_under_which_it_is_sent() -> None:
    assert list(meanings(Derived)) == ["society", "at", "high"]
    assert meanings(Derived)["high"] == "How high the tank stands."


def test_a_field_that_nobody_explains_is_refused() -> None:
    with pytest.raises(KeyError, match="riddle"):
        meanings(Silent)


def test_a_word_means_what_stands_under_it() -> None:
    assert member_meanings(Colour) == {"red": "Look now.", "green": ""}


def test_the_page_has_a_meaning_for_each_field() -> None:
    silent = re.findall(r"^\| `\w+` \| .+ \|  \|$", messages_page(), re.MULTILINE)
    assert silent == []
