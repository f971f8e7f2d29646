# SPDX-License-Identifier: MIT
"""Texts of people, meters and machines: which may be kept, and how any text is shown.

A *label* names a unit, a tower, a meter, a society or a gateway's bus. A *remark* says who or why.
Both are kept in Unicode's composed form (NFC), so that two spellings of one name are one name, and
bounded. Neither has a character that nobody sees, that turns the order of reading, or that Unicode
has not given a meaning: control and format characters, surrogates, private use, unassigned, line
and paragraph separators. Combining marks may stand anywhere. The two joiners change what is seen in
Indic, Arabic and Persian words, and may stand there, between letters or behind a virama.

What was stored or sent before these rules stays as it is; `visible` shows it with nothing hidden.

In: a text. Out: the text as it is kept, its first fault, or the text as it is shown. Pure.
"""

import unicodedata
from typing import Final

LONGEST_LABEL: Final = 64
"""Characters of a label."""
LONGEST_REMARK: Final = 500
"""Characters of a remark."""
MOST_SEALS: Final = 16
"""Seals of one meter."""

_JOINERS: Final = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
_VIRAMA: Final = 9
"""The combining class of a sign that takes its consonant's vowel away."""
_JOINED_SCRIPTS: Final = (
    (0x0600, 0x08FF),  # Arabic and its neighbours
    (0x0900, 0x0DFF),  # Devanagari to Sinhala
    (0x1CD0, 0x1CFF),  # Vedic
    (0xA8E0, 0xA8FF),  # Devanagari, extended
)


def label_fault(text: str) -> str | None:
    """Return why a text is no label, as "it is missing"; None: it is one, once `composed`."""
    if not text:
        return "it is missing"
    if len(text) > LONGEST_LABEL:
        return f"it has {len(text)} characters: give {LONGEST_LABEL} at most"
    if (place := first_hidden(text)) is not None:
        return hidden_fault(text, place)
    if text != text.strip():
        return "it begins or ends with a space: leave it out"
    if len(composed(text)) > LONGEST_LABEL:
        return f"its composed form has more than {LONGEST_LABEL} characters"
    return None


def composed(text: str) -> str:
    """Return a text in the form in which labels and remarks are kept."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Return a remark as it is kept: one line, composed."""
    return composed(" ".join(text.split()))


def remark_fault(text: str) -> str | None:
    """Return why a text is no remark, as "it is empty"; None: it is one, once `folded`."""
    if len(text) > 2 * LONGEST_REMARK or len(folded(text)) > LONGEST_REMARK:
        return f"it has {len(text)} characters: give {LONGEST_REMARK} at most"
    kept = folded(text)
    if not kept:
        return "it is empty"
    return None if (place := first_hidden(kept)) is None else hidden_fault(kept, place)


def first_hidden(text: str) -> int | None:
    """Return the place, from 0, of the first character that would hide; None: there is none."""
    if text.isprintable():
        return None
    return next((at for at in range(len(text)) if _hides(text, at)), None)


def hidden_fault(text: str, place: int) -> str:
    """Say which character of a text hides."""
    character = text[place]
    control = unicodedata.category(character) == "Cc"
    nameless = "a control character" if control else "a character without a name"
    what = unicodedata.name(character, nameless).lower()
    return (
        f"it has a character that nobody sees, U+{ord(character):04X} ({what}), at place "
        f"{place + 1}: leave it out"
    )


def visible(text: str) -> str:
    """Return a line with each character that would hide written as its code, as JSON has it."""
    if text.isprintable():
        return text
    return "".join(
        _code(character) if _hides(text, at) else character for at, character in enumerate(text)
    )


def visible_lines(text: str) -> str:
    """Return lines with what would hide written as its code; lines stay lines."""
    return "\n".join(map(visible, text.split("\n")))


def _hides(text: str, at: int) -> bool:
    character = text[at]
    if character.isprintable():
        return False
    return not (character in _JOINERS and _is_joined(text, at))


def _is_joined(text: str, at: int) -> bool:
    """Say whether a joiner stands where it changes what is seen."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    if not _is_of_joined_script(before):
        return False
    return unicodedata.combining(before) == _VIRAMA or _is_of_joined_script(after)


def _is_of_joined_script(character: str) -> bool:
    return (
        bool(character)
        and any(first <= ord(character) <= last for first, last in _JOINED_SCRIPTS)
        and unicodedata.category(character)[0] in "LM"
    )


def _code(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
