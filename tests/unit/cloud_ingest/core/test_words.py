# SPDX-License-Identifier: MIT
"""The page of the treasurer has each word that a month's table may show, as the programs say it."""

import re
from pathlib import Path

import pytest

from cloud_ingest.core.words import QUALITIES, REASONS

PAGE = (Path(__file__).parents[4] / "docs/howto/read-a-month.md").read_text("utf-8")


@pytest.mark.parametrize(("heading", "words"), [("quality", QUALITIES), ("reason", REASONS)])
def test_the_page_explains_each_word(heading: str, words: dict[str, str]) -> None:
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    told = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    assert told == dict(words)
