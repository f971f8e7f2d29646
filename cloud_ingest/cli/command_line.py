# SPDX-License-Identifier: MIT
"""The command ``cloud-ingest``: which commands there are, and where each lies.

This module imports none of them. A command, or a group of commands, is imported when it is asked
for, so that ``--help`` needs neither the database's driver nor the broker's.

In: words, options, the environment. Out: a line, a table or JSON, and an exit code: 0 done; 2 not
done, and a line says why: something to change, or a server to look after. Anything else is a fault
of this program. Never: a traceback for a mistake of a person, a password in any text.
"""

from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand

from cloud_ingest.cli.group import Group


class Place(NamedTuple):
    """Where a command lies, and what the list of commands says of it."""

    module: str
    """A module of this folder; its ``app`` is the group of that name, or holds the command."""
    about: str
    """The first sentence of its own help; a test compares them."""


COMMANDS: Final = {
    "migrate": Place(
        "store", "Make the database ready, or bring it up to date; run again it changes nothing."
    ),
    "doctor": Place(
        "store", "Check the database, the store and the broker, and say what to do; change nothing."
    ),
    "config": Place("config", "The settings: check them without a server, show what holds."),
    "diagnose": Place(
        "diagnose", "Write a file for who helps you: no secret, no readings, no units' labels."
    ),
    "keep-readings": Place(
        "store",
        "Set or show how long readings are kept [default: for ever]; the service drops older ones.",
    ),
    "keygen": Place("keys", "Make the key pair that signs receipts and commands."),
    "ca": Place("ca", "The authority that signs who may connect to the broker."),
    "invite": Place(
        "invite",
        "Write the invitation of a new gateway: who it will be, its broker, whom to believe.",
    ),
    "enrol": Place(
        "enrol",
        "Let a gateway speak for a society, and issue its certificate; the same again renews it.",
    ),
    "revoke": Place(
        "enrol",
        "Take a gateway's keys and certificates back: what comes from it from now on is refused.",
    ),
    "broker": Place("broker", "Who may speak and listen on the broker."),
    "serve": Place(
        "serve", "Take readings from the broker, store them and send receipts, until SIGTERM."
    ),
    "api": Place(
        "api",
        "Serve the API to other programs, behind a reverse proxy that has TLS, until SIGTERM.",
    ),
    "web": Place(
        "web", "Serve the pages to people, behind a reverse proxy that has TLS, until SIGTERM."
    ),
    "people": Place("people", "Who may sign in to the pages of a society."),
    "webhook": Place("webhook", "What receivers by HTTP are sent."),
    "token": Place("token", "Which programs may use the API."),
    "units": Place("units", "Which meter serves which flat, as unit management has it."),
    "meter": Place("meter", "Which gateway may speak for which meter."),
    "history": Place("history", "Registers that an earlier system has read."),
    "self-read": Place(
        "self_read",
        "Dials that people read: take one, give out links, decide what residents sent.",
    ),
    "witness": Place(
        "witness",
        "Say whether a dial agrees with what is held, and keep the answer; no number changes.",
    ),
    "dial": Place("dial", "Dials beside the modules that read them."),
    "seal": Place("seal", "The seals on meters."),
    "epoch": Place("epoch", "Registers that fell for a good reason: rollover, reset."),
    "reading": Place(
        "reading", "Readings that were set aside, and readings that a person puts right."
    ),
    "latest": Place("latest", "Show the newest register of each meter that serves somebody now."),
    "usage": Place("usage", "Show what a unit used in a month: so far, or as it was published."),
    "towers": Place(
        "towers",
        "Show what came into each tower in a month and where it went: so far, or as published.",
    ),
    "supply": Place(
        "supply", "The hours in which towers have water, where it does not run all day."
    ),
    "water": Place("water", "Water that came in without a meter: tankers, wells."),
    "generator": Place("generator", "How long a generator ran."),
    "completeness": Place(
        "completeness",
        "Show which channels lack intervals in a month, and which numbers a closed one lacks.",
    ),
    "month": Place("month_group", "The month: where it stands, and what changed after it."),
    "close-month": Place(
        "month", "Prove the numbers of a month and send them; again after a correction."
    ),
    "report": Place(
        "month", "Show a closed month: per unit what was used, how good it is, where it goes."
    ),
    "export": Place(
        "export",
        "Write a closed month to a file: each unit and meter with its registers, and what is "
        "missing.",
    ),
    "export-unit": Place(
        "export_unit",
        "Write a unit's own month to a file: ESPI (Green Button), CSV or JSON, and nothing of "
        "others.",
    ),
    "explain": Place(
        "explain",
        "Say where a number comes from: each border, each reading not taken, each version.",
    ),
    "prove": Place(
        "prove",
        "Write the proof of a number: what gateways signed of it, what persons said, how it adds "
        "up.",
    ),
    "evidence": Place(
        "evidence", "What gateways signed: how long it is kept whole, files of it, and their check."
    ),
    "number": Place(
        "number", "Numbers that wait for a person: held changes, and quantities in doubt."
    ),
    "notebook": Place(
        "notebook", "The treasurer's notebook: take it over, and hold a month of it beside ours."
    ),
    "recompute": Place(
        "recompute",
        "Make days and months anew from their readings, and say which of them changed.",
    ),
    "events": Place(
        "events",
        "Flags: what was noticed, and what people did; what meters noted themselves.",
    ),
    "rules": Place("rules", "Try the water rules on a file of registers."),
    "quarantine": Place("quarantine", "What was received and is not stored, and why."),
    "gateway": Place(
        "gateway", "How gateways stand: heard or not, backlog, disk, certificate, clock."
    ),
    "command": Place("command", "Ask a gateway for something, and see its answer."),
    "valve-test": Place(
        "valve_test",
        "Read a unit's water meter twice while its inner valve is closed: does it stand still?",
    ),
}


class Commands(Group):
    """All commands, each imported when it is asked for (as click's manual shows it)."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, place in COMMANDS.items():  # they stand for the commands in lists
            self.add_command(TyperCommand(name, short_help=place.about))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  typer's signature
        """Import a command; None where there is none of that name."""
        if (place := COMMANDS.get(cmd_name)) is None:
            return None
        module = import_module(f"cloud_ingest.cli.{place.module}")
        group = typer.main.get_group(module.app)
        return group.commands.get(cmd_name, group)


app = typer.Typer(
    name="cloud-ingest",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  no other command needs it

        typer.echo(f"cloud-ingest {version('iot-utility')}")
        raise typer.Exit


@app.callback()
def cloud_ingest(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _version(wanted=wanted),
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    """The cloud side of the metering layer: store readings, close months, answer for them."""
