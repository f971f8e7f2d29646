# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The command ``edge-agent simulate``: virtual meters on pseudo terminals.

In: an estate file. Out: a link for each bus, or all registers at a time as JSON.
Never: a meter that is not in the file.
"""

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.signals import stopped_by_signals
from edge_agent.cli.terminal import say, say_lines
from edge_agent.errors import ConfigurationError, Setup

if TYPE_CHECKING:
    from edge_agent.recording.file import Recording
    from edge_agent.virtual.estate import Estate

simulate_commands = typer.Typer()
_SLOWEST_BAUD = 300
_YEARS = range(2000, 2100)
"""What a meter's clock can show."""


EstateArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[ESTATE.toml]",
        help="Buses and meters: docs/reference/estate-toml.md.",
        show_default=False,
    ),
]
ReplayOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Answer as the meter did that trace --save recorded."),
]
ExampleOption = Annotated[
    bool, typer.Option("--example", help="Serve a small riser; write what it needs first.")
]
DirectoryOption = Annotated[
    Path | None, typer.Option(help="Folder in which the links to the buses are made.")
]
PaceOption = Annotated[
    int | None,
    typer.Option(help="Pace of the lines, 300 or more; without it as fast as possible."),
]
TimeOption = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Print all registers at an ISO 8601 time, and leave."),
]


@simulate_commands.command()
def simulate(
    estate: EstateArgument = None,
    replay: ReplayOption = None,
    example: ExampleOption = False,
    directory: DirectoryOption = None,
    baud: PaceOption = None,
    registers_at: TimeOption = None,
) -> None:
    """Serve virtual meters on pseudo terminals, until Ctrl-C.

    \b
    edge-agent simulate --example
    edge-agent simulate estate.toml --directory /tmp/estate
    edge-agent read --port /tmp/estate/riser-1.tty --address 17 --client 16
    edge-agent simulate --replay odd-meter.jsonl

    Each bus of the file becomes a link that any DLMS reader can open as a serial port.

    --example serves four meters without a file of yours, and prints the commands that scan, try and
    commission them. Their files are in a folder that goes with it at the end; in --directory they
    stay.

    --replay serves one meter from a recording, at its own address and for any client, with any
    password or none; nothing is ciphered. What was not asked in the recording is answered
    object-undefined, and named here once. The clock runs on from the recording. Rows are moved by
    whole capture periods, so that the newest is no older than it was; the rest by whole days.
    Registers stand still, and no row is added: start it anew for new ones.
    """
    if baud is not None and baud < _SLOWEST_BAUD:
        raise ConfigurationError(f"--baud {baud}: no line is slower than {_SLOWEST_BAUD}")
    if [estate is not None, replay is not None, example].count(True) != 1:
        raise ConfigurationError(
            "meters of a file, a recording or the example: one of them"
        ).advised("name a file of virtual meters, or give --replay FILE or --example")
    if registers_at is not None and estate is None:
        raise ConfigurationError("--registers-at needs a file of virtual meters")
    if example:
        _serve_example(directory, baud)
    elif replay is not None:
        _serve_recording(replay, directory, baud)
    elif estate is not None:
        _simulate(estate, directory, baud, registers_at)


def _simulate(
    file: Path, directory: Path | None, baud: int | None, registers_at: str | None
) -> None:
    loaded = _load(file)
    if registers_at is not None:
        print(json.dumps(_registers(loaded, _aware(registers_at))))
        return
    if directory is None:
        raise ConfigurationError("say where the links are made: --directory DIR")
    _serve(loaded, directory, baud)


def _serve_example(directory: Path | None, baud: int | None) -> None:
    """Write the example into a folder, by default one for the time of serving, and serve it."""
    from tempfile import TemporaryDirectory

    if directory is not None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _serve_example_in(directory.absolute(), baud)
    else:
        with TemporaryDirectory(prefix="edge-agent-") as folder:
            _serve_example_in(Path(folder), baud)


def _serve_example_in(folder: Path, baud: int | None) -> None:
    from edge_agent.virtual.example import next_commands, write_example

    try:
        estate = write_example(folder)
    except FileExistsError as error:
        served = f"edge-agent simulate {folder}/estate.toml --directory {folder}"
        raise ConfigurationError(f"{error.filename} is there: no example is written").advised(
            f"serve what is there: {served}; or name another --directory"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot write the example: {error.strerror}: {folder}", of=Setup.FILE
        ) from None
    say_lines(
        f"next, in another terminal (Ctrl-C here ends it):\n\n{next_commands(estate, folder)}\n"
    )
    _serve(estate, folder, baud)


def _serve_recording(file: Path, directory: Path | None, baud: int | None) -> None:
    """Serve the meter of a recording; without a directory under the terminal's own name."""
    from edge_agent.recording.file import load_recording
    from edge_agent.virtual.bus import BusThread, PtyBus
    from edge_agent.virtual.line import Line
    from edge_agent.virtual.replay import station

    recording, name = load_recording(file), file.stem
    line = Line([station(recording, datetime.now(UTC), say)], baud=baud)
    try:
        bus = PtyBus(line, None if directory is None else directory / f"{name}.tty")
    except OSError as error:
        raise _no_links(directory, error) from None
    with stopped_by_signals() as stop, BusThread([bus], lambda: datetime.now(UTC)):
        print(f"{name}\t{bus.path}", flush=True)
        say_lines(_next_steps(bus.path, recording))
        stop.wait()


def _next_steps(port: str, recording: "Recording") -> str:
    head = recording.head
    logical = f" --logical-address {head.logical}" if head.logical != 1 else ""
    model = f" --model {head.model}" if head.model else ""
    return (
        f"recorded {head.at:%Y-%m-%d %H:%M} UTC, serial number {head.serial}; Ctrl-C ends it\n"
        f"read it: edge-agent trial --port {port} --baud 9600 --address {head.physical}"
        f"{logical}{model}"
    )


def _no_links(directory: Path | None, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"cannot make the links in {directory}: {error.strerror}: {error.filename}",
        of=Setup.FILE,
    )


def _load(file: Path) -> "Estate":
    from edge_agent.virtual.estate import EstateError, load_estate

    try:
        return load_estate(file)
    except EstateError as error:
        raise ConfigurationError(f"{error}", of=Setup.ESTATE) from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the estate: {error.strerror}: {file}", of=Setup.FILE
        ) from None


def _serve(estate: "Estate", directory: Path, baud: int | None) -> None:
    from edge_agent.virtual.estate import serve

    try:
        with (
            stopped_by_signals() as stop,
            serve(estate, directory, baud=baud, now=lambda: datetime.now(UTC)) as links,
        ):
            for name, link in links.items():
                print(f"{name}\t{link}", flush=True)
            stop.wait()
    except OSError as error:
        raise _no_links(directory, error) from None


def _aware(text: str) -> datetime:
    try:
        at = None if "W" in text else datetime.fromisoformat(text)  # a week is no time
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigurationError(
            f"--registers-at {text!r} is no ISO 8601 time with its zone, "
            "such as 2026-11-01T00:00:00+05:30"
        )
    if at.year not in _YEARS:
        raise ConfigurationError(
            f"--registers-at {text!r}: the year is from {_YEARS.start} to {_YEARS.stop - 1}"
        )
    return at


def _registers(estate: "Estate", at: datetime) -> dict[str, dict[str, int]]:
    """Return the registers of each meter at a time, by serial number and OBIS code."""
    from shared_schema.catalogue import CATALOGUE, Kind

    codes = [obis for obis, known in CATALOGUE.items() if known.kind is Kind.REGISTER]
    found: dict[str, dict[str, int]] = {}
    for meter in estate.meters():
        registers = found[meter.spec.serial] = {}
        for obis in codes:
            with suppress(KeyError):
                registers[str(obis)] = meter.register_at(obis, at)
    return found
