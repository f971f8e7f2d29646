# SPDX-License-Identifier: MIT
"""A page has the same lists and tables on the site as on the forge."""

import re
from collections import Counter
from pathlib import Path

import markdown
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deploy.site.dialect import opened

ROOT = Path(__file__).parents[4]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXTENSIONS = ["deploy.site.dialect", "tables", "pymdownx.superfences"]
FORGE = MarkdownIt("commonmark").enable("table")
LINES = st.sampled_from(
    ["text", "", "- item", "1. first", "| a | b |", "```", "~~~", "  more", "# head"]
)


def _shape(html: str) -> Counter[str]:
    return Counter(re.findall(r"<(li|table|tr|pre|h[1-6])\b", html))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT / "docs")))
def test_a_page_has_the_lists_and_tables_of_the_forge(page: Path) -> None:
    text = page.read_text("utf-8")
    assert _shape(markdown.markdown(text, extensions=EXTENSIONS)) == _shape(FORGE.render(text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Bring:\n- a key", "Bring:\n\n- a key"),
        ("It says:\n| a |\n|---|", "It says:\n\n| a |\n|---|"),
        ("- one\n- two\n  goes on\n- three", "- one\n- two\n  goes on\n- three"),
        ("```\ntext\n- no item\n```", "```\ntext\n- no item\n```"),
        ("In the year\n1999. was no list", "In the year\n1999. was no list"),
    ],
)
def test_only_a_first_item_and_a_first_row_are_opened(text: str, wanted: str) -> None:
    assert opened(text.split("\n")) == wanted.split("\n")


@given(st.lists(LINES))
def test_no_line_is_lost_and_a_second_pass_changes_nothing(lines: list[str]) -> None:
    once = opened(lines)
    assert [line for line in once if line] == [line for line in lines if line]
    assert opened(once) == once
