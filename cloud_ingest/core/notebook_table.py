# SPDX-License-Identifier: MIT
"""A treasurer's notebook as a table: who stands in which row, what stands in which column.

Three forms are known: a row a flat with a column for each day or month; a sheet a month; a row a
reading with its day. A heading may take two lines, of which the upper one is merged over several
columns. Titles and blank lines before it, headings that are repeated, and totals are left out.
What is understood is said column by column, so that a person can say it otherwise.

In: the cells of sheets. Out: readings and uses with the cell that they stand in, and every cell
that is neither. Never: a flat that is looked up, a day that nobody wrote. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from cloud_ingest.core.month import next_month
from cloud_ingest.core.notebook_cells import (
    Cell,
    When,
    is_nothing,
    number_of,
    when_of,
    words_of,
)
from cloud_ingest.core.notebook_heading import (
    ABOUT,
    Column,
    Sheet,
    column_name,
    dated,
    heading_of,
    letters,
    other_unit,
)

Months = Literal["start", "end"]
"""Where in its month a reading was taken whose heading names no day."""
_TOTAL = re.compile(r"(grand |sub ?)?(total|sum|average|avg)\b.*|कुल.*|एकूण.*")


class Where(NamedTuple):
    """A cell; row and column count from 0."""

    sheet: str
    row: int
    column: int

    def __str__(self) -> str:
        place = f"{letters(self.column)}{self.row + 1}"
        return f"{self.sheet}!{place}" if self.sheet else place


class Who(NamedTuple):
    """What a row says of whose it is, as it was written."""

    flat: str
    tower: str = ""
    meter: str = ""


class Reading(NamedTuple):
    """A dial of a day."""

    where: Where
    who: Who
    day: date
    value: Decimal


class Use(NamedTuple):
    """What somebody is said to have used in a month, or since the reading before a day."""

    where: Where
    who: Who
    when: When
    value: Decimal


@dataclass(frozen=True, slots=True)
class Notebook:
    """All that was understood of a file."""

    columns: tuple[Column, ...] = ()
    readings: tuple[Reading, ...] = ()
    uses: tuple[Use, ...] = ()
    faults: tuple[str, ...] = ()
    """Each begins with its cell or sheet."""
    left_out: tuple[str, ...] = ()


def understand(
    sheets: Sequence[Sheet], told: Sequence[Column] | None = None, months: Months | None = None
) -> Notebook:
    """Read what the sheets of a file hold.

    Args:
        sheets: The sheets; those that hold no table are left out.
        told: What a person says that the columns hold; None: their headings say it.
        months: Where in its month a reading was taken whose heading names no day.
    """
    found = _Found(months)
    for sheet in sheets:
        start, columns = (0, list(told)) if told is not None else heading_of(sheet)
        if columns:
            columns = dated(columns, sheet.name)
            found.columns += [_named(column, sheet.name) for column in columns]
            found.faults += _other_units(sheet, start)
            _Table(sheet, columns, found, is_told=told is not None).take(start)
        elif any(not is_nothing(cell) for row in sheet.rows for cell in row):
            found.left_out.append(f"{sheet.name or 'the file'}: no heading names a flat and a day")
    return found.notebook()


def _other_units(sheet: Sheet, start: int) -> Iterator[str]:
    """Yield where a title or a heading names a unit in which no number is taken."""
    for row, cells in enumerate(sheet.rows[:start]):
        for column, cell in enumerate(cells):
            unit = other_unit(cell)
            if unit is not None:
                where = Where(sheet.name, row, column)
                yield f"{where}: {words_of(cell)[:40]!r} counts {unit}: give numbers of kWh or kL"


def _named(column: Column, sheet: str) -> Column:
    return Column(sheet, column.at, column.heading, column.holds, column.when)


@dataclass
class _Found:
    """What is gathered of all sheets."""

    months: Months | None
    columns: list[Column] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def notebook(self) -> Notebook:
        return Notebook(
            tuple(self.columns),
            tuple(self.readings),
            tuple(self.uses),
            tuple(self.faults),
            tuple(self.left_out),
        )


class _Table:
    """One sheet below its heading."""

    def __init__(
        self, sheet: Sheet, columns: Sequence[Column], found: _Found, *, is_told: bool
    ) -> None:
        self._sheet = sheet
        self._found = found
        self._is_told = is_told
        self._at = {column.holds: column.at for column in columns if column.holds in ABOUT}
        self._heading = {column.at: column.heading.casefold() for column in columns}
        self._values = [column for column in columns if column.holds not in ABOUT]
        self._paired = any(column.holds == "opening" for column in self._values) and any(
            column.holds == "reading" for column in self._values
        )
        self._rows_of: dict[Who, int] = {}
        self._asked: set[int] = set()
        self._width: int | None = None
        """Of a CSV file's heading: a comma within a number makes its row longer."""

    def take(self, start: int) -> None:
        is_csv = not self._sheet.name and not self._is_told
        self._width = max(map(len, self._sheet.rows[:start])) if is_csv else None
        for row in range(start, len(self._sheet.rows)):
            self._take(row)

    def _cell(self, row: int, column: int | None) -> Cell:
        cells = self._sheet.rows[row]
        return None if column is None or column >= len(cells) else cells[column]

    def _where(self, row: int, column: int) -> Where:
        return Where(self._sheet.name, row, column)

    def _take(self, row: int) -> None:
        flat_at = self._at["flat"]
        flat = self._cell(row, flat_at)
        held = [c for c in self._values if not is_nothing(self._cell(row, c.at))]
        if not held or words_of(flat).casefold() == self._heading.get(flat_at):
            return
        where = self._where(row, flat_at)
        first = next((c for c in self._sheet.rows[row] if not is_nothing(c)), None)
        if _TOTAL.fullmatch(words_of(first).casefold()):
            self._found.left_out.append(f"{where}: {words_of(first)}")
            return
        if self._is_told and all(number_of(self._cell(row, c.at)) is None for c in held):
            return
        if is_nothing(flat):
            if row == len(self._sheet.rows) - 1:
                self._found.left_out.append(f"{where}: a total without a name")
            else:
                self._found.faults.append(f"{where}: numbers stand in the row, but no flat")
            return
        if isinstance(flat, date):
            self._found.faults.append(
                f"{where}: {words_of(flat)} is a day, not a flat: write the flat as text"
            )
            return
        who = Who(
            words_of(flat),
            words_of(self._cell(row, self._at.get("tower"))),
            words_of(self._cell(row, self._at.get("meter"))),
        )
        if self._is_twice(who, row, where) or self._is_torn(row, who, where):
            return
        for column in held:
            self._value(row, column, who)

    def _is_twice(self, who: Who, row: int, where: Where) -> bool:
        if "day" in self._at:
            return False
        before = self._rows_of.setdefault(who, row)
        if before != row:
            self._found.faults.append(f"{where}: {who.flat} stands in row {before + 1} as well")
        return before != row

    def _is_torn(self, row: int, who: Who, where: Where) -> bool:
        beyond = self._sheet.rows[row][self._width :] if self._width else ()
        if all(map(is_nothing, beyond)):
            return False
        self._found.faults.append(
            f"{where}: the row of {who.flat} has more cells than the heading: put a number with "
            "commas in quotes"
        )
        return True

    def _value(self, row: int, column: Column, who: Who) -> None:
        where = self._where(row, column.at)
        cell = self._cell(row, column.at)
        value = number_of(cell)
        if value is None:
            self._found.faults.append(
                f"{where}: {words_of(cell)[:40]!r} is no reading of {who.flat}: give its number, "
                "or leave the cell empty"
            )
            return
        when = column.when or self._day(row, who)
        if when is None:
            return
        if column.holds == "used":
            self._found.uses.append(Use(where, who, when, value))
        elif (day := self._day_of(column, when)) is None:
            self._ask_for_day(column)
        else:
            self._found.readings.append(Reading(where, who, day, value))

    def _day(self, row: int, who: Who) -> When | None:
        at = self._at.get("day")
        cell = self._cell(row, at)
        when = when_of(cell)
        if when is not None and not when.is_month:
            return when
        self._found.faults.append(
            f"{self._where(row, at or 0)}: {words_of(cell)[:40]!r} is no day of a reading of "
            f"{who.flat}: write it as 1/10/2026, the day first"
        )
        return None

    def _ask_for_day(self, column: Column) -> None:
        if column.at in self._asked:
            return
        self._asked.add(column.at)
        place = column_name(self._sheet.name, column.at)
        self._found.faults.append(
            f"column {place}: {column.heading!r} names a month, but no day: say with --months "
            "start or --months end when in it the dials were read"
        )

    def _day_of(self, column: Column, when: When) -> date | None:
        """Return the day of a reading; None: only its month is known."""
        if not when.is_month:
            return when.first
        if self._paired:
            return when.first if column.holds == "opening" else next_month(when.first)
        if self._found.months is None:
            return None
        return when.first if self._found.months == "start" else next_month(when.first)
