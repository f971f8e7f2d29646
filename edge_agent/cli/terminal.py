# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees: tables and lists on stdout, progress and questions on stderr.

Rich lays them out and counts the cells of the terminal: a Devanagari label has more characters
than cells. A table folds its cells to the width of the terminal, to 80 columns where there is
none; where a column is too narrow for a word, each row becomes a paragraph. A listing folds its
texts at a terminal alone: in a file or a pipe each stays on one line, for grep. Rich writes into a
text here, so no colour and no escape sequence comes out. What a text hides is written as its code
(`shared_schema.text`): a label, or what a meter or a broker said, steers no terminal.

In: texts. Out: lines.
Never: progress on stdout; a text taken for markup; a cell that is cut off.
"""

import io
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TextIO

from shared_schema.text import visible, visible_lines

if TYPE_CHECKING:
    from rich.console import JustifyMethod, RenderableType

    from edge_agent.install.scan_result import Progress

_ENDLESS: Final = 100_000
"""Columns where nothing folds."""
_GAP: Final = 2
"""Blanks between two columns."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = -1) -> str:
    """Lay out rows in columns as wide as their content; where words would break, in paragraphs.

    Args:
        header: names of the columns.
        rows: texts.
        right: the column that is set to the right: numbers.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    width, kept = shutil.get_terminal_size().columns, [tuple(map(visible, row)) for row in rows]
    columns = list(zip(header, *kept, strict=True))
    least = [max(map(cell_len, " ".join(column).split()), default=0) for column in columns]
    widest = [max(map(cell_len, column)) for column in columns]
    room = width - _GAP * len(columns)
    if sum(least) > room:
        return "\n\n".join(_paragraph(header, row, width) for row in kept)
    laid = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for place, (name, cells) in enumerate(zip(header, _widths(least, widest, room), strict=True)):
        justify: JustifyMethod = "right" if place == right else "left"
        laid.add_column(Text(name), justify=justify, overflow="fold", width=cells)
    for row in kept:
        laid.add_row(*map(Text, row))
    return _rendered(laid, width)


def _widths(least: Sequence[int], widest: Sequence[int], room: int) -> list[int]:
    """Return how wide each column is: as its content, or the widest ones less, by whole words."""
    widths = [min(each, room) for each in widest]
    while sum(widths) > room:
        spare = [place for place, each in enumerate(widths) if each > least[place]]
        widths[max(spare, key=lambda place: widths[place])] -= 1
    return widths


def _paragraph(header: Sequence[str], row: Sequence[str], width: int) -> str:
    return _listed([(name, cell) for name, cell in zip(header, row, strict=True) if cell], width)


def listing(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay out names and what belongs to them; at a terminal a long text folds beside its name.

    Args:
        pairs: names and texts.
    """
    return _listed(pairs, shutil.get_terminal_size().columns if sys.stdout.isatty() else _ENDLESS)


def _listed(pairs: Iterable[tuple[str, str]], width: int) -> str:
    from rich.cells import cell_len  # noqa: PLC0415 - heavy
    from rich.table import Table  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    kept = [(visible(name), visible(text)) for name, text in pairs]
    beside = width - max((cell_len(name) for name, _ in kept), default=0) - _GAP
    if any(cell_len(word) > beside for _, text in kept for word in text.split()):
        lines = (f"{name}{' ' * _GAP}{text}" for name, text in kept)
        hung = textwrap.TextWrapper(width, subsequent_indent="  ", break_on_hyphens=False)
        return "\n".join(map(hung.fill, lines))
    laid = Table.grid(padding=(0, _GAP, 0, 0))
    laid.add_column(overflow="fold")
    laid.add_column(overflow="fold")
    for name, text in kept:
        laid.add_row(Text(name), Text(text))
    return _rendered(laid, width)


def _rendered(what: "RenderableType", width: int) -> str:
    from rich.console import Console  # noqa: PLC0415 - heavy

    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=None,
        force_terminal=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(what)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def show_json(document: Mapping[str, object] | Sequence[object]) -> None:
    """Print a document as one line of JSON."""
    print(visible(json.dumps(document, ensure_ascii=False)), flush=True)


def say(text: str) -> None:
    """Tell a person at the terminal what is being done, or what is wrong, on stderr."""
    print(folded(visible_lines(text), sys.stderr), file=sys.stderr, flush=True)


def say_lines(text: str) -> None:
    """Tell a person lines that stand as they are, such as commands to type, on stderr."""
    print(visible_lines(text), file=sys.stderr, flush=True)


def folded(text: str, stream: TextIO) -> str:
    """Fold a long line between words, for a terminal; in a file or a pipe it stays one line."""
    if not stream.isatty():
        return text
    return textwrap.fill(
        text,
        shutil.get_terminal_size().columns,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


class ScanProgress:
    """Progress of a scan on stderr: one line that changes, or one for each speed."""

    def __init__(self) -> None:
        self._alive = sys.stderr.isatty()
        self._speed = 0
        self._shown = 0

    def __call__(self, step: "Progress") -> None:
        """Take the next step."""
        text = (
            f"{step.baudrate} baud: {step.done} of {step.total} "
            f"{'silent addresses again' if step.again else 'addresses'}, "
            f"{step.found} meter{'' if step.found == 1 else 's'} found"
        )
        if self._alive:
            end = "\n" if step.done == step.total else ""
            if len(text) >= shutil.get_terminal_size().columns:
                text = f"{step.baudrate} baud: {step.done} of {step.total}, {step.found} found"
            print(f"\r{text:<{self._shown}}", end=end, file=sys.stderr, flush=True)
            self._shown = 0 if end else len(text)
        elif step.baudrate != self._speed or step.done == step.total:
            say(text)
        self._speed = step.baudrate
