# SPDX-License-Identifier: MIT
"""What the programs' own parsers say to a command line; nothing is run."""

from typing import Any

import typer
from typer._click.exceptions import BadParameter, UsageError

from cloud_ingest.cli.command_line import app as cloud
from edge_agent.cli.command_line import app as edge

_ROOTS: dict[str, Any] = {
    "edge-agent": typer.main.get_command(edge),
    "cloud-ingest": typer.main.get_command(cloud),
}


def is_ours(word: str) -> bool:
    return word.rpartition("/")[2] in _ROOTS


def refusal(words: list[str], *, whole: bool) -> str | None:
    """Return why a command line cannot be parsed, or None; a mere mention need not be whole."""
    program = words[0].rpartition("/")[2]
    command, rest, context = _ROOTS[program], words[1:], None
    names = [program]
    try:
        while hasattr(command, "resolve_command"):
            context = command.context_class(command, info_name=names[-1], parent=context)
            if not rest or rest[0].startswith("-"):
                return None if not whole or set(rest) & {"--help", "--version"} else "no command"
            name, command, rest = command.resolve_command(context, rest)
            names.append(name)
        command.make_context(names[-1], list(rest), parent=context)
    except typer.Exit:
        return None
    except BadParameter as error:
        return error.format_message() if whole else None
    except UsageError as error:
        return error.format_message()
    return None
