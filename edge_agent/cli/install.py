# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The installer's commands: ``edge-agent trial, scan``.

In: arguments. Out: tables or JSON on stdout, progress on stderr.
Never: a broker, a cloud; a heavy import before it is needed. The work is in the modules.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.errors import MeterError
from edge_agent.install.options import Ticker, lasting_name, line_opener, say, table

if TYPE_CHECKING:
    from edge_agent.dlms.trace import Event
    from edge_agent.install.examine import Examination, ShownRow, Trouble
    from edge_agent.install.scan import Scan
    from edge_agent.install.trial import Trial

install = typer.Typer()

PortOption = Annotated[
    Path, typer.Option(help="The serial adapter, best by its name under /dev/serial/by-id.")
]
ParityOption = Annotated[str, typer.Option(help="none, even or odd.")]
DirectionOption = Annotated[
    str, typer.Option(help="Who turns the line around: adapter, rs485 or rts.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]
PasswordOption = Annotated[
    Path | None, typer.Option(help="File with the meter's password, mode 0600.")
]
SecurityOption = Annotated[
    str | None,
    typer.Option(help="none, lls, lls-ae, hls-gmac, hls, …; by the client by default."),
]
EncryptionOption = Annotated[
    Path | None, typer.Option(help="File with the encryption key (EK), mode 0600.")
]
AuthenticationOption = Annotated[
    Path | None, typer.Option(help="File with the authentication key (AK), mode 0600.")
]
SuiteOption = Annotated[int, typer.Option(help="Security suite 0, 1 or 2; 1 and 2 are unproven.")]
SigningOption = Annotated[
    Path | None,
    typer.Option(help="File with the client's private key of hls-ecdsa, PEM, mode 0600."),
]
MeterPublicOption = Annotated[
    Path | None,
    typer.Option(help="File with the meter's public key of hls-ecdsa, PEM, mode 0600."),
]
ModelsOption = Annotated[
    Path | None, typer.Option(help="Folder of meter models besides the packaged ones.")
]
AgainOption = Annotated[
    bool,
    typer.Option("--again", help="Send what the meter refused before: it was changed itself."),
]
TraceOption = Annotated[
    bool, typer.Option("--trace", help="Show every frame on stderr, secrets left out.")
]


@install.command()
def trial(
    port: PortOption,
    baud: Annotated[int | None, typer.Option(help="Speed; found out where not given.")] = None,
    address: Annotated[
        int | None, typer.Option(help="Physical address; found out where not given.")
    ] = None,
    logical_address: Annotated[int, typer.Option(help="The upper HDLC address.")] = 1,
    model: Annotated[
        str | None, typer.Option(help="The kind of meter; guessed where not given.")
    ] = None,
    client: Annotated[
        int | None,
        typer.Option(help="16 public, 32 reader, 48 utility; by the secrets by default."),
    ] = None,
    password_file: PasswordOption = None,
    security: SecurityOption = None,
    encryption_key_file: EncryptionOption = None,
    authentication_key_file: AuthenticationOption = None,
    security_suite: SuiteOption = 0,
    signing_key_file: SigningOption = None,
    meter_public_key_file: MeterPublicOption = None,
    models_dir: ModelsOption = None,
    parity: ParityOption = "none",
    direction_control: DirectionOption = "adapter",
    again: AgainOption = False,
    trace: TraceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read one real meter with nothing set up.

    \b
    edge-agent trial --port /dev/serial/by-id/usb-FTDI_RS485-if00-port0
    edge-agent trial --port /dev/ttyUSB0 --address 17 --baud 9600 --password-file meter.pw

    No broker, no cloud, no configuration. Finds speed and address, then shows name plate, clock,
    registers and the newest rows of the profiles; says what failed and what to try. Without a
    password only what a meter tells everybody is read. Put the password in a file:
    printf %s 12345678 > meter.pw; chmod 600 meter.pw

    A meter that refuses its password or keys is not sent the same ones again, by no command of
    yours: many lock after three. --again does, where the meter itself was changed.
    """
    from edge_agent import gateway_clock
    from edge_agent.install.lockout import Lockout
    from edge_agent.install.scan import DEFAULT_ADDRESSES, parse_addresses
    from edge_agent.install.trial import Wish
    from edge_agent.install.trial import trial as try_meter

    wish = Wish(
        baudrate=baud,
        address=address,
        logical=logical_address,
        addresses=parse_addresses(DEFAULT_ADDRESSES),
        model=model,
        client=client,
        password_file=password_file,
        security=security,
        encryption_key_file=encryption_key_file,
        authentication_key_file=authentication_key_file,
        security_suite=security_suite,
        signing_key_file=signing_key_file,
        meter_public_key_file=meter_public_key_file,
        models_dir=models_dir,
    )
    opener = line_opener(
        port, parity=parity, direction_control=direction_control, tell=show_frame if trace else None
    )
    found = try_meter(
        opener,
        wish,
        _now,
        Lockout.of_user(lasting_name(port.absolute()), again=again),
        is_time_known=gateway_clock.is_synchronised(),
        progress=Ticker(),
        tell=say,
    )
    if as_json:
        print(json.dumps({"port": str(port), **found.document()}, ensure_ascii=False))
    else:
        _show_trial(port, found)
    if found.all_troubles:
        raise MeterError(
            f"{len(found.all_troubles)} steps of the trial failed; what to try stands above"
            if not as_json
            else f"{len(found.all_troubles)} steps of the trial failed"
        )


@install.command()
def scan(
    port: PortOption,
    addresses: Annotated[
        str | None, typer.Option(help="Physical addresses, as in 1-127,200; above 127 long.")
    ] = None,
    logical: Annotated[str, typer.Option(help="Upper HDLC addresses.")] = "1",
    long: Annotated[
        str | None, typer.Option(help="Addresses that are tried in the 4-byte form as well.")
    ] = None,
    baud: Annotated[
        list[int] | None, typer.Option(help="Speeds in this order; may be repeated.")
    ] = None,
    every_speed: Annotated[
        bool, typer.Option("--every-speed", help="Go on after a speed with meters.")
    ] = False,
    wait_ms: Annotated[
        int, typer.Option(min=20, max=5000, help="How long a meter may think.")
    ] = 250,
    parity: ParityOption = "none",
    direction_control: DirectionOption = "adapter",
    trace: TraceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find the meters on a port: speed, address, model.

    \b
    edge-agent scan --port /dev/ttyUSB0
    edge-agent scan --port /dev/ttyUSB0 --baud 9600 --addresses 1-127,1000-1100 --json

    No password is used. An address where several meters answer at once is listed as a conflict.
    127 addresses take about 40 s for each speed; at a speed with meters the silent ones are tried
    again, for a line loses frames.
    """
    from edge_agent.install import scan as scanning

    opener = line_opener(
        port, parity=parity, direction_control=direction_control, tell=show_frame if trace else None
    )
    wanted = scanning.doors(
        scanning.parse_addresses(addresses or scanning.DEFAULT_ADDRESSES),
        logical=scanning.parse_addresses(logical),
        long=scanning.parse_addresses(
            long if long is not None else "" if addresses else scanning.DEFAULT_LONG
        ),
    )
    found = scanning.scan(
        opener,
        wanted,
        baudrates=baud or scanning.BAUDRATES,
        wait_s=wait_ms / 1000,
        every_speed=every_speed,
        progress=Ticker(),
    )
    if as_json:
        print(json.dumps(_scan_document(port, found), ensure_ascii=False))
    else:
        _show_scan(found)
    if not found.meters:
        from edge_agent.install import advice

        raise MeterError(f"no meter answers on {port}: {advice.SILENCE}")


def _now() -> datetime:
    return datetime.now(UTC)


def show_frame(event: "Event") -> None:
    """Print one traced frame on stderr."""
    say(event.line())


def _scan_document(port: Path, found: "Scan") -> dict[str, object]:
    return {
        "port": str(port),
        "meters": [
            {
                "baudrate": each.baudrate,
                "address": each.door.physical or None,
                "logical_address": each.door.logical,
                "address_bytes": each.door.size,
                "manufacturer": each.plate.manufacturer if each.plate else None,
                "serial": each.plate.serial if each.plate else None,
                "model": each.plate.guess.model if each.plate else None,
                "model_because": each.plate.guess.because if each.plate else None,
                **({"problem": each.problem} if each.problem else {}),
            }
            for each in found.meters
        ],
        "conflicts": [
            {
                "baudrate": each.baudrate,
                "address": each.door.physical or None,
                "logical_address": each.door.logical,
                "address_bytes": each.door.size,
                "bytes_heard": each.heard,
            }
            for each in found.conflicts
        ],
        "knocks": found.knocks,
        "baudrates": found.baudrates,
        "echo": found.echo,
        "unasked_bytes": found.unasked,
    }


def _show_scan(found: "Scan") -> None:
    from edge_agent.install import advice

    rows = []
    for each in found.meters:
        plate = each.plate
        who = (plate.manufacturer or "?", plate.serial or "?") if plate else ("?", "?")
        said = f"{plate.guess.model}: {plate.guess.because}" if plate else each.problem
        rows.append((str(each.baudrate), str(each.door), *who, said))
    if rows:
        print(table(("baud", "address", "maker", "serial", "model"), rows))
    for conflict in found.conflicts:
        print(f"conflict at address {conflict.door}, {conflict.baudrate} baud: {advice.CONFLICT}")
    if found.unasked:
        print(f"{found.unasked} bytes came unasked: {advice.UNASKED}")
    if found.echo:
        print("the adapter hears its own frames (echo): that is allowed for")


def _show_trial(port: Path, found: "Trial") -> None:
    meter = found.found
    if meter is not None:
        print(f"port   {port} at {meter.baudrate} baud, address {meter.door}")
        if meter.door.size == 1:
            print("       it is alone on this line; edge-agent scan finds its own address")
        if meter.plate is not None:
            guess = meter.plate.guess
            print(f"model  {guess.model} fits: {guess.because}")
    if found.examination is not None:
        show_examination(found.examination)
    show_troubles(found.all_troubles)


def show_examination(found: "Examination") -> None:
    """Print what was read of a meter, as tables."""
    plate = found.plate
    who = plate and (plate.manufacturer, plate.serial)
    if found.meter is not None:
        who = (found.meter.manufacturer, found.meter.serial)
    print(f"meter  {' '.join(filter(None, who or ())) or 'did not say who it is'}")
    if found.clock is not None and found.clock_offset_s is not None:
        offset = found.clock_offset_s
        way = "ahead of" if offset >= 0 else "behind"
        print(f"clock  {found.clock:%Y-%m-%d %H:%M:%S %z}, {abs(offset):.0f} s {way} this machine")
        if not found.is_time_known:
            from edge_agent.install import advice

            print(f"       this machine's own time is not synchronised: {advice.NO_TIME}")
    print(f"line   {found.line.frames} frames, {found.line.errors} errors")
    entries = plate.entries if plate else {}
    rows = [(str(obis), text, "", _meaning(obis)) for obis, text in entries.items()]
    rows += [(str(each.obis), each.text, each.unit, each.name) for each in found.registers]
    if rows:
        print()
        print(table(("OBIS", "value", "unit", "meaning"), rows, right=1))
    for profile in found.profiles:
        oldest = f", oldest row {profile.oldest:%Y-%m-%d %H:%M}" if profile.oldest else ""
        period = f", every {profile.period_s // 60} min" if profile.period_s else ""
        print(f"\n{profile.title} {profile.obis}{period}{oldest}")
        show_row(profile.rows[-1])
    for remark in found.remarks:
        print(f"note   {remark}")


def show_row(row: "ShownRow") -> None:
    """Print a profile's row as a table."""
    values = [(str(each.obis), each.text, each.unit, each.name) for each in row.values]
    print(table(("OBIS", f"{row.at:%Y-%m-%d %H:%M}", "unit", "meaning"), values, right=1))


def show_troubles(troubles: "list[Trouble]") -> None:
    """Print what failed, and once for each advice what to try."""
    by_advice: dict[str, list[Trouble]] = {}
    for each in troubles:
        by_advice.setdefault(each.advice, []).append(each)
    for text, those in by_advice.items():
        print()
        for each in those:
            print(f"failed {each.step}: {each.said}")
        if text:
            print(f"  try  {text}")


def _meaning(obis: object) -> str:
    from shared_schema.catalogue import CATALOGUE

    known = CATALOGUE.get(obis)  # type: ignore[call-overload]
    return known.name if known else ""
