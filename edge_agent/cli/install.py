# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The installer's commands ``edge-agent trial`` and ``edge-agent scan``.

In: options. Out: tables or JSON on stdout, progress on stderr.
Never: a broker, a cloud; the work itself, which is under `install`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import (
    AgainOption,
    JsonOption,
    LineOptions,
    LogicalOption,
    ModelsOption,
    SecretOptions,
    spread,
)
from edge_agent.cli.show import show_examination, show_troubles
from edge_agent.cli.terminal import ScanProgress, listing, say, show_json, table
from edge_agent.errors import MeterError, Reported

if TYPE_CHECKING:
    from edge_agent.install.scan_result import FoundMeter, Scan
    from edge_agent.install.trial import Target, Trial

install_commands = typer.Typer()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions(SecretOptions):
    """What is known of the meter to try."""

    baud: Annotated[int | None, typer.Option(help="Speed; found out where not given.")] = None
    address: Annotated[
        int | None, typer.Option(help="Physical address; found out where not given.")
    ] = None
    logical_address: LogicalOption = 1
    model: Annotated[
        str | None, typer.Option(help="The meter's model; guessed where not given.")
    ] = None
    models_dir: ModelsOption = None

    def target(self) -> "Target":
        """Return the meter to try."""
        from edge_agent.install.addresses import DEFAULT_ADDRESSES, parse_addresses
        from edge_agent.install.options import require_secret_files
        from edge_agent.install.trial import Target

        known = asdict(self)
        require_secret_files(**known)
        return Target(
            baudrate=known.pop("baud"),
            logical=known.pop("logical_address"),
            addresses=parse_addresses(DEFAULT_ADDRESSES),
            **known,
        )


@install_commands.command()
@spread
def trial(
    line: LineOptions,
    target: TargetOptions,
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read one real meter with nothing set up.

    \b
    edge-agent trial --port /dev/serial/by-id/usb-FTDI_RS485-if00-port0
    edge-agent trial --port /dev/ttyUSB0 --address 17 --password-file meter.pw

    It needs no broker, no cloud and no settings. It finds speed and address, then shows name
    plate, clock, registers and the newest rows of the profiles. Where several meters answer it
    lists them: choose one by --address. It says what failed and what to try. Without a password
    it reads only what a meter tells everybody. Put the password in a file:
    printf %s 12345678 > meter.pw; chmod 600 meter.pw

    No command of yours sends a meter the same password or keys again that it refused: many lock
    after three. --again does, for a meter that was changed itself.
    """
    found = _try(line, target.target(), again=again)
    if as_json:
        show_json({"port": str(line.port), **found.document()})
    else:
        _show_trial(line.port, found)
    if count := len(found.all_troubles):
        what_next = 'in "troubles"' if as_json else "above"
        plural = "" if count == 1 else "s"
        raise Reported(f"{count} step{plural} of the trial failed; what to try stands {what_next}")


def _try(line: LineOptions, target: "Target", *, again: bool) -> "Trial":
    from edge_agent import gateway_clock
    from edge_agent.install.trial import trial as try_meter

    return try_meter(
        line.opener(),
        target,
        lambda: datetime.now(UTC),
        line.lockout(again=again),
        is_time_known=gateway_clock.is_synchronised(),
        progress=ScanProgress(),
        tell=say,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """Where to look, and for how long."""

    addresses: Annotated[
        str | None, typer.Option(help="Physical addresses, as in 1-127,200; above 127 long.")
    ] = None
    logical: Annotated[str, typer.Option(help="Upper HDLC addresses.")] = "1"
    long: Annotated[
        str | None, typer.Option(help="Addresses to try in the 4-byte form as well.")
    ] = None
    baud: Annotated[
        list[int] | None, typer.Option(help="Speeds in this order; may be repeated.")
    ] = None
    every_speed: Annotated[
        bool, typer.Option("--every-speed", help="Go on after a speed with meters.")
    ] = False
    wait_ms: Annotated[int, typer.Option(min=20, max=5000, help="How long a meter may think.")] = (
        250
    )
    models_dir: ModelsOption = None


@install_commands.command()
@spread
def scan(line: LineOptions, where: ScanOptions, as_json: JsonOption = False) -> None:
    """Find the meters on a port: speed, address, model.

    \b
    edge-agent scan --port /dev/ttyUSB0
    edge-agent scan --port /dev/ttyUSB0 --baud 9600 --addresses 1-127,1000-1100

    It sends no password. It lists an address where several meters answer at once as a conflict.
    127 addresses take about 40 s for each speed. A line loses frames: at a speed with meters the
    scan tries silent addresses again.
    """
    found = _scan(line, where)
    if as_json:
        show_json({"port": str(line.port), **found.document()})
    else:
        _show_scan(found)
    if not found.meters:
        from edge_agent.install import advice_texts

        raise MeterError(f"no meter answers on {line.port}").advised(advice_texts.SILENCE)


def _scan(line: LineOptions, where: ScanOptions) -> "Scan":
    from edge_agent.install import addresses as hdlc
    from edge_agent.install import scan as scanning

    long = "" if where.addresses else hdlc.DEFAULT_LONG
    return scanning.scan(
        line.opener(),
        hdlc.hdlc_addresses(
            hdlc.parse_addresses(where.addresses or hdlc.DEFAULT_ADDRESSES),
            logical=hdlc.parse_addresses(where.logical),
            long=hdlc.parse_addresses(long if where.long is None else where.long),
        ),
        baudrates=where.baud or scanning.BAUDRATES,
        wait_s=where.wait_ms / 1000,
        models_dir=where.models_dir,
        every_speed=where.every_speed,
        progress=ScanProgress(),
    )


def _show_scan(found: "Scan") -> None:
    from edge_agent.install import advice_texts

    _show_meters(found.meters)
    lines = [
        ("conflict", f"at address {each.hdlc}, {each.baudrate} baud: {advice_texts.CONFLICT}")
        for each in found.conflicts
    ]
    if found.unasked:
        lines.append(("noise", f"{found.unasked} bytes came unasked: {advice_texts.UNASKED}"))
    if found.echo:
        lines.append(("echo", "the adapter hears its own frames; the scan allows for that"))
    if lines:
        print(listing(lines))


def _show_meters(meters: Sequence["FoundMeter"]) -> None:
    if meters:
        header = ("baud", "address", "maker", "serial", "model")
        print(table(header, map(_meter_cells, meters)))
    remarks = [
        ("serial", f"at address {each.hdlc}: {each.plate.odd.remark}")
        for each in meters
        if each.plate is not None and each.plate.odd.remark
    ]
    if remarks:
        print(listing(remarks))


def _meter_cells(meter: "FoundMeter") -> tuple[str, ...]:
    plate = meter.plate
    who = (plate.manufacturer or "?", plate.serial or "?") if plate else ("?", "?")
    model = f"{plate.guess.model}: {plate.guess.because}" if plate else meter.problem
    return str(meter.baudrate), str(meter.hdlc), *who, model


def _show_trial(port: Path, found: "Trial") -> None:
    meter = found.found
    if len(found.meters) > 1:
        _show_meters(found.meters)
    if meter is not None:
        lines = [("port", f"{port} at {meter.baudrate} baud, address {meter.hdlc}")]
        if meter.hdlc.size == 1:
            lines.append(("", "it is alone on this line; edge-agent scan finds its own address"))
        if meter.plate is not None:
            guess = meter.plate.guess
            lines.append(("model", f"{guess.model} fits: {guess.because}"))
            if meter.plate.odd.remark:
                lines.append(("serial", meter.plate.odd.remark))
        print(listing(lines))
    if found.examination is not None:
        show_examination(found.examination)
    show_troubles(found.all_troubles)
