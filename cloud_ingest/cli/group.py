# SPDX-License-Identifier: MIT
"""A group of commands whose list of commands is not cut off.

Typer cuts what a command does to the rest of one line; here it goes on in the next.
"""

from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A group that lists each command with its whole first sentence."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, _about(self.commands[name])) for name in self.list_commands(ctx)]
            )


def _about(command: Any) -> str:
    return command.short_help or " ".join((command.help or "").split("\n\n")[0].split())


def new_group(about: str | None = None) -> typer.Typer:
    """Make the application of a module of commands; ``about`` is the help of a named group."""
    return typer.Typer(help=about, cls=Group, no_args_is_help=True, rich_markup_mode=None)
