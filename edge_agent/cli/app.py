# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: PLC0415 - each path imports what it needs and no more
"""The entry point of ``edge-agent``.

A gateway's memory is small, and `run` never ends: a well-formed ``run`` command line is read here
by argparse, without Typer and without the other commands (2 MiB). Everything else goes to Typer:
help, mistakes, and all other commands.

In: arguments. Out: an exit code; for a person's mistake code 2 and on stderr what is wrong, with
what to try on its last line.
Never: a traceback for a person's mistake; an import that the command does not need.
"""

import io
import os
import sys
from typing import NoReturn

from edge_agent.errors import AgentError

_FAILED = 2
_OF_THE_EXTRA = frozenset({"gurux_dlms", "paho", "rich", "serial", "typer"})
"""Modules that only the extra `edge` brings; the bare package is the message contract alone."""


def main() -> None:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):  # in the locale's encoding, which may be ASCII
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if words := _not_utf8():
        _end(f"not UTF-8: {', '.join(words)}: write it in UTF-8")
    try:
        _dispatch(sys.argv[1:])
    except AgentError as error:
        from edge_agent.cli.terminal import say
        from edge_agent.install import advice

        for line in error.details:
            say(line)
        _end(str(error), advice.for_error(error), error.exit_code)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        _end(f"the package {error.name} is missing: pip install '.[edge]' in the checkout")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:  # a full disk behind standard output, a file that went away
        _end(
            f"{error.strerror}: {error.filename or 'what it writes to'}",
            "make room on the disk, or correct the path",
        )
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _dispatch(arguments: list[str]) -> None:
    from edge_agent.cli import run

    options = run.parse(arguments)
    if options is not None:
        run.run(options)
        return
    from edge_agent.cli.command_line import app

    app()


def _not_utf8() -> list[str]:
    """Name the arguments and the settings whose bytes are no text."""
    named = {f"argument {number}": word for number, word in enumerate(sys.argv[1:], 1)}
    named |= {name: value for name, value in os.environ.items() if name.startswith("EDGE_AGENT_")}
    return [name for name, text in named.items() if not _is_text(text)]


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _end(message: str, next_step: str = "", code: int = _FAILED) -> NoReturn:
    """Say on one line what happened and what to try, and end the process."""
    from edge_agent.cli.terminal import say

    said = f"{message}; try: {next_step}" if next_step else message
    say(f"edge-agent: {'; '.join(said.splitlines())}")
    sys.exit(code)


if __name__ == "__main__":
    main()
