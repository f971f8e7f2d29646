# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands for one meter: ``edge-agent read, trace``.

In: a label of the settings, or a port and an address. Out: values or frames, as text or JSON.
Never: a stored value; a heavy import before it is needed.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.install import (
    AgainOption,
    AuthenticationOption,
    EncryptionOption,
    JsonOption,
    MeterPublicOption,
    ParityOption,
    PasswordOption,
    SecurityOption,
    SigningOption,
    SuiteOption,
    show_row,
)
from edge_agent.errors import MeterError
from edge_agent.install.options import SETTINGS, lasting_name, one_meter

if TYPE_CHECKING:
    from edge_agent.dlms.trace import Event
    from edge_agent.install.read_once import Readout

one = typer.Typer()

WordsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[METER] [OBIS]...",
        help="The label of a configured meter; codes to read, A.B.C.D.E.F.",
        show_default=False,
    ),
]
ConfigOption = Annotated[Path, typer.Option(help="The settings that have the label.")]
PortOption = Annotated[
    Path | None, typer.Option(help="The adapter, or a pty: for a meter not configured.")
]
AddressOption = Annotated[int | None, typer.Option(help="The meter's physical HDLC address.")]
LogicalOption = Annotated[int, typer.Option(help="The upper HDLC address.")]
ModelOption = Annotated[str, typer.Option(help="The kind of meter.")]
ClientOption = Annotated[
    int | None,
    typer.Option(help="16 public, 32 meter reader, 48 utility; the model's by default."),
]
BaudOption = Annotated[int, typer.Option("--baud", "--baudrate", help="Speed of the line.")]


@one.command()
def read(
    words: WordsArgument = None,
    config: ConfigOption = SETTINGS,
    port: PortOption = None,
    address: AddressOption = None,
    model: ModelOption = "generic",
    client: ClientOption = None,
    password_file: PasswordOption = None,
    security: SecurityOption = None,
    encryption_key_file: EncryptionOption = None,
    authentication_key_file: AuthenticationOption = None,
    security_suite: SuiteOption = 0,
    signing_key_file: SigningOption = None,
    meter_public_key_file: MeterPublicOption = None,
    logical_address: LogicalOption = 1,
    baudrate: BaudOption = 9600,
    parity: ParityOption = "none",
    again: AgainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read one meter by hand: who it is, clock, registers.

    \b
    edge-agent read 'A-1204 electricity' --config /etc/edge-agent/agent.toml
    edge-agent read A-1204 1.0.12.7.0.255
    edge-agent read A-1204 1.0.99.1.0.255
    edge-agent read --port /dev/ttyUSB0 --address 17 --model is16444 --password-file meter.pw

    A configured meter is named by its label, or by a beginning of it; one that is not is read
    with --port and --address. With OBIS codes these are read instead of the model's registers; of a
    profile its newest rows are shown, and of a code that only a profile has which one that is.
    Nothing is stored. The agent holds its ports: stop it while you read.
    """
    from edge_agent.bus import Bus
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.read_once import read_meter

    line, meter, wanted = one_meter(
        words or [],
        config,
        port,
        address=address,
        logical_address=logical_address,
        model=model,
        client=client,
        password_file=password_file,
        security=security,
        encryption_key_file=encryption_key_file,
        authentication_key_file=authentication_key_file,
        security_suite=security_suite,
        signing_key_file=signing_key_file,
        meter_public_key_file=meter_public_key_file,
        baudrate=baudrate,
        parity=parity,
    )
    lockout = Lockout.of_user(lasting_name(line.port), again=again)
    with lockout.guard(meter), Bus(line) as bus:
        found = read_meter(bus, meter, wanted)
    _show(found, as_json=as_json)
    unread = sum(bool(each.problem) for each in found.values)
    if unread:
        raise MeterError(f"{unread} of {len(found.values)} codes could not be read as asked")


@one.command()
def trace(
    words: WordsArgument = None,
    config: ConfigOption = SETTINGS,
    port: PortOption = None,
    address: AddressOption = None,
    model: ModelOption = "generic",
    client: ClientOption = None,
    password_file: PasswordOption = None,
    security: SecurityOption = None,
    encryption_key_file: EncryptionOption = None,
    authentication_key_file: AuthenticationOption = None,
    security_suite: SuiteOption = 0,
    signing_key_file: SigningOption = None,
    meter_public_key_file: MeterPublicOption = None,
    logical_address: LogicalOption = 1,
    baudrate: BaudOption = 9600,
    parity: ParityOption = "none",
    again: AgainOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a frame.")] = False,
) -> None:
    """Read one meter and show every frame in words.

    \b
    edge-agent trace A-1204 --config /etc/edge-agent/agent.toml
    edge-agent trace --port /dev/ttyUSB0 --address 17 --client 16 0.0.96.1.0.255 --json

    -> is sent, <- is heard: addresses, control field, kind of APDU, attribute, access result,
    and the bytes. Passwords, challenges, keys and written data are left out; ciphered APDUs are
    named and not deciphered; damaged bytes are counted. It may be sent to a maker as it is.
    """
    from edge_agent.bus import Bus
    from edge_agent.dlms.trace import Tap
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.read_once import read_meter

    line, meter, wanted = one_meter(
        words or [],
        config,
        port,
        address=address,
        logical_address=logical_address,
        model=model,
        client=client,
        password_file=password_file,
        security=security,
        encryption_key_file=encryption_key_file,
        authentication_key_file=authentication_key_file,
        security_suite=security_suite,
        signing_key_file=signing_key_file,
        meter_public_key_file=meter_public_key_file,
        baudrate=baudrate,
        parity=parity,
    )

    def tell(event: "Event") -> None:
        text = json.dumps(event.document(), ensure_ascii=False) if as_json else event.line()
        print(text, flush=True)

    lockout = Lockout.of_user(lasting_name(line.port), again=again)
    with lockout.guard(meter), Bus(line) as bus:
        read_meter(Tap(bus, tell), meter, wanted)


def _show(found: "Readout", *, as_json: bool) -> None:
    clock = None if found.clock is None else found.clock.isoformat()
    if as_json:
        document = {
            "manufacturer": found.manufacturer,
            "serial": found.serial,
            "clock": clock,
            "values": [
                {
                    "obis": str(each.obis),
                    "name": each.name,
                    "value": None if each.value is None else str(each.value),
                    "unit": each.unit,
                    **({"problem": each.problem} if each.problem else {}),
                }
                for each in found.values
            ],
            "profiles": [each.document() for each in found.profiles],
        }
        print(json.dumps(document, ensure_ascii=False))
        return
    print(f"meter  {found.manufacturer or 'of an unknown maker'} {found.serial or 'no serial'}")
    print(f"clock  {clock or 'shows no valid time'}")
    for each in found.values:
        value = "-" if each.value is None else str(each.value)
        remark = f"  ({each.problem})" if each.problem else ""
        print(f"{each.obis!s:<18} {value:>16} {each.unit:<4} {each.name or ''}{remark}".rstrip())
    for profile in found.profiles:
        print(f"\n{profile.title} {profile.obis}")
        for row in reversed(profile.rows):
            show_row(row)
            print()
