# SPDX-License-Identifier: MIT
"""A table for a terminal, laid out by rich.

rich counts cells, which characters are not: a vowel sign of Devanagari stands in the cell of its
consonant, a Chinese character takes two. A table that is wider than the terminal folds its texts,
the longest first; a figure or a name that someone copies stays whole. rich would fold those, too,
so that the widths are counted here. Without a terminal a table has 80 columns, or as many as
``COLUMNS`` says.

In: columns and rows of text. Out: lines of plain text. Never: a control sequence.
"""

import io
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from cloud_ingest.cli.say import cut, visible

GAP = 2
NARROWEST = 8
"""Cells that a long word keeps; a narrower terminal breaks the lines itself."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and what stands in it."""

    title: str
    holds: Literal["text", "figure", "name"] = "text"
    """A text may fold; a name stays whole; a figure stays whole at the right."""


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, width: int | None = None
) -> str:
    """Lay out a table.

    Args:
        columns: What stands where.
        rows: The text of each cell.
        width: Cells of a line; None takes the terminal's.
    """
    lines = [[visible(cut(text)) for text in row] for row in rows]
    room = shutil.get_terminal_size().columns if width is None else width
    widths = _widths(columns, lines, room - GAP * (len(columns) - 1))
    layout = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for column, cells in zip(columns, widths, strict=True):
        right: Literal["left", "right"] = "right" if column.holds == "figure" else "left"
        layout.add_column(column.title, justify=right, width=cells, overflow="fold")
    for line in lines:
        layout.add_row(*line)
    console = Console(
        file=io.StringIO(),
        width=sum(widths) + GAP * len(columns),
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as written:
        console.print(layout)
    return "\n".join(line.rstrip() for line in written.get().splitlines())


def _widths(columns: Sequence[Column], lines: Sequence[Sequence[str]], room: int) -> list[int]:
    """Say how many cells each column has, so that most rows are one line high."""
    cells = [[cell_len(line[number]) for line in lines] for number, _ in enumerate(columns)]
    words = [
        max(cell_len(word) for text in texts for word in ["1", *text.split()])
        for texts in (
            [column.title, *(line[number] for line in lines)]
            for number, column in enumerate(columns)
        )
    ]
    folds = [number for number, column in enumerate(columns) if column.holds == "text"]
    widths = [
        words[number] if number in folds else max([words[number], *cells[number]])
        for number, _ in enumerate(columns)
    ]
    limit = max((widths[number] for number in folds), default=0)
    while sum(widths) > room and limit > NARROWEST:  # then the longest words break, too
        limit -= 1
        widths = [min(width, limit) if n in folds else width for n, width in enumerate(widths)]
    for _ in range(room - sum(widths)):
        too_long = {n: sum(cell > widths[n] for cell in cells[n]) for n in folds}
        most = max(too_long, key=lambda n: (too_long[n], max(cells[n], default=0)), default=None)
        if most is None or not too_long[most]:
            break
        widths[most] += 1
    return widths


def counted(count: int, what: str) -> str:
    """Write how many there are of something: 1 number, 2 numbers."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def figure(value: Decimal | None) -> str:
    """Write a number for a table; a dash where it is not known."""
    return "-" if value is None else f"{value:f}"


def local(at: datetime | None, zone: ZoneInfo) -> str:
    """Write a time for a table, in the society's zone; a dash where it is not known."""
    return "-" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
