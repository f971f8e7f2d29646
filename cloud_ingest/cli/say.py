# SPDX-License-Identifier: MIT
"""How a command says something: lines in which nothing hides.

The store has texts of strangers, and of persons before `core.typed_text` looked at them. A
character that nobody sees, that turns the order of reading or that steers the terminal is written
as its code, as in JSON. A long text is cut in a table, where it would hide the rest.

In: lines. Out: lines on standard output or standard error. Never: a control sequence.
"""

import typer

from cloud_ingest.core.typed_text import JOINERS, MOST_REMARK


def say(text: str, *, err: bool = False) -> None:
    """Write lines."""
    typer.echo(visible(text), err=err)


def visible(text: str) -> str:
    """Write what nobody sees as its code; lines stay lines."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_shown, line)) for line in text.split("\n")
    )


def cut(text: str) -> str:
    """Return a text as far as a remark may go."""
    return text if len(text) <= MOST_REMARK else f"{text[:MOST_REMARK]}…"


def _shown(character: str) -> str:
    if character.isprintable() or character in JOINERS:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
