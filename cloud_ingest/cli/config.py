# SPDX-License-Identifier: MIT
"""``cloud-ingest config``: the settings by themselves.

In: a file of settings, the environment. Out: checks, or the settings that hold, as lines or JSON.
Never: a server that is asked; a secret.
"""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.check_lines import require_no_failure, show_checks
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Dsn, Json, one_line_errors
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, table
from cloud_ingest.operate.configuration import examine_configuration
from cloud_ingest.settings_file import read_settings
from shared_schema.settings.effective import effective

app = new_group("The settings: check them without a server, show what holds.")

SettingsFile = Annotated[
    Path | None, typer.Argument(help="A TOML file with the settings [default: IOT_UTILITY_CONFIG].")
]


@app.command("check")
def check(file: SettingsFile = None, *, as_json: Json = False) -> None:
    """Check the settings and each file that they name; ask no server.

    Run it as the service's user. Each line is ok, warn or fail; exit code 1 if one warns, 2 if one
    failed. The servers are the doctor's: cloud-ingest doctor.

    Example: cloud-ingest config check /etc/iot-utility/cloud.toml
    """
    with one_line_errors():
        found = examine_configuration(file, os.environ, datetime.now(UTC))
        checks = show_checks(found, as_json=as_json)
        require_no_failure(checks)
    if any(each.level == "warn" for each in checks):
        raise typer.Exit(1)


@app.command("show")
def show(file: SettingsFile = None, *, dsn: Dsn = None, as_json: Json = False) -> None:
    """Show each setting that holds and where it came from; no secret.

    It came from an option, a variable of the environment, a line of the file, or is the default.

    Example: cloud-ingest config show /etc/iot-utility/cloud.toml
    """
    with one_line_errors():
        found = read_settings(file, os.environ, {"dsn": dsn})
        settings = list(effective(found.settings, found.said, found.text, found.options))
    if as_json:
        say(json.dumps([asdict(each) for each in settings], ensure_ascii=False))
        return
    rows = [(each.key, _shown(each.value), each.said_by) for each in settings]
    say(table([Column("key", "name"), Column("value"), Column("from", "name")], rows))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
