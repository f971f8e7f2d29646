# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command ``edge-agent commission``: from a line of meters to agent.toml and the sheet.

In: options, and answers where a person sits at the terminal. Out: files; a table or JSON.
Never: a question where nobody can answer; the work itself, which is in `walkthrough`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import (
    AgainOption,
    JsonOption,
    LineOptions,
    ModelsOption,
    PasswordOption,
    spread,
)
from edge_agent.cli.show import show_troubles
from edge_agent.cli.terminal import ScanProgress, listing, say, show_json, table
from edge_agent.errors import ConfigurationError, Reported, Setup

if TYPE_CHECKING:
    from edge_agent.install.agent_toml import Gateway
    from edge_agent.install.meter_list import ListedMeter
    from edge_agent.install.scan_result import FoundMeter
    from edge_agent.install.sheet import Entry, Sheet
    from edge_agent.install.walkthrough import Commissioned, Job

commission_commands = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """The gateway and its broker: what agent.toml says besides the line."""

    invitation: Annotated[
        Path | None,
        typer.Option(
            help="What cloud-ingest invite wrote: names gateway and broker; ca.pem, tls.pem and "
            "tls.key stand beside it."
        ),
    ] = None
    gateway: Annotated[str | None, typer.Option(help="The gateway's name.")] = None
    broker: Annotated[str | None, typer.Option(help="The broker, HOST or HOST:PORT.")] = None
    username: Annotated[str | None, typer.Option(help="User name at the broker.")] = None
    broker_password_file: Annotated[
        Path | None, typer.Option(help="File with the broker's password, mode 0600.")
    ] = None
    ca: Annotated[
        Path | None, typer.Option(help="Authority of the broker's certificate; switches TLS on.")
    ] = None
    cert: Annotated[
        Path | None, typer.Option(help="The gateway's certificate, as install-cert put it.")
    ] = None
    cert_key: Annotated[
        Path | None, typer.Option(help="The key of the certificate, mode 0600.")
    ] = None
    key_file: Annotated[Path, typer.Option(help="The gateway's key.")] = Path(
        "/etc/edge-agent/gateway.key"
    )
    cloud_key_file: Annotated[Path, typer.Option(help="The cloud's public key.")] = Path(
        "/etc/edge-agent/cloud.pem"
    )
    spool: Annotated[Path, typer.Option(help="The agent's spool.")] = Path(
        "/var/lib/edge-agent/spool.db"
    )

    def read(self, models_dir: Path | None) -> "Gateway":
        """Return the gateway; ask for a name that is missing."""
        from edge_agent.install.agent_toml import Gateway

        if self.invitation is not None:
            return self._invited(self.invitation).read(models_dir)
        name = _answer(self.gateway, "Name of this gateway", "--gateway")
        broker = _answer(self.broker, "Broker, host or host:port", "--broker")
        host, _, number = broker.rpartition(":") if ":" in broker else (broker, "", "")
        if not host or (number and not (number.isascii() and number.isdigit())):
            raise ConfigurationError(f"--broker {broker!r}: write host or host:port")
        return Gateway(
            name,
            spool=self.spool.absolute(),
            key_file=self.key_file.absolute(),
            cloud_key_file=self.cloud_key_file.absolute(),
            broker_host=host,
            broker_port=int(number) if number else None,
            username=self.username,
            broker_password_file=_absolute(self.broker_password_file),
            ca=_absolute(self.ca),
            cert=_absolute(self.cert),
            cert_key=_absolute(self.cert_key),
            models_dir=_absolute(models_dir),
        )

    def _invited(self, path: Path) -> "GatewayOptions":
        """Return these options with what an invitation says where they say nothing."""
        from edge_agent.install.enrolment import read_invitation

        said, _ = read_invitation(path)
        beside = path.absolute().parent
        return replace(
            self,
            invitation=None,
            gateway=self.gateway or said.gateway,
            broker=self.broker or f"{said.broker_host}:{said.broker_port}",
            ca=self.ca or beside / "ca.pem",
            cert=self.cert or beside / "tls.pem",
            cert_key=self.cert_key or beside / "tls.key",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOptions:
    """Which meters to commission, and where the results go."""

    bus: Annotated[str, typer.Option(help="A name for this line.")] = "riser-1"
    meters: Annotated[
        Path | None, typer.Option(help="CSV: label,address,model,client,password_file,…")
    ] = None
    meter: Annotated[
        list[str] | None, typer.Option(help="address=label; repeated; instead of a list.")
    ] = None
    addresses: Annotated[str, typer.Option(help="Where to look without a list.")] = "1-127"
    baud: Annotated[int | None, typer.Option(help="Speed; found out where not given.")] = None
    password_file: PasswordOption = None
    models_dir: ModelsOption = None
    frames: Annotated[
        int, typer.Option(min=1, max=100000, help="Frames for each meter to count errors.")
    ] = 100
    config: Annotated[Path, typer.Option(help="The settings to write.")] = Path("agent.toml")
    add: Annotated[bool, typer.Option("--add", help="Add this line to the settings.")] = False
    force: Annotated[bool, typer.Option("--force", help="Replace the settings.")] = False
    sheet_dir: Annotated[Path, typer.Option(help="Folder for the sheet.")] = Path()
    by: Annotated[str, typer.Option(help="Who commissions; printed on the sheet.")] = ""

    def job(self, line: LineOptions, gateway: GatewayOptions) -> "Job":
        """Return the job; ask for what is missing."""
        from edge_agent.install.addresses import parse_addresses
        from edge_agent.install.options import require_secret_files
        from edge_agent.install.walkthrough import Job

        require_secret_files(
            password_file=self.password_file, broker_password_file=gateway.broker_password_file
        )
        if self.add and self.force:
            raise ConfigurationError("--add keeps the settings, --force replaces them: choose one")
        return Job(
            port=line.port.absolute(),
            bus=self.bus,
            config=self.config,
            sheet_dir=self.sheet_dir,
            gateway=None if self.add else gateway.read(self.models_dir),
            listed=_listed(self.meters, self.meter or []),
            addresses=parse_addresses(self.addresses),
            baudrate=self.baud,
            parity=line.parity,
            direction_control=line.direction_control,
            password_file=_absolute(self.password_file),
            models_dir=_absolute(self.models_dir),
            frames=self.frames,
            overwrite=self.force,
            by=self.by,
        )


@commission_commands.command()
@spread
def commission(
    line: LineOptions,
    gateway: GatewayOptions,
    asked: JobOptions,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a line of meters into service, with a sheet.

    \b
    edge-agent commission --port /dev/ttyUSB0 --gateway gw-tower-1 \\
        --broker mqtt.example:8883 --ca ca.pem --cert tls.pem --cert-key tls.key \\
        --password-file meter.pw
    edge-agent commission --port /dev/ttyUSB0 --meters riser-1.csv --add

    It finds, reads and judges each meter, then writes the settings, and a sheet as HTML and JSON.
    The list of meters is CSV with the columns label and address. It may have the columns model,
    client, password_file, logical_address, address_bytes, security, encryption_key_file,
    authentication_key_file, security_suite, signing_key_file, meter_public_key_file, dial (m³)
    and seals. A line without an address is a meter without a data port.

    Without a list the command scans, and asks for the label of each meter that it finds. It asks
    for the dial beside a water module where the list does not give it. A meter that did not say
    who it is stays out of the settings and is red on the sheet.

    \b
    Exit code: 0  every meter is green
               1  a meter is red, or several answer at one address
               3  a meter is amber, or no time service keeps this machine's time
               2  nothing was commissioned: a mistake of yours, or no meter

    You may run it again with --force as often as you need. A meter that refused its password or
    keys gets no secret until its file holds another one.
    """
    from edge_agent.install import walkthrough

    done = walkthrough.commission(
        asked.job(line, gateway),
        line.opener(),
        line.lockout(again=again),
        walkthrough.Dialogue(_ask_label, _ask_dial, ScanProgress(), say),
        lambda: datetime.now().astimezone(),
    )
    if as_json:
        show_json({**done.sheet.document(), "files": _files(done)})
    else:
        _show(done)
    if wrong := list(_wrong(done)):
        raise Reported(
            f"{'; '.join(wrong)}; what to try is in {done.page}", exit_code=_code(done.sheet)
        )


def _code(sheet: "Sheet") -> int:
    """Return the exit code of a line: red outweighs amber."""
    return 1 if sheet.count("red") or sheet.conflicts else 0 if sheet.is_green else 3


def _wrong(done: "Commissioned") -> Iterator[str]:
    sheet = done.sheet
    if red := sheet.count("red"):
        yield f"{red} of {len(sheet.entries)} meters not in service"
    if amber := sheet.count("amber"):
        yield f"{amber} of {len(sheet.entries)} meters to look at"
    if sheet.conflicts:
        yield f"addresses with several meters: {len(sheet.conflicts)}"
    if not sheet.clock_synchronised:
        yield "no time service keeps this machine's time"


def _absolute(path: Path | None) -> Path | None:
    return path and path.absolute()


def _listed(file: Path | None, options: list[str]) -> "tuple[ListedMeter, ...]":
    from edge_agent.install.meter_list import parse_labels, parse_list

    if file is None:
        return parse_labels(options)
    if options:
        raise ConfigurationError("--meters names a list, --meter one meter: choose one of them")
    try:
        return parse_list(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigurationError(
            f"cannot read the list of meters: {reason}: {file}", of=Setup.FILE
        ) from None


def _answer(given: str | None, question: str, option: str) -> str:
    """Return an option, or what a person at the terminal answers."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise ConfigurationError(f"give {option}, or run it at a terminal to be asked")
    return str(typer.prompt(question, err=True))


def _ask_label(meter: "FoundMeter") -> str:
    """Ask for the label of a meter that was found."""
    plate = meter.plate
    who = f"{plate.manufacturer} {plate.serial}, {plate.guess.model}" if plate else meter.problem
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"a meter answers at {meter.hdlc} ({who}) and nobody can be asked for its label: "
            "give --meters or --meter"
        )
    question = f"Label of the meter at {meter.hdlc}, {who} (empty leaves it out)"
    return str(typer.prompt(question, default="", show_default=False, err=True))


def _ask_dial(entry: "Entry") -> Decimal | None:
    """Ask what the dial beside a water module shows; nobody at the terminal: it is not known."""
    from edge_agent.install.meter_list import is_dial
    from edge_agent.install.shown import grouped

    if not sys.stdin.isatty():
        return None
    beside = "" if entry.volume is None else f", beside {grouped(entry.volume)} m³ of its module"
    question = f"Dial of {entry.listed.label}, m³{beside} (empty: not read)"
    while text := str(typer.prompt(question, default="", show_default=False, err=True)).strip():
        if is_dial(text):
            return Decimal(text)
        say("write what the dial shows in m³, as in 123.456")
    return None


def _files(done: "Commissioned") -> dict[str, str | None]:
    return {
        "sheet": str(done.page),
        "document": str(done.document),
        "config": None if done.config is None else str(done.config),
    }


def _show(done: "Commissioned") -> None:
    sheet = done.sheet
    print(table(("label", "address", "meter", "result", "why"), map(_cells, sheet.entries)))
    show_troubles(
        replace(trouble, step=entry.listed.label)
        for entry in sheet.entries
        if entry.examination is not None
        for trouble in entry.examination.troubles
    )
    if not sheet.clock_synchronised:
        from edge_agent.install import advice_texts

        lines = (("failed", "a time service does not keep this machine's time"),)
        print("\n" + listing((*lines, ("  try", advice_texts.NO_TIME))))
    for conflict in sheet.conflicts:
        print(f"several meters answer at address {conflict.hdlc}")
    settings = "not written: no meter may go into service" if done.config is None else done.config
    print()
    print(
        listing(
            (
                ("sheet", str(done.page)),
                ("document", str(done.document)),
                ("settings", str(settings)),
            )
        )
    )


def _cells(entry: "Entry") -> tuple[str, str, str, str, str]:
    found, verdict = entry.examination, entry.verdict
    who = str(found.meter) if found and found.meter else ""
    address = str(entry.listed.address or "")
    return entry.listed.label, address, who, verdict.level, "; ".join(verdict.reasons)
