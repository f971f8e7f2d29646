# SPDX-License-Identifier: MIT
"""A closed month as CSV, for a program that reads it: RFC 4180, UTF-8, a row a unit and meter.

Every text stands in quotes, so that no separator of another country cuts it, and is guarded
(`exports.cells`); a number has no quotes, a point, and all its digits. A byte order mark is written
only on request: Excel needs one to see UTF-8, and most programs take it for a part of the first
title. For Excel there is XLSX, which keeps `1-2` and `0012` as the texts that they are.

In: a month. Out: bytes, piece by piece. Pure.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from cloud_ingest.exports.cells import Cell, guarded
from cloud_ingest.exports.rows import TITLES, number_rows
from shared_schema.export import MonthExport

BOM: Final = "\ufeff"


def month_csv(found: MonthExport, *, bom: bool = False) -> Iterator[bytes]:
    """Write a month as CSV, a line at a time.

    Args:
        found: The month.
        bom: Begin with a byte order mark, for Excel.
    """
    yield (BOM * bom + csv_line(TITLES)).encode()
    for row in number_rows(found):
        yield csv_line(row).encode()


def csv_line(cells: Iterable[Cell]) -> str:
    """Write one row."""
    return ",".join(map(_cell, cells)) + "\r\n"


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            text = guarded(cell).replace('"', '""')
            return f'"{text}"'
        case datetime():
            return f'"{cell.isoformat()}"'
        case number:
            return f"{number:f}" if not isinstance(number, int) else str(number)
