# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301 - click's \b
"""All commands of ``edge-agent`` as one Typer application; `app` is the entry point.

In: arguments. Out: text or JSON on stdout.
Never: a heavy import before a command needs it.
"""

import inspect
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from typer.models import ParameterInfo

from edge_agent.cli import run as running
from edge_agent.cli.clock import clock_commands
from edge_agent.cli.commission import commission_commands
from edge_agent.cli.config import config_commands
from edge_agent.cli.diagnose import diagnose_commands
from edge_agent.cli.enrol import enrol_commands
from edge_agent.cli.image import image_commands
from edge_agent.cli.install import install_commands
from edge_agent.cli.keygen import key_commands
from edge_agent.cli.meter import meter_commands
from edge_agent.cli.operate import operate_commands
from edge_agent.cli.options import CONFIG_VARIABLE
from edge_agent.cli.simulate import simulate_commands
from edge_agent.cli.tap_test import tap_commands

app = typer.Typer(
    name="edge-agent",
    help="The gateway of a housing society: reads DLMS meters on RS-485 and delivers "
    "what they say, signed, over MQTT.",
    epilog="A first try without hardware: edge-agent simulate --example",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(*, wanted: bool) -> None:
    if wanted:
        try:
            print(f"edge-agent {version('iot-utility')}")
        except PackageNotFoundError:
            print("edge-agent, not installed as a package")
        raise typer.Exit


@app.callback()
def _program(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=lambda wanted: _print_version(wanted=wanted),
            help="Print the version and leave.",
        ),
    ] = False,
) -> None:
    pass


@app.command()
def run(
    config: Annotated[
        Path,
        typer.Option(
            envvar=CONFIG_VARIABLE, help="The gateway's settings: docs/reference/agent-toml.md."
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Try the files, the broker and the ports, and leave.")
    ] = False,
    log_format: Annotated[str, typer.Option(help="text or json, on stderr.")] = "text",
    verbose: Annotated[bool, typer.Option("--verbose", help="Log each poll.")] = False,
) -> None:
    """Poll the meters and publish, until SIGTERM or Ctrl-C.

    \b
    edge-agent run --config /etc/edge-agent/agent.toml --check
    edge-agent run --config /etc/edge-agent/agent.toml

    The agent waits for a broker or a meter that is away. A mistake in the settings ends it with
    exit code 2.
    """
    running.run(running.RunOptions(config, check, log_format, verbose))


for _commands in (
    simulate_commands,
    key_commands,
    image_commands,
    enrol_commands,
    meter_commands,
    install_commands,
    commission_commands,
    tap_commands,
    operate_commands,
    config_commands,
    diagnose_commands,
    clock_commands,
):
    app.add_typer(_commands)


def leave_files_alone(commands: typer.Typer) -> None:
    """Take the parser's own check of paths off: it says "not readable", and no next step.

    The command that opens a file or port says why it cannot, and what to do.
    """
    for each in commands.registered_commands:
        declared = inspect.signature(each.callback, eval_str=True) if each.callback else None
        for parameter in declared.parameters.values() if declared else ():
            for info in getattr(parameter.annotation, "__metadata__", ()):
                if isinstance(info, ParameterInfo):
                    info.readable = False
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            leave_files_alone(group.typer_instance)


leave_files_alone(app)
