# SPDX-License-Identifier: MIT
"""One cell of a treasurer's notebook: a number, a day, a month, the label of a flat.

People write 1,23,456.5 and १२३, "1/10/26" for 1 October (the day stands first), "Oct-26" for a
month, and a dash where nobody read. What can be two things is neither: "10/13/26" is no day.

In: a cell as its file holds it. Out: a value, or None. Never: a guess. Pure.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from cloud_ingest.core.month_name import MONTHS

Cell = str | Decimal | date | None

FIRST_YEAR, LAST_YEAR = 2000, 2099
LONGEST = 200
"""Characters of a cell that are looked at; no label, number or heading has more."""
ENGLISH: Final = tuple(map(str.casefold, MONTHS))
HINDI: Final = (
    *("जनवरी", "फरवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई"),
    *("अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर"),
)
NOTHING: Final = frozenset({"", "-", "--", "—", "–", "na", "n/a", "n.a.", "nil", "x", "?"})  # noqa: RUF001
"""What people write where nobody read."""

_NAME = "|".join([r"[A-Za-z]{3,9}", *HINDI])
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]+)?|[0-9]+(\.[0-9]+)?|\.[0-9]+")
_UNIT = re.compile(r"\s*(kwh|kl|units?)\.?$", re.IGNORECASE)
_ISO = re.compile(r"(?P<y>[0-9]{4})-(?P<m>[0-9]{1,2})(-(?P<d>[0-9]{1,2}))?")
_DAY_FIRST = re.compile(
    r"(?P<d>[0-9]{1,2})(?P<by>[/.\-])(?P<m>[0-9]{1,2})(?P=by)(?P<y>[0-9]{4}|[0-9]{2})"
)
_MONTH_YEAR = re.compile(r"(?P<m>[0-9]{1,2})[/.\-](?P<y>[0-9]{4})")
_NAMED_DAY = re.compile(
    rf"(?P<d>[0-9]{{1,2}})(st|nd|rd|th)?[\s\-/.,]*(?P<n>{_NAME})[\s\-/.,']*(?P<y>[0-9]{{4}}|[0-9]{{2}})"
)
_NAMED_FIRST = re.compile(
    rf"(?P<n>{_NAME})[\s\-/.]+(?P<d>[0-9]{{1,2}})(st|nd|rd|th)?[\s]*,[\s]*(?P<y>[0-9]{{4}})"
)
_NAMED_MONTH = re.compile(rf"(?P<n>{_NAME})[\s\-/.,']*(?P<y>[0-9]{{4}}|[0-9]{{2}})")
_FORMS = (_ISO, _DAY_FIRST, _NAMED_DAY, _NAMED_FIRST, _MONTH_YEAR, _NAMED_MONTH)
_OUTSIDE = r"(?<![0-9A-Za-z/.\-])(?:{})(?![0-9A-Za-z/\-]|\.[0-9])"
_WITHIN = tuple(re.compile(_OUTSIDE.format(form.pattern)) for form in _FORMS)
_SOFT: Final = {0x00A0: " ", 0x2007: " ", 0x202F: " ", 0x2011: "-", 0x2013: "-", 0x2212: "-"}


@dataclass(frozen=True, slots=True)
class When:
    """A day, or a month of which no day is named."""

    first: date
    """The day, or the first of the month."""
    is_month: bool = False


def words_of(cell: Cell) -> str:
    """Return the text of a cell with plain digits, spaces and dashes."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return f"{cell.normalize():f}" if cell.is_finite() else str(cell)
    if isinstance(cell, date):
        return f"{cell:%Y-%m-%d}"
    text = unicodedata.normalize("NFC", cell[:LONGEST]).translate(_SOFT)
    plain = "".join(_digit(each) for each in text)
    return " ".join(plain.split())


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def is_nothing(cell: Cell) -> bool:
    """Say whether a cell says that nobody read."""
    return words_of(cell).casefold() in NOTHING


def number_of(cell: Cell) -> Decimal | None:
    """Return the number in a cell; None: it holds none, or a negative one."""
    if isinstance(cell, Decimal):
        return cell if cell.is_finite() and cell >= 0 else None
    if cell is None or isinstance(cell, date):
        return None
    text = _UNIT.sub("", words_of(cell).lstrip("'")).replace(" ", "")
    if _GROUPED.fullmatch(text) is None:
        return None
    return Decimal(text.replace(",", ""))


def when_of(cell: Cell) -> When | None:
    """Return the day or the month that a cell names alone."""
    if isinstance(cell, date):
        return When(cell) if FIRST_YEAR <= cell.year <= LAST_YEAR else None
    return None if cell is None else _matched(_FORMS, words_of(cell), whole=True)


def when_within(cell: Cell) -> When | None:
    """Return the day or the month that a heading names among other words."""
    if not isinstance(cell, str):
        return when_of(cell)
    return when_of(cell) or _matched(_WITHIN, words_of(cell), whole=False)


def _matched(forms: Sequence[re.Pattern[str]], text: str, *, whole: bool) -> When | None:
    for form in forms:
        found = form.fullmatch(text) if whole else form.search(text)
        if found is not None and (when := _when(found.groupdict())) is not None:
            return when
    return None


def _when(parts: dict[str, str | None]) -> When | None:
    name, year, day = parts.get("n"), int(parts["y"] or 0), parts.get("d")
    month = int(parts.get("m") or 0) if name is None else _month_of(name)
    try:
        first = date(year + 2000 if year < 100 else year, month, int(day or 1))
    except ValueError:
        return None
    return When(first, day is None) if FIRST_YEAR <= first.year <= LAST_YEAR else None


def _month_of(name: str) -> int:
    """Return the number of a month by its name, of which English needs three letters; 0: none."""
    if name in HINDI:
        return HINDI.index(name) + 1
    start = name.casefold().removesuffix("t")
    return next((at for at, month in enumerate(ENGLISH, 1) if month.startswith(start)), 0)
