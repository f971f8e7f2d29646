# SPDX-License-Identifier: GPL-2.0-only
"""The reference of the command line and of agent.toml, generated from the program itself.

Run as ``python -m edge_agent.cli.reference docs/reference``. A test compares the files with the
program. `cloud_ingest` has its own generator: the two programs never import each other.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from edge_agent.cli.command_line import app
from edge_agent.settings.bus import BusConfig, MeterConfig, SetterConfig
from edge_agent.settings.gateway import (
    AgentSettings,
    BrokerConfig,
    ClocksConfig,
    CommandsConfig,
    TlsConfig,
)
from shared_schema.settings.reference import with_tables

NAME, SETTINGS = "cli-edge.md", "agent-toml.md"
TABLES: dict[str, type[BaseModel]] = {
    "Top level": AgentSettings,
    "[broker]": BrokerConfig,
    "[broker.tls]": TlsConfig,
    "[commands]": CommandsConfig,
    "[clocks]": ClocksConfig,
    "[[bus]]": BusConfig,
    "[[bus.meter]]": MeterConfig,
    "[bus.meter.setter]": SetterConfig,
}
"""By their headings in the reference of the settings."""
_HEAD = """# edge-agent: the commands

Generated from the program by `make docs`. A mistake of yours, and a check that failed, ends with
one line on stderr and exit code 2. Results are on stdout, progress is on stderr. Tables fold to the
width of the terminal; `--json` is for programs. `edge-agent --version` prints the version.

Completion in bash, zsh and fish needs no running program; a package brings it, and for one person
`python -m edge_agent.cli.completion ~/.local/share` writes it.
"""


def reference() -> str:
    """Return the reference as Markdown."""
    root: Any = typer.main.get_command(app)
    return _HEAD + "".join(
        _section(path, command) for path, command in _commands(root, "edge-agent")
    )


def _commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _section(path: str, command: Any) -> str:
    summary, *paragraphs = (command.help or "").split("\n\n")
    words = " ".join(
        _word(parameter) for parameter in command.params if parameter.param_type_name == "argument"
    )
    text = f"\n## {path}\n{summary.strip()}\n"
    if words:
        text += f"\n`{path} {words}`\n"
    for paragraph in paragraphs:
        if paragraph.lstrip().startswith("\b"):
            example = paragraph.replace("\b", "").strip("\n")
            kind = "" if example.startswith("edge-agent") else "text"
            text += f"```{kind}\n{example}\n```\n"
        else:
            text += f"\n{' '.join(paragraph.split())}\n"
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    return text + "\n| option | default | |\n|---|---|---|\n" + "".join(rows)


def _word(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if is_option else _word(parameter)
    if getattr(parameter, "is_flag", False):
        value = "flag"
    elif parameter.default is None:
        value = "required" if parameter.required else ""
    else:
        value = f"`{parameter.default}`"
    about = " ".join((parameter.help or "").split()).replace("|", "\\|")
    return f"| `{name}` | {value} | {about} |\n"


def main() -> None:
    """Write the reference into the folder that is named."""
    folder = Path(sys.argv[1])
    (folder / NAME).write_text(reference(), encoding="utf-8")
    page = (folder / SETTINGS).read_text("utf-8")
    (folder / SETTINGS).write_text(with_tables(page, TABLES, folder.parent), encoding="utf-8")


if __name__ == "__main__":
    main()
