# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands for one meter: ``edge-agent read`` and ``edge-agent trace``.

In: a label of the settings, or a port and an address. Out: values or frames, as text or JSON.
Never: a stored value.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import JsonOption, MeterOptions, advised, spread
from edge_agent.cli.show import show_row
from edge_agent.cli.terminal import listing, say, say_lines, show_json, table
from edge_agent.errors import MeterError
from edge_agent.install.options import lasting_name, require_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.dlms.trace import TracedFrame
    from edge_agent.install.read_once import Readout, Value
    from edge_agent.recording.file import Recording

meter_commands = typer.Typer()


@meter_commands.command()
@spread
def read(meter: MeterOptions, as_json: JsonOption = False) -> None:
    """Read one meter by hand: who it is, clock, registers.

    \b
    edge-agent read 'A-1204 electricity' --config /etc/edge-agent/agent.toml
    edge-agent read A-1204/electricity 1.0.12.7.0.255
    edge-agent read A-1204/electricity 1.0.99.2.0.255
    edge-agent read --port /dev/ttyUSB0 --address 17 --password-file meter.pw

    Name a configured meter by its label, or by a beginning that no other label has; A-1204/water is
    'A-1204 water'. Name another one by --port and --address. With OBIS codes the command reads
    these instead of the model's registers. Of a profile it shows the newest rows; of a code that
    only a profile has, it says which one.
    Nothing is stored. The agent holds its ports: stop it while you read.
    """
    found = _read(meter)
    if as_json:
        show_json(found.document())
    else:
        _show(found)
    unread = sum(bool(each.problem) for each in found.values)
    if unread:
        said = f"{unread} of {len(found.values)} codes could not be read as asked"
        raise MeterError(said).advised(
            "leave out what the meter does not have; another client may read more: --client with "
            "its secret; edge-agent trace shows each frame"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOptions:
    """Whether what a meter answers is saved."""

    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Save what the meter answers, without secrets."),
    ] = None
    keep_serial: Annotated[
        bool,
        typer.Option("--keep-serial", help="Save the serial number as it is; else other digits."),
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Replace the file that --save names.")] = (
        False
    )


@meter_commands.command()
@spread
def trace(
    meter: MeterOptions,
    save: SaveOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a frame.")] = False,
) -> None:
    """Read one meter and show every frame in words.

    \b
    edge-agent trace A-1204/water --config /etc/edge-agent/agent.toml
    edge-agent trace --port /dev/ttyUSB0 --address 17 --client 16 0.0.96.1.0.255
    edge-agent trace A-1204/water --save odd-meter.jsonl

    -> is sent, <- is heard: addresses, control field, kind of APDU, attribute, access result,
    and the bytes. Passwords, challenges, keys and written data are left out. Ciphered APDUs are
    named and not deciphered; damaged bytes are counted. You may send it to a maker as it is.

    --save reads what a scan, a visit and a poll read, and writes the answers to a file (mode 0600)
    that edge-agent simulate --replay answers with. It holds no password, key, challenge or proof;
    a ciphered session stands in it as it was deciphered. Readings are in it, and other digits in
    the place of the serial number. What a meter answered before a failure is saved too.
    """
    tell = _print_json if as_json else _print_line
    if save.save is None:
        _read(meter, tell)
    else:
        _record(meter, save, save.save, tell)


def _record(
    asked: MeterOptions, how: SaveOptions, file: Path, tell: "Callable[[TracedFrame], None]"
) -> None:
    """Ask a meter for everything, and save what it answered, also where a step failed."""
    from edge_agent.bus import Bus
    from edge_agent.dlms.trace import Tracer
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.record import Questions, keys_to_open, recorded
    from edge_agent.recording.file import check_place, save_recording
    from edge_agent.recording.recorder import Recorder

    line, meter, codes = asked.find()
    check_place(file, force=how.force)
    lockout = Lockout.of_user(lasting_name(line.port), again=asked.again)
    bus, begun = Bus(line), datetime.now(UTC)
    recorder = Recorder(Tracer(bus, tell), keys_to_open(meter))
    questions = Questions(
        recorder, meter, lambda: datetime.now(UTC), say, heard=lambda: recorder.has_heard
    )
    try:
        with advised(meter), lockout.guard(meter), bus:
            questions.ask(codes)
    finally:
        if recorder.has_heard:
            found = recorded(recorder, meter, begun, keep_serial=how.keep_serial)
            save_recording(found, file, force=how.force)
            say_lines(_saved(file, found, recorder.sealed))
    with advised(meter):
        for error in questions.failed:
            raise error


def _saved(file: Path, found: "Recording", sealed: int) -> str:
    """Say what is in a recording, and what is not."""
    lost = f"; {sealed} more could not be deciphered and are not in it" if sealed else ""
    return (
        f"saved {len(found.answers)} answers without secrets{lost}: {file}\n"
        f"the serial number is {found.head.serial}; readings are in it\n"
        f"answer with it: edge-agent simulate --replay {file}"
    )


def _read(asked: MeterOptions, tell: "Callable[[TracedFrame], None] | None" = None) -> "Readout":
    """Read a meter, unless it refused these secrets before; with ``tell`` each frame is told."""
    from edge_agent.bus import Bus
    from edge_agent.dlms.trace import Tracer
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.read_once import read_meter

    line, meter, wanted = asked.find()
    require_secrets(meter)
    lockout = Lockout.of_user(lasting_name(line.port), again=asked.again)
    with advised(meter), lockout.guard(meter), Bus(line) as bus:
        return read_meter(bus if tell is None else Tracer(bus, tell), meter, wanted)


def _print_line(frame: "TracedFrame") -> None:
    print(frame.line(), flush=True)


def _print_json(frame: "TracedFrame") -> None:
    show_json(frame.document())


def _show(found: "Readout") -> None:
    who = f"{found.manufacturer or 'of an unknown maker'} {found.serial or 'no serial'}"
    clock = "shows no valid time" if found.clock is None else found.clock.isoformat()
    print(listing((("meter", who), ("clock", clock))))
    if found.values:
        print()
        print(table(("OBIS", "value", "unit", "meaning"), map(_cells, found.values), right=1))
    problems = [("failed", each.problem) for each in found.values if each.problem]
    if problems:
        print()
        print(listing(problems))
    for profile in found.profiles:
        print(f"\n{profile.title} {profile.obis}")
        for row in reversed(profile.rows):
            show_row(row)
            print()


def _cells(value: "Value") -> tuple[str, str, str, str]:
    return str(value.obis), value.text or "-", value.unit, value.name or ""
