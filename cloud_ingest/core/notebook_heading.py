# SPDX-License-Identifier: MIT
"""Which column of a notebook holds what: by its heading, or by what a person says.

A heading may take two lines, of which the upper one is merged over several columns. It names the
flat and at least one day, month or reading; the sheet's own name may give the month.

In: the cells of a sheet. Out: its columns, and where its rows begin. Never: a look at a number.
Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, NamedTuple, cast

from cloud_ingest.core.notebook_cells import Cell, When, is_nothing, when_of, when_within, words_of
from shared_schema.catalogue import Service

MOST_HEADING_ROWS = 40
"""A heading that stands lower is named with ``--columns``."""
Holds = Literal["flat", "tower", "meter", "day", "reading", "opening", "used"]

ABOUT: Final[Mapping[Holds, re.Pattern[str]]] = {
    "flat": re.compile(
        r"(flat|unit|house|door|apartment|apt|villa|shop|member)"
        r"( ?/ ?(flat|unit|house|shop))?( (no|number|name|id|label))?|फ्लैट( नं| नंबर)?|सदनिका"
    ),
    "tower": re.compile(r"(tower|wing|block|bldg|building)( (no|name))?|विंग|टॉवर"),
    "meter": re.compile(r"meter( (serial|sr|sl))?( (no|number))?|मीटर( नं)?"),
    "day": re.compile(r"(reading )?(date|day)( of reading| read)?|read on|तारीख|दिनांक"),
}
_OPENING = re.compile(r"\b(prev|previous|opening|old|last|initial|start)\b|पिछल")
_READING = re.compile(
    r"\b(reading|readings|present|current|closing|new|final|register)\b|रीडिंग|वाचन"
)
_USED = re.compile(
    r"\b(units|used|use|usage|consumption|consumed|cons|diff|difference|kwh|kl)\b|खपत|वापर|यूनिट"
)
_OTHER = re.compile(r"\b(rs|inr|rate|amount|amt|bill|charge|charges|cost|due|paid|tariff)\b|₹|रक्कम")

_OTHER_UNIT = re.compile(r"\b(mwh|wh|litres?|liters?|ltrs?|gallons?)\b|\(l\)|लीटर|लिटर")
_OF_SERVICE: Final[Mapping[Service, re.Pattern[str]]] = {
    Service.ELECTRICITY: re.compile(r"\b(electric|electricity|power|light|kwh)\b|बिजली|विद्युत|वीज"),
    Service.WATER: re.compile(r"\b(water|kl|m3)\b|पानी|पाणी|जल"),
}


class Sheet(NamedTuple):
    """A sheet's name and its cells, row by row."""

    name: str
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, as it was understood."""

    sheet: str
    at: int
    heading: str
    holds: Holds
    when: When | None = None


def other_unit(cell: Cell) -> str | None:
    """Return the unit that a text names, if it is neither kWh nor kL."""
    found = _OTHER_UNIT.search(words_of(cell).casefold()) if isinstance(cell, str) else None
    return None if found is None else found[0].strip("()")


def other_service(heading: str, service: Service) -> Service | None:
    """Return the service that a heading names, if it does not name its own."""
    folded = heading.casefold()
    named = [each for each, words in _OF_SERVICE.items() if words.search(folded)]
    return named[0] if named and service not in named else None


def letters(column: int) -> str:
    """Return how a spreadsheet calls a column that is counted from 0."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def column_name(sheet: str, column: int) -> str:
    """Return how a person finds a column."""
    return f"{sheet}!{letters(column)}".removeprefix("!")


def told_columns(text: str) -> list[Column]:
    """Return what a person says that columns hold: ``flat=A,2026-09-01=C,2026-10-01=D``.

    Raises:
        ValueError: it cannot be understood; the text says why.
    """
    found: list[Column] = []
    for part in text.split(","):
        name, _, letter = (word.strip() for word in part.partition("="))
        at = column_of(letter)
        if name in ABOUT or name == "reading":
            found.append(Column("", at, "", cast("Holds", name)))
        elif (when := when_of(name)) is not None:
            found.append(Column("", at, "", "used" if when.is_month else "reading", when))
        else:
            raise ValueError(
                f"{part.strip()[:40]!r}: name flat, tower, meter, day, reading, the day of a "
                "reading (2026-10-01) or the month of a use (2026-10), then = and a column's letter"
            )
    holds = [each.holds for each in found]
    values = [each for each in found if each.holds in {"reading", "used"}]
    if holds.count("flat") != 1 or not values:
        raise ValueError("name the column of the flats and at least one of readings")
    if any(each.when is None for each in values) and "day" not in holds:
        raise ValueError("reading=… needs day=…: name the column that holds its day")
    return found


def column_of(letters: str) -> int:
    """Return a column, counted from 0, by how a spreadsheet calls it.

    Raises:
        ValueError: it is none.
    """
    if re.fullmatch("[A-Za-z]{1,3}", letters) is None:
        raise ValueError(f"{letters[:20]!r} is no column: give its letter, such as C")
    at = 0
    for letter in letters.upper():
        at = at * 26 + ord(letter) - ord("A") + 1
    return at - 1


def heading_of(sheet: Sheet) -> tuple[int, list[Column]]:
    """Return the row below the heading and its columns; no columns where there is none."""
    best: tuple[int, list[Column]] = (0, [])
    rows = sheet.rows[:MOST_HEADING_ROWS]
    for at, row in enumerate(rows):
        ways = [(at + 1, _columns([list(row)], sheet.name))]
        if at + 1 < len(rows) and not any(isinstance(cell, Decimal) for cell in rows[at + 1]):
            both = [list(row), list(rows[at + 1])]
            ways.append((at + 2, _columns(both, sheet.name)))
        for way in ways:
            if len(way[1]) > len(best[1]):
                best = way
    return best


def _columns(heading: Sequence[Sequence[Cell]], sheet: str) -> list[Column]:
    """Return what one or two lines of headings say; nothing unless they make a table."""
    width = max(map(len, heading))
    above: Cell = None
    found: list[Column] = []
    for at in range(width):
        cells = [row[at] if at < len(row) else None for row in heading]
        if len(cells) == 2:
            if not is_nothing(cells[0]):
                above = cells[0]
            elif not is_nothing(cells[1]):
                cells[0] = above if when_within(above) else None
        column = _column(at, [cell for cell in cells if not is_nothing(cell)])
        if column is not None and column.holds not in {
            each.holds for each in found if each.holds in ABOUT
        }:
            found.append(column)
    holds = {column.holds for column in found}
    is_dated = "day" in holds or when_within(sheet) is not None
    told = [each for each in found if each.holds in ABOUT or each.when or is_dated]
    return told if "flat" in holds and holds & {"reading", "used"} and len(told) > 1 else []


def _column(at: int, cells: Sequence[Cell]) -> Column | None:
    """Return what a column holds by the cells above it."""
    heading = " ".join(words_of(cell) for cell in cells)
    folded = " ".join(re.sub(r"[.:#*()]", " ", heading.casefold()).split())
    for holds, form in ABOUT.items():
        if form.fullmatch(folded):
            return Column("", at, heading, holds)
    when = next((when for cell in cells if (when := when_within(cell)) is not None), None)
    if _OTHER.search(folded):
        return None
    if _OPENING.search(folded):
        return Column("", at, heading, "opening", when)
    if _READING.search(folded):
        return Column("", at, heading, "reading", when)
    if _USED.search(folded):
        return Column("", at, heading, "used", when)
    is_bare = when is not None and any(when_of(cell) is not None for cell in cells)
    return Column("", at, heading, "reading", when) if is_bare else None


def dated(columns: Sequence[Column], sheet: str) -> list[Column]:
    """Give the day or month of the sheet to the columns that name none.

    What was read before is of a day that nobody wrote, unless the month of the sheet tells it.
    """
    own = when_within(sheet)
    has_day = any(column.holds == "day" for column in columns)
    found = []
    for column in columns:
        if column.when is not None or column.holds in ABOUT:
            found.append(column)
        elif column.holds == "opening" and (has_day or own is None or not own.is_month):
            continue
        else:
            when = None if has_day else own
            found.append(Column(sheet, column.at, column.heading, column.holds, when))
    return found
