# SPDX-License-Identifier: MIT
"""A closed month as a workbook: units, common areas, towers, what is missing, and about it.

This is the only module that knows XlsxWriter. A number is a number, with as many places as it was
read with; of more than 15 digits a spreadsheet would lose some, so that it stands as text. No text
is ever a formula or a link. The rows of one sheet at a time are in memory.

In: a month. Out: the bytes of the file. Pure, but for a folder of XlsxWriter that it deletes.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from cloud_ingest.exports.cells import Cell, is_exact
from cloud_ingest.exports.rows import TITLES, commons, number_rows, units
from cloud_ingest.exports.sheets import about_rows, missing_rows, tower_rows, unassigned_rows
from shared_schema.export import MonthExport

LONGEST: Final = 32_767
"""Characters that a cell can hold."""
WIDEST: Final = 48
_OPTIONS: Final = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


def month_xlsx(found: MonthExport) -> bytes:
    """Write a month as a workbook."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        book.set_properties(
            {
                "title": f"{found.society}, {found.month}",
                "created": found.closed_at.replace(tzinfo=None),
            }
        )
        writer = _Writer(book)
        writer.sheet("Units", TITLES, number_rows(units(found)), frozen=5)
        writer.sheet("Common areas", TITLES, number_rows(commons(found)), frozen=5)
        writer.sheet("Towers", *tower_rows(found), frozen=2)
        writer.sheet("Missing", *missing_rows(found), frozen=2)
        writer.sheet("Unassigned", *unassigned_rows(found), frozen=2)
        writer.sheet("About", *about_rows(found), frozen=1)
    return file.getvalue()


class _Writer:
    """Writes the sheets of one workbook."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._heading = book.add_format({"bold": True, "bottom": 1, "text_wrap": False})
        self._time = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._numbers: dict[int, Any] = {}

    def sheet(
        self, name: str, titles: Sequence[str], rows: Iterable[Sequence[Cell]], *, frozen: int
    ) -> None:
        """Write one sheet; its first row, and so many columns, stay in sight."""
        sheet = self._book.add_worksheet(name)
        kept = list(rows)
        for column, width in enumerate(_widths(titles, kept)):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, frozen)
        sheet.autofilter(0, 0, len(kept), len(titles) - 1)
        for column, title in enumerate(titles):
            sheet.write_string(0, column, title.replace("_", " "), self._heading)
        for row, cells in enumerate(kept, 1):
            for column, cell in enumerate(cells):
                self._cell(sheet, row, column, cell)

    def _cell(self, sheet: Any, row: int, column: int, cell: Cell) -> None:
        match cell:
            case None:
                return
            case str():
                sheet.write_string(row, column, _fitting(cell))
            case datetime():
                sheet.write_datetime(row, column, cell.replace(tzinfo=None), self._time)
            case int():
                sheet.write_number(row, column, cell)
            case Decimal() if is_exact(cell):
                sheet.write_number(row, column, cell, self._places(cell))
            case Decimal():
                sheet.write_string(row, column, f"{cell:f}")

    def _places(self, number: Decimal) -> Any:
        """Return the format that shows as many places as a number has."""
        exponent = number.as_tuple().exponent
        places = max(0, -exponent) if isinstance(exponent, int) else 0
        if places not in self._numbers:
            form = "0" + ("." + "0" * places if places else "")
            self._numbers[places] = self._book.add_format({"num_format": form})
        return self._numbers[places]


def _fitting(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _widths(titles: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[int]:
    """Say how wide each column is, by its title and its longest cell."""
    widths = [len(title) + 2 for title in titles]
    for cells in rows:
        for column, cell in enumerate(cells):
            if cell is not None:
                length = 19 if isinstance(cell, datetime) else len(str(cell))
                widths[column] = max(widths[column], length + 1)
    return [min(WIDEST, width) for width in widths]
