# SPDX-License-Identifier: MIT
"""The clauses that pages translate are those that commands say."""

from cloud_ingest.core import words
from cloud_ingest.web.words_origin import CLAUSES


def test_each_clause_is_marked() -> None:
    said = (words.REASONS, words.RULES, words.WHYS, words.ORIGINS, words.METHODS, words.QUALITIES)
    assert tuple(text for each in said for text in each.values()) == CLAUSES
