# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command ``edge-agent commission``: from a line of meters to agent.toml and the sheet.

In: options, and answers where a person sits at the terminal. Out: files; a table or JSON.
Never: a question where nobody can answer; the work itself, which is in `guide`.
"""

import json
import sys
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.cli.install import (
    AgainOption,
    DirectionOption,
    JsonOption,
    ModelsOption,
    ParityOption,
    PasswordOption,
    PortOption,
    TraceOption,
    show_frame,
    show_troubles,
)
from edge_agent.errors import ConfigurationError, MeterError
from edge_agent.install.options import Ticker, lasting_name, line_opener, say, table

if TYPE_CHECKING:
    from edge_agent.install.examine import Trouble
    from edge_agent.install.plan import Gateway, Line, Listed
    from edge_agent.install.scan import FoundMeter
    from edge_agent.install.walkthrough import Done

commissioning = typer.Typer()


@commissioning.command()
def commission(
    port: PortOption,
    gateway: Annotated[str | None, typer.Option(help="The gateway's name.")] = None,
    broker: Annotated[str | None, typer.Option(help="The broker, HOST or HOST:PORT.")] = None,
    bus: Annotated[str, typer.Option(help="A name for this line.")] = "riser-1",
    meters: Annotated[
        Path | None, typer.Option(help="CSV: label,address,model,client,password_file,…")
    ] = None,
    meter: Annotated[
        list[str] | None, typer.Option(help="address=label; repeated; instead of a list.")
    ] = None,
    addresses: Annotated[str, typer.Option(help="Where to look without a list.")] = "1-127",
    baud: Annotated[int | None, typer.Option(help="Speed; found out where not given.")] = None,
    password_file: PasswordOption = None,
    frames: Annotated[
        int, typer.Option(min=1, max=100000, help="Frames for each meter to count errors.")
    ] = 100,
    config: Annotated[Path, typer.Option(help="The settings to write.")] = Path("agent.toml"),
    add: Annotated[bool, typer.Option("--add", help="Add this line to the settings.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the settings.")] = False,
    sheet_dir: Annotated[Path, typer.Option(help="Where the sheet goes.")] = Path(),
    by: Annotated[str, typer.Option(help="Who commissions.")] = "",
    key_file: Annotated[Path, typer.Option(help="The gateway's key.")] = Path(
        "/etc/edge-agent/gateway.key"
    ),
    cloud_key_file: Annotated[Path, typer.Option(help="The cloud's public key.")] = Path(
        "/etc/edge-agent/cloud.pem"
    ),
    spool: Annotated[Path, typer.Option(help="The agent's spool.")] = Path(
        "/var/lib/edge-agent/spool.db"
    ),
    username: Annotated[str | None, typer.Option(help="At the broker.")] = None,
    broker_password_file: Annotated[
        Path | None, typer.Option(help="File with the broker's password, mode 0600.")
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="Authority of the broker's certificate; switches TLS on.")
    ] = None,
    models_dir: ModelsOption = None,
    parity: ParityOption = "none",
    direction_control: DirectionOption = "adapter",
    again: AgainOption = False,
    trace: TraceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a line of meters into service, with a sheet.

    \b
    edge-agent commission --port /dev/ttyUSB0 --gateway gw-tower-1 --broker mqtt.example:8883 \\
        --ca ca.pem --password-file meter.pw
    edge-agent commission --port /dev/ttyUSB0 --meters riser-1.csv --config agent.toml --add

    Finds, reads and judges each meter; writes the settings and a sheet as HTML and JSON. The list
    is CSV: label,address and, if wanted, model,client,password_file,logical_address,address_bytes,
    security,encryption_key_file,authentication_key_file,security_suite,signing_key_file,
    meter_public_key_file,dial (m³); a line without an
    address is a meter without a data port. Without a list it scans and asks for the label of each
    meter found. What the dial beside a water module shows is asked for where the list does not say
    it. Meters that did not say who they are stay out of the settings and are red on the sheet; exit
    code 2 if any is.

    It may be run again with --force as often as is needed: a meter that refused its password or
    keys is sent no secret until its file holds another one.
    """
    from edge_agent.install import walkthrough
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.scan import parse_addresses

    if add and force:
        raise ConfigurationError("--add keeps the settings, --force replaces them: choose one")
    about = None
    if not add:
        about = _gateway(
            _answer(gateway, "Name of this gateway", "--gateway"),
            _answer(broker, "Broker, host or host:port", "--broker"),
            spool=spool.absolute(),
            key_file=key_file.absolute(),
            cloud_key_file=cloud_key_file.absolute(),
            username=username,
            broker_password_file=broker_password_file and broker_password_file.absolute(),
            ca=ca and ca.absolute(),
            models_dir=models_dir and models_dir.absolute(),
        )
    job = walkthrough.Job(
        port=port.absolute(),
        bus=bus,
        config=config,
        sheet_dir=sheet_dir,
        gateway=about,
        listed=_listed(meters, meter or []),
        addresses=parse_addresses(addresses),
        baudrate=baud,
        parity=parity,
        direction_control=direction_control,
        password_file=password_file and password_file.absolute(),
        models_dir=models_dir and models_dir.absolute(),
        frames=frames,
        overwrite=force,
        by=by,
    )
    opener = line_opener(
        port,
        parity=parity,
        direction_control=direction_control,
        tell=show_frame if trace else None,
    )
    done = walkthrough.commission(
        job,
        opener,
        Lockout.of_user(lasting_name(port.absolute()), again=again),
        _ask_label,
        _now,
        ask_dial=_ask_dial,
        progress=Ticker(),
        tell=say,
    )
    _show(done, as_json=as_json)
    sheet = done.sheet
    wrong = []
    if red := sheet.count("red"):
        wrong.append(f"{red} of {len(sheet.lines)} meters not in service")
    if sheet.conflicts:
        wrong.append(f"addresses with several meters: {len(sheet.conflicts)}")
    if wrong:
        raise MeterError(f"{'; '.join(wrong)}; see {done.page}")


def _now() -> datetime:
    return datetime.now().astimezone()


def _gateway(name: str, broker: str, **files: Any) -> "Gateway":
    from edge_agent.install.plan import Gateway

    host, _, number = broker.rpartition(":") if ":" in broker else (broker, "", "")
    if not host or (number and not (number.isascii() and number.isdigit())):
        raise ConfigurationError(f"--broker {broker!r}: write host or host:port")
    return Gateway(name, broker_host=host, broker_port=int(number) if number else None, **files)


def _listed(file: Path | None, options: list[str]) -> "tuple[Listed, ...]":
    from edge_agent.install.plan import parse_labels, parse_list

    if file is None:
        return parse_labels(options)
    if options:
        raise ConfigurationError("--meters names a list, --meter one meter: choose one of them")
    try:
        return parse_list(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigurationError(f"cannot read the list of meters: {reason}: {file}") from None


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
            f"a meter answers at {meter.door} ({who}) and nobody can be asked for its label: "
            "give --meters or --meter"
        )
    question = f"Label of the meter at {meter.door}, {who} (empty leaves it out)"
    return str(typer.prompt(question, default="", show_default=False, err=True))


def _ask_dial(line: "Line") -> Decimal | None:
    """Ask what the dial beside a water module shows; nobody at the terminal: it is not known."""
    from edge_agent.install.plan import is_dial

    if not sys.stdin.isatty():
        return None
    question = (
        f"Dial of {line.listed.label}, m³, beside {line.volume:f} m³ of its module "
        "(empty: not read)"
    )
    while text := str(typer.prompt(question, default="", show_default=False, err=True)).strip():
        if is_dial(text):
            return Decimal(text)
        say("write what the dial shows in m³, as in 123.456")
    return None


def _show(done: "Done", *, as_json: bool) -> None:
    files = {
        "sheet": str(done.page),
        "document": str(done.document),
        "config": None if done.config is None else str(done.config),
    }
    if as_json:
        print(json.dumps({**done.sheet.document(), "files": files}, ensure_ascii=False))
        return
    rows = []
    troubles: list[Trouble] = []
    for line in done.sheet.lines:
        found = line.examination
        who = str(found.meter) if found and found.meter else ""
        address = str(line.listed.address or "")
        verdict = line.verdict
        rows.append((line.listed.label, address, who, verdict.level, "; ".join(verdict.reasons)))
        if found is not None:
            troubles += [replace(each, step=line.listed.label) for each in found.troubles]
    print(table(("label", "address", "meter", "result", "why"), rows))
    show_troubles(troubles)
    if not done.sheet.clock_synchronised:
        from edge_agent.install import advice

        print(f"\nthis machine's own time is not synchronised\n  try  {advice.NO_TIME}")
    for conflict in done.sheet.conflicts:
        print(f"several meters answer at address {conflict.door}")
    print(f"\nsheet     {done.page}\ndocument  {done.document}")
    print(f"settings  {done.config or 'not written: no meter may go into service'}")
