# SPDX-License-Identifier: MIT
"""The completion of ``cloud-ingest`` in bash, zsh and fish, made of its own commands.

Run as ``python -m cloud_ingest.cli.completion FOLDER``: ``/usr/share`` in a package, and
``~/.local/share`` for one person. A package makes the files at its build.
"""

import sys
from pathlib import Path

import typer

from cloud_ingest.cli.command_line import app
from shared_schema.completion import write


def main() -> None:
    """Write the files below the folder that is named."""
    write("cloud-ingest", typer.main.get_command(app), Path(sys.argv[1]))


if __name__ == "__main__":
    main()
