# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: PLC0415 - the agent is imported when it starts
"""The command ``edge-agent run``: its options, and how it starts and stops the agent.

`parse` reads a well-formed command line without Typer; see `app`. Typer declares the same options
in `command_line` for the help and the error texts, and a test compares the two.

In: arguments. Out: the agent's log on stderr; with ``--check`` what works, on stdout.
Never: an import of Typer.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from edge_agent.cli.signals import stopped_by_signals
from edge_agent.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was asked of ``edge-agent run``."""

    config: Path
    check: bool = False
    log_format: str = "text"
    verbose: bool = False


class _NotWellFormed(Exception):
    """Typer explains what is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _NotWellFormed(message)


def parse(arguments: Sequence[str]) -> RunOptions | None:
    """Read a command line; None: it is another command, asks for help or has a mistake."""
    if not arguments or arguments[0] != "run":
        return None
    parser = _Parser(add_help=False, allow_abbrev=False)
    named = os.environ.get("EDGE_AGENT_CONFIG")
    parser.add_argument("--config", type=Path, default=named and Path(named), required=not named)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--log-format", default="text")
    parser.add_argument("--verbose", action="store_true")
    try:
        return RunOptions(**vars(parser.parse_args(arguments[1:])))
    except _NotWellFormed:
        return None


def run(options: RunOptions) -> None:
    """Run the agent until SIGTERM or Ctrl-C, or try everything that it will use.

    Raises:
        ConfigurationError: an option or the settings cannot be used.
        SpoolError: the spool failed.
    """
    from edge_agent import agent, logs
    from edge_agent.operate.service_manager import ServiceManager
    from edge_agent.settings.file import load_settings

    if options.log_format not in {"text", "json"}:
        raise ConfigurationError(f"--log-format is text or json, not {options.log_format!r}")
    logs.set_up("json" if options.log_format == "json" else "text", verbose=options.verbose)
    settings = load_settings(options.config)
    if options.check:
        for line in agent.check(settings):
            print(line)
        return
    with stopped_by_signals() as stop:
        agent.Agent(settings, ServiceManager.of(os.environ, os.getpid())).run(stop)
