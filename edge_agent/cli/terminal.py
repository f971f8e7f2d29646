# SPDX-License-Identifier: GPL-2.0-only
"""What a person sees: tables and lists on stdout, progress and questions on stderr.

Rich lays them out and counts the cells of the terminal: a Devanagari label has more characters
than cells. A table folds its cells to the width of the terminal, to 80 columns where there is
none. A listing folds its texts at a terminal alone: in a file or a pipe each stays on one line,
for grep. Rich writes into a text here, so no colour and no escape sequence comes out.

In: texts. Out: lines.
Never: progress on stdout; a text taken for markup; a cell that is cut off.
"""

import io
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import JustifyMethod, RenderableType

    from edge_agent.install.scan_result import Progress

_ENDLESS: Final = 100_000
"""Columns where nothing folds."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: int = -1) -> str:
    """Lay out rows in columns as wide as their content.

    Args:
        header: names of the columns.
        rows: texts.
        right: the column that is set to the right: numbers.
    """
    from rich.table import Table  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    laid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    for place, name in enumerate(header):
        justify: JustifyMethod = "right" if place == right else "left"
        laid.add_column(Text(name), justify=justify, overflow="fold")
    for row in rows:
        laid.add_row(*map(Text, row))
    return _rendered(laid, shutil.get_terminal_size().columns)


def listing(pairs: Iterable[tuple[str, str]]) -> str:
    """Lay out names and what belongs to them; at a terminal a long text folds beside its name.

    Args:
        pairs: names and texts.
    """
    from rich.table import Table  # noqa: PLC0415 - heavy
    from rich.text import Text  # noqa: PLC0415 - heavy

    laid = Table.grid(padding=(0, 2, 0, 0))
    laid.add_column(overflow="fold")
    laid.add_column(overflow="fold")
    for name, text in pairs:
        laid.add_row(Text(name), Text(text))
    return _rendered(laid, shutil.get_terminal_size().columns if sys.stdout.isatty() else _ENDLESS)


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
    print(json.dumps(document, ensure_ascii=False), flush=True)


def say(text: str) -> None:
    """Tell a person at the terminal what is being done, on stderr."""
    print(text, file=sys.stderr, flush=True)


class ScanProgress:
    """Progress of a scan on stderr: one line that changes, or one for each speed."""

    def __init__(self) -> None:
        self._alive = sys.stderr.isatty()
        self._speed = 0

    def __call__(self, step: "Progress") -> None:
        """Take the next step."""
        text = (
            f"{step.baudrate} baud: {step.done} of {step.total} "
            f"{'silent addresses again' if step.again else 'addresses'}, "
            f"{step.found} meter{'' if step.found == 1 else 's'} found"
        )
        if self._alive:
            end = "\n" if step.done == step.total else ""
            print(f"\r{text:<72}", end=end, file=sys.stderr, flush=True)
        elif step.baudrate != self._speed or step.done == step.total:
            say(text)
        self._speed = step.baudrate
