# SPDX-License-Identifier: MIT
"""Write the reference of the command line and of cloud.toml, from the program itself.

Run as ``python -m cloud_ingest.cli.reference docs/reference``; a test compares the files with the
program.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from cloud_ingest.cli.command_line import app
from cloud_ingest.settings import BrokerLogin, CloudSettings, QuotaSettings
from cloud_ingest.settings_pages import OidcSettings
from cloud_ingest.settings_receivers import MailReceiver, MailSettings, WebhookSettings
from cloud_ingest.settings_society import SocietySettings
from shared_schema.settings.reference import with_tables

NAME, SETTINGS = "cli-cloud.md", "cloud-toml.md"
TABLES: dict[str, type[BaseModel]] = {
    "Top level": CloudSettings,
    "[quota]": QuotaSettings,
    "[oidc]": OidcSettings,
    "[[webhook]]": WebhookSettings,
    "[mail]": MailSettings,
    "[[mail_to]]": MailReceiver,
    "[[broker_login]]": BrokerLogin,
    "[[society]]": SocietySettings,
}
"""By their headings in the reference of the settings."""
_HEAD = """# cloud-ingest: the commands

Generated from the program by `make docs`. A person's mistake, and a check that failed, is one line
on stderr and exit code 2; results are on stdout. `--dsn` and `--config` belong to every command
that needs the store.

| exit code | |
|---|---|
| 0 | done |
| 1 | nobody reads the answer any more (`head`), a fault of the program, or `config check` warns |
| 2 | not done, and a line on stderr says why: something to change, or a server to look after |
| 130 | interrupted (Ctrl-C): what was not committed is not done |

With `--json` stdout has JSON alone: one document, or of a list of readings, numbers, lines of units
or dials one document a line, and none where there is nothing.

Completion in bash, zsh and fish needs no running program; a package brings it, and for one person
`python -m cloud_ingest.cli.completion ~/.local/share` writes it.
"""
_EVERYWHERE = frozenset({"help", "dsn", "config"})


def reference() -> str:
    """Return the reference as Markdown."""
    commands = _commands("cloud-ingest", typer.main.get_command(app))
    return "\n".join([_HEAD, *(_section(name, command) for name, command in commands)])


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "list_commands"):
        yield name, command
        return
    context = typer.Context(command)
    for word in command.list_commands(context):
        yield from _commands(f"{name} {word}", command.get_command(context, word))


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    shown = " ".join([name, *(_word(p) for p in arguments)])
    lines = [f"## {name}", f"`{shown}`", ""] if arguments else [f"## {name}"]
    for paragraph in (command.help or "").split("\n\n"):
        text = " ".join(paragraph.split())
        example = text.removeprefix("Example: ")
        lines += [text, ""] if example == text else ["```", example, "```", ""]
    rows = [_row(p) for p in command.params if p.name not in _EVERYWHERE]
    return "\n".join([*lines, *(["| | default | |", "|---|---|---|", *rows, ""] if rows else [])])


def _word(argument: Any) -> str:
    word = argument.name.upper() + ("" if argument.nargs == 1 else "...")
    return word if argument.required else f"[{word}]"


def _row(parameter: Any) -> str:
    option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if option else _word(parameter)
    if parameter.required:
        default = "required"
    elif getattr(parameter, "is_flag", False):
        default = "flag"
    else:
        default = "" if parameter.default is None else f"`{parameter.default}`"
    about = " ".join((getattr(parameter, "help", None) or "").split()).replace("|", "\\|")
    return f"| `{name}` | {default} | {about} |"


def main() -> None:
    """Write the reference into the folder that is named."""
    folder = Path(sys.argv[1])
    (folder / NAME).write_text(reference(), encoding="utf-8")
    page = (folder / SETTINGS).read_text("utf-8")
    (folder / SETTINGS).write_text(with_tables(page, TABLES, folder.parent), encoding="utf-8")


if __name__ == "__main__":
    main()
