# SPDX-License-Identifier: MIT
"""Texts that a person types: what is kept of a remark, what may be a label, what is a time.

`shared_schema.text` has the rules of labels and remarks. A week of ISO 8601, such as 2026-W05, is
no time: nobody says "a week" and means its Monday.

In: a text, and what it is called. Out: the text as it is kept. Never: a text that was stored
before; it stays as it is. Pure.

Raises: TextRefused.
"""

from datetime import date, datetime
from typing import Final

from cloud_ingest.errors import TextRefused
from shared_schema.text import (
    LONGEST_LABEL,
    LONGEST_REMARK,
    composed,
    folded,
    label_fault,
    remark_fault,
)

_ADVICE: Final = {
    "it is empty": "it is empty: it is kept for ever, so that others can ask",
}


def remark(text: str, name: str) -> str:
    """Return who or why as it is kept.

    Args:
        text: As it was typed.
        name: Its option, such as ``--reason``.
    """
    if fault := remark_fault(text):
        long = ", and where the rest is" if f"give {LONGEST_REMARK}" in fault else ""
        raise _refused(name, _ADVICE.get(fault, fault) + long)
    return folded(text)


def label(text: str, name: str) -> str:
    """Return a label as it is kept.

    Args:
        text: As it was typed.
        name: What it is of, such as ``subject``.
    """
    if fault := label_fault(text):
        raise _refused(name, fault)
    return composed(text)


def _refused(name: str, fault: str) -> TextRefused:
    return TextRefused(f"{name} {fault.removeprefix('it ')}")


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
    return composed(text[: 4 * LONGEST_LABEL])
