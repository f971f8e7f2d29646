# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands ``edge-agent config``: the settings by themselves.

In: the settings file, the environment. Out: checks, or the settings that hold, as lines or JSON.
Never: a port, a broker or a spool that is touched; a secret.
"""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.cli.check_lines import show_checks
from edge_agent.cli.options import CONFIG_VARIABLE, JsonOption
from edge_agent.cli.terminal import show_json, table
from edge_agent.install.options import SETTINGS

config_commands = typer.Typer()
config = typer.Typer(help="Check the settings without touching a line; show what holds.")
config_commands.add_typer(config, name="config")

SettingsFile = Annotated[
    Path, typer.Argument(metavar="[FILE]", envvar=CONFIG_VARIABLE, help="The gateway's settings.")
]


@config.command("check")
def check(file: SettingsFile = SETTINGS, as_json: JsonOption = False) -> None:
    """Check the settings and each file that they name; touch no line, broker or spool.

    \b
    sudo -u edge-agent edge-agent config check /etc/edge-agent/agent.toml

    Run it as the agent's user, so that it sees the agent's permissions. Each line is ok, warn or
    fail. The exit code is 1 if one warns, 2 if one failed. The rest is the doctor's.
    """
    from edge_agent.operate.configuration import examine_configuration

    found = examine_configuration(file, os.environ, datetime.now(UTC))
    checks = show_checks(found, as_json=as_json)
    if any(each.level == "warn" for each in checks):
        raise typer.Exit(1)


@config.command("show")
def show(file: SettingsFile = SETTINGS, as_json: JsonOption = False) -> None:
    """Show each setting that holds and where it came from.

    \b
    edge-agent config show /etc/edge-agent/agent.toml

    It came from a variable of the environment, a line of the file, or is the default.
    """
    from edge_agent.settings.file import read_settings
    from shared_schema.settings.effective import effective

    found = read_settings(file, os.environ)
    settings = list(effective(found.settings, found.said, found.text))
    if as_json:
        show_json([asdict(each) for each in settings])
    else:
        rows = ((each.key, _shown(each.value), each.said_by) for each in settings)
        print(table(("key", "value", "from"), rows))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
