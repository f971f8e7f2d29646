# SPDX-License-Identifier: MIT
"""A table for a terminal, laid out by rich.

rich counts cells, which characters are not: a vowel sign of Devanagari stands in the cell of its
consonant, a Chinese character takes two. A table that is wider than the terminal folds its texts
between words, the longest first; a figure or a name that someone copies stays whole. rich would
fold those, too, so that the widths are counted here. Where words would break, each row becomes a
paragraph. Without a terminal a table has 80 columns, or as many as ``COLUMNS`` says.

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

from cloud_ingest.cli.say import cut
from cloud_ingest.core.local_time import zone_name
from shared_schema.text import visible_lines

GAP = 2
LONGEST_WORD = 24
"""Cells of a word of a text that stays whole; a longer one may break."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its title, and what stands in it."""

    title: str
    holds: Literal["text", "figure", "name"] = "text"
    """A text may fold; a name stays whole; a figure stays whole at the right."""


def with_figures(first: str, *figures: str) -> list[Column]:
    """Return a column of texts, and columns of figures behind it, by their titles."""
    return [Column(first), *(Column(title, "figure") for title in figures)]


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], *, width: int | None = None
) -> str:
    """Lay out a table.

    Args:
        columns: What stands where.
        rows: The text of each cell.
        width: Cells of a line; None takes the terminal's.
    """
    lines = [[visible_lines(cut(text)) for text in row] for row in rows]
    width = shutil.get_terminal_size().columns if width is None else width
    room = width - GAP * (len(columns) - 1)
    least = _least(columns, lines)
    if lines and sum(least) > room:
        return "\n\n".join(_paragraph(columns, line, width) for line in lines)
    widths = _widths(columns, lines, least, room)
    layout = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for column, cells in zip(columns, widths, strict=True):
        right: Literal["left", "right"] = "right" if column.holds == "figure" else "left"
        layout.add_column(column.title, justify=right, width=cells, overflow="fold")
    for line in lines:
        layout.add_row(*line)
    return _rendered(layout, sum(widths) + GAP * len(columns))


def _paragraph(columns: Sequence[Column], line: Sequence[str], width: int) -> str:
    """Write a row as titles and texts below each other; a cell without a title joins the last."""
    pairs: list[tuple[str, str]] = []
    for column, text in zip(columns, line, strict=True):
        if column.title or not pairs:
            pairs.append((column.title, text))
        else:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {text}".rstrip())
    titles = max(cell_len(title) for title, _ in pairs)
    longest = max(cell_len(word) for _, text in pairs for word in ["1", *text.split()])
    beside = max(width - titles - GAP, longest)
    layout = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    layout.add_column(width=titles, no_wrap=True)
    layout.add_column(width=beside, overflow="fold")
    for pair in pairs:
        layout.add_row(*pair)
    return _rendered(layout, titles + beside + GAP * 2)


def _rendered(layout: Table, width: int) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )
    with console.capture() as written:
        console.print(layout)
    return "\n".join(line.rstrip() for line in written.get().splitlines())


def _least(columns: Sequence[Column], lines: Sequence[Sequence[str]]) -> list[int]:
    """Say how many cells each column has at least: its longest word, or all of a figure or name."""
    least = []
    for number, column in enumerate(columns):
        texts = [line[number] for line in lines]
        words = [cell_len(word) for text in [column.title, *texts] for word in text.split()]
        if column.holds == "text":
            least.append(min(LONGEST_WORD, max([1, *words])))
        else:
            least.append(max([1, *words, *map(cell_len, texts)]))
    return least


def _widths(
    columns: Sequence[Column], lines: Sequence[Sequence[str]], least: Sequence[int], room: int
) -> list[int]:
    """Say how many cells each column has, so that most rows are one line high."""
    cells = [[cell_len(line[number]) for line in lines] for number, _ in enumerate(columns)]
    folds = [number for number, column in enumerate(columns) if column.holds == "text"]
    widths = list(least)
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


def zoned(at: datetime, zone: ZoneInfo) -> str:
    """Write a time that people from elsewhere may read: in the society's zone, which it names."""
    return f"{local(at, zone)} {zone_name(at.astimezone(zone))}"
