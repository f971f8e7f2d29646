# SPDX-License-Identifier: MIT
"""Every sentence of the pages is in the catalogue of each language, with the same placeholders."""

import re
from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Message

from cloud_ingest.web.languages import language_for, languages, name_of, translations
from cloud_ingest.web.shown import day, month_name
from tests.support.sentences import catalogue, catalogues, said

EACH = pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.stem)
HOLE = re.compile(r"%\(\w+\)s|%%|%")


@EACH
def test_each_sentence_is_translated(path: Path) -> None:
    """Run `make sentences`, and write what is missing."""
    known = catalogue(path)
    assert [each.id for each in said() if each.id and not _is_whole(known.get(each.id))] == []


@EACH
def test_no_translation_is_left_over(path: Path) -> None:
    assert {str(each.id) for each in catalogue(path)} <= {str(each.id) for each in said()}


@EACH
def test_a_translation_has_the_placeholders_of_its_sentence(path: Path) -> None:
    wrong = [
        text
        for each in catalogue(path)
        for text in _texts(each.string)
        if not any(_holes(text) == _holes(asked) for asked in _texts(each.id))
    ]
    assert wrong == []


def test_hindi_is_read_when_the_pages_start() -> None:
    assert languages() == ("en", "hi")
    assert name_of("hi") == "हिन्दी"
    assert translations("hi").gettext("Password") == "पासवर्ड"


def test_days_and_months_are_in_words_of_the_language() -> None:
    assert month_name("2026-10", "hi") == "अक्टूबर 2026"
    assert day(date(2026, 10, 1), "hi") == "1 अक्टू॰ 2026"


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "hi-IN,hi;q=0.9,en;q=0.8", "hi"),
        ("en", "hi", "en"),
        ("xx", "ta,hi;q=0.5", "hi"),
        (None, "en-IN,hi;q=0.5", "en"),
    ],
)
def test_the_choice_comes_before_what_a_browser_accepts(
    chosen: str | None, accepted: str, language: str
) -> None:
    assert language_for(chosen, accepted) == language


def _texts(found: object) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list | tuple) else [str(found)]


def _is_whole(found: Message | None) -> bool:
    return found is not None and all(_texts(found.string))


def _holes(text: str) -> list[str]:
    return sorted(HOLE.findall(text))
