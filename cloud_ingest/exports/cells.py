# SPDX-License-Identifier: MIT
"""Cells of a table: a text that no spreadsheet takes for a formula, and a number that stays one.

A spreadsheet that opens CSV runs what begins with =, +, - or @; some look past blanks, quotes and
what is not seen, or fold wide forms to the plain ones. Such a text gets an apostrophe in front, and
so does one that has an apostrophe there already: whoever takes one apostrophe away has the text.

In: a text, a number, a time. Out: a cell. Pure.
"""

import unicodedata
from datetime import datetime
from decimal import Decimal
from typing import Final

Cell = str | Decimal | int | datetime | None
"""A time is aware; None is an empty cell."""
GUARD: Final = "'"
MOST_DIGITS: Final = 15
"""So many significant digits a spreadsheet keeps of a number."""
_RUN: Final = frozenset({"Sm", "Pd"})
"""Signs and dashes of any alphabet: =, +, -, and what looks like them."""
_BEGIN: Final = frozenset("@\t\r\n")
_PASSED_OVER: Final = frozenset({"Pi", "Pf", "Ps", "Pe", "Sk", "Mn", "Me", "Zs", "Zl", "Zp"})
"""Quotes, brackets, marks, blanks; beside them what is not seen."""


def guarded(text: str) -> str:
    """Return a text as a cell that is no formula."""
    return GUARD + text if text.startswith(GUARD) or _is_dangerous(text) else text


def plain(cell: str) -> str:
    """Return the text of a cell that `guarded` made."""
    return cell.removeprefix(GUARD)


def is_exact(number: Decimal) -> bool:
    """Say whether a spreadsheet keeps every digit of a number."""
    return number.is_finite() and len(number.as_tuple().digits) <= MOST_DIGITS


def _is_dangerous(text: str) -> bool:
    """Say whether the first character that counts begins a formula."""
    if text[:1].isalnum():
        return False
    for character in text:
        folded = unicodedata.normalize("NFKC", character).strip(" ")[:1]
        kind = unicodedata.category(folded) if folded else "Zs"
        if kind in _RUN or folded in _BEGIN:
            return True
        if kind not in _PASSED_OVER and kind[0] != "C" and folded not in "\"'":
            return False
    return False
