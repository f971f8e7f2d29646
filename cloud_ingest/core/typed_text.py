# SPDX-License-Identifier: MIT
"""Texts that a person types: what is kept of a remark, what may be a label, what is a time.

Both are kept in Unicode's composed form (NFC), so that two spellings of one name are one name. A
remark says who or why. It is one line: white space is folded. A label names a unit, a tower, a
meter or a society. No text has a character that nobody sees or that turns the order of reading;
only the two joiners of Indic and Persian scripts may stand in a remark. A week of ISO 8601, such as
2026-W05, is no time: nobody says "a week" and means its Monday.

In: a text, and what it is called. Out: the text as it is kept. Never: a text that was stored
before; it stays as it is. Pure.

Raises: TextRefused.
"""

import unicodedata
from datetime import date, datetime
from typing import Final

from cloud_ingest.errors import TextRefused

MOST_REMARK: Final = 500
"""Characters of a remark."""
LONGEST_LABEL: Final = 64
JOINERS: Final = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


def remark(text: str, name: str) -> str:
    """Return who or why as it is kept.

    Args:
        text: As it was typed.
        name: Its option, such as ``--reason``.
    """
    if len(text) <= 2 * MOST_REMARK:  # a longer one is not worth folding
        text = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(text) > MOST_REMARK:
        raise TextRefused(
            f"{name} has {len(text)} characters: give {MOST_REMARK} at most, and where the rest is"
        )
    if not text:
        raise TextRefused(f"{name} is empty: it is kept for ever, so that others can ask")
    _refuse_unseen(text, name, JOINERS)
    return text


def label(text: str, name: str) -> str:
    """Return a label as it is kept.

    Args:
        text: As it was typed.
        name: What it is of, such as ``subject``.
    """
    if not text:
        raise TextRefused(f"{name} is missing")
    if len(text) > LONGEST_LABEL:
        raise TextRefused(f"{name} has {len(text)} characters: give {LONGEST_LABEL} at most")
    _refuse_unseen(text, name)
    if text != text.strip():
        raise TextRefused(f"{name} {text!r} begins or ends with a space: leave it out")
    return unicodedata.normalize("NFC", text)


def own_label(text: str, name: str) -> str:
    """Return the label of a unit or of a tower."""
    found = label(text, name)
    if found in {".", ".."}:
        raise TextRefused(f"{name} {found!r} is no name: give one with a letter or a digit")
    return found


def typed_time(text: str) -> datetime:
    """Return a time as it was typed, with its offset or without one.

    Raises:
        ValueError: it is none.
    """
    return datetime.fromisoformat(_without_week(text))


def typed_day(text: str) -> date:
    """Return a day as it was typed.

    Raises:
        ValueError: it is none.
    """
    return date.fromisoformat(_without_week(text))


def _without_week(text: str) -> str:
    if "W" in text:
        raise ValueError(f"{text[:40]!r} names a week")
    return text


def same_name(text: str) -> str:
    """Return a name that somebody asks for as it is kept; it need not be a good one."""
    return unicodedata.normalize("NFC", text[: 4 * LONGEST_LABEL])


def _refuse_unseen(text: str, name: str, allowed: frozenset[str] = frozenset()) -> None:
    for place, character in enumerate(text, 1):
        if not character.isprintable() and character not in allowed:
            what = unicodedata.name(character, "a control character").lower()
            raise TextRefused(
                f"{name} has a character that nobody sees, U+{ord(character):04X} ({what}), at "
                f"place {place}: leave it out"
            )
