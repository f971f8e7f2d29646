# SPDX-License-Identifier: MIT
"""How a command says something: lines in which nothing hides.

The store has texts of strangers, and of persons before `core.typed_text` looked at them.
`shared_schema.text` writes as its code what would hide. A long text is cut in a table, where it
would hide the rest.

In: lines. Out: lines on standard output or standard error. Never: a control sequence.
"""

import typer

from shared_schema.text import LONGEST_REMARK, visible_lines


def say(text: str, *, err: bool = False) -> None:
    """Write lines."""
    typer.echo(visible_lines(text), err=err)


def cut(text: str) -> str:
    """Return a text as far as a remark may go."""
    return text if len(text) <= LONGEST_REMARK else f"{text[:LONGEST_REMARK]}…"
