# SPDX-License-Identifier: GPL-2.0-only
"""The completion of ``edge-agent`` in bash, zsh and fish, made of its own commands.

Run as ``python -m edge_agent.cli.completion FOLDER``: ``/usr/share`` in a package, and
``~/.local/share`` for one person. A package makes the files at its build.
"""

import sys
from pathlib import Path

import typer

from edge_agent.cli.command_line import app
from shared_schema.completion import write


def main() -> None:
    """Write the files below the folder that is named."""
    write("edge-agent", typer.main.get_command(app), Path(sys.argv[1]))


if __name__ == "__main__":
    main()
