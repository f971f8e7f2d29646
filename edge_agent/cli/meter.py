# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands for one meter: ``edge-agent read`` and ``edge-agent trace``.

In: a label of the settings, or a port and an address. Out: values or frames, as text or JSON.
Never: a stored value.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.options import JsonOption, MeterOptions, advised, spread
from edge_agent.cli.show import show_row
from edge_agent.cli.terminal import listing, show_json, table
from edge_agent.errors import MeterError
from edge_agent.install.options import lasting_name, require_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_agent.dlms.trace import TracedFrame
    from edge_agent.install.read_once import Readout, Value

meter_commands = typer.Typer()


@meter_commands.command()
@spread
def read(meter: MeterOptions, as_json: JsonOption = False) -> None:
    """Read one meter by hand: who it is, clock, registers.

    \b
    edge-agent read 'A-1204 electricity' --config /etc/edge-agent/agent.toml
    edge-agent read A-1204/electricity 1.0.12.7.0.255
    edge-agent read A-1204/water 1.0.99.2.0.255
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


@meter_commands.command()
@spread
def trace(
    meter: MeterOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a frame.")] = False,
) -> None:
    """Read one meter and show every frame in words.

    \b
    edge-agent trace A-1204/water --config /etc/edge-agent/agent.toml
    edge-agent trace --port /dev/ttyUSB0 --address 17 --client 16 0.0.96.1.0.255

    -> is sent, <- is heard: addresses, control field, kind of APDU, attribute, access result,
    and the bytes. Passwords, challenges, keys and written data are left out. Ciphered APDUs are
    named and not deciphered; damaged bytes are counted. You may send it to a maker as it is.
    """
    _read(meter, _print_json if as_json else _print_line)


def _read(asked: MeterOptions, tell: "Callable[[TracedFrame], None] | None" = None) -> "Readout":
    """Read a meter, unless it refused these secrets before; with ``tell`` each frame is told."""
    from edge_agent.bus import Bus
    from edge_agent.dlms.trace import Tap
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.read_once import read_meter

    line, meter, wanted = asked.find()
    require_secrets(meter)
    lockout = Lockout.of_user(lasting_name(line.port), again=asked.again)
    with advised(meter), lockout.guard(meter), Bus(line) as bus:
        return read_meter(bus if tell is None else Tap(bus, tell), meter, wanted)


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
