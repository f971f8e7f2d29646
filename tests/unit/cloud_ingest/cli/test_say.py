# SPDX-License-Identifier: MIT
"""Lines that a command writes: nothing hides in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.cli.say import cut
from cloud_ingest.cli.table import Column, table
from shared_schema.text import visible_lines as visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A-1", "A-1"),
        ("a\nb", "a\nb"),
        ("\u202e1-A", "\\u202e1-A"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("क्\u200dष", "क्\u200dष"),
    ],
)
def test_what_hides_is_written_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(st.characters(codec="utf-8")))
def test_json_stays_the_same_value(text: str) -> None:
    assert json.loads(visible(json.dumps([text], ensure_ascii=False))) == [text]


def test_a_table_cuts_a_long_text() -> None:
    assert len(table([Column("Why")], [("x" * 5_000_000,)], width=80)) < 600
    assert cut("x" * 500) == "x" * 500
