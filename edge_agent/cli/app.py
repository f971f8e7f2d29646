# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed; an option is a parameter
"""The command line: ``edge-agent``.

In: arguments. Out: text or JSON on stdout, one line on stderr for what went wrong (exit 2).
Never: a traceback for a person's mistake; a heavy import before it is needed.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edge_agent.cli.clock import clocks
from edge_agent.cli.commission import commissioning
from edge_agent.cli.install import install
from edge_agent.cli.meter import one
from edge_agent.cli.operate import care
from edge_agent.errors import AgentError, ConfigurationError

app = typer.Typer(
    name="edge-agent",
    help="The gateway of a housing society: reads DLMS meters on RS-485 and delivers "
    "what they say, signed, over MQTT.",
    epilog="A first try without hardware: edge-agent simulate estate.toml --directory /tmp/estate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_FAILED = 2
_SLOWEST_BAUD = 300
_YEARS = range(2000, 2100)
"""What a meter's clock can show, and a reading may be of."""


def main() -> None:
    """Run the command line; every mistake of a person becomes one line and exit code 2."""
    try:
        app()
    except AgentError as error:
        print(f"edge-agent: {'; '.join(str(error).splitlines())}", file=sys.stderr)
        sys.exit(_FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@app.command()
def run(
    config: Annotated[
        Path, typer.Option(help="The gateway's settings: docs/reference/agent-toml.md.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Try the files, the broker and the ports, and leave.")
    ] = False,
    log_format: Annotated[str, typer.Option(help="text or json, on stderr.")] = "text",
    verbose: Annotated[bool, typer.Option("--verbose", help="Log each poll.")] = False,
) -> None:
    """Poll the meters and publish, until SIGTERM or Ctrl-C.

    \b
    edge-agent run --config /etc/edge-agent/agent.toml --check
    edge-agent run --config /etc/edge-agent/agent.toml

    A broker or a meter that is away is waited for; a mistake in the settings ends with exit 2.
    """
    from edge_agent import agent, logs
    from edge_agent.settings import load_settings

    if log_format not in {"text", "json"}:
        raise ConfigurationError(f"--log-format is text or json, not {log_format!r}")
    logs.set_up("json" if log_format == "json" else "text", verbose=verbose)
    settings = load_settings(config)
    if check:
        for line in agent.check(settings):
            print(line)
        return
    with _stopped_by_signals() as stop:
        agent.Agent(settings).run(stop)


@app.command()
def simulate(
    estate: Annotated[
        Path,
        typer.Argument(
            metavar="ESTATE.toml", help="Buses and meters: docs/reference/estate-toml.md."
        ),
    ],
    directory: Annotated[
        Path | None, typer.Option(help="Where the links to the buses are made.")
    ] = None,
    baud: Annotated[
        int | None,
        typer.Option(help="Pace of the lines, 300 or more; without it as fast as possible."),
    ] = None,
    registers_at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Print all registers at an ISO 8601 time, and leave."),
    ] = None,
) -> None:
    """Serve virtual meters on pseudo terminals, until Ctrl-C.

    \b
    edge-agent simulate estate.toml --directory /tmp/estate
    edge-agent read --port /tmp/estate/riser-1.tty --address 17 --client 16

    Each bus of the file becomes a link that any DLMS reader can open as a serial port.
    """
    from edge_agent.virtual.estate import EstateError, load_estate, serve

    if baud is not None and baud < _SLOWEST_BAUD:
        raise ConfigurationError(f"--baud {baud}: no line is slower than {_SLOWEST_BAUD}")
    try:
        loaded = load_estate(estate)
    except EstateError as error:
        raise ConfigurationError(f"{error}") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read the estate: {error.strerror}: {estate}") from None
    if registers_at is not None:
        _print_registers(loaded, _aware(registers_at))
        return
    if directory is None:
        raise ConfigurationError("say where the links are made: --directory DIR")
    try:
        with (
            _stopped_by_signals() as stop,
            serve(loaded, directory, baud=baud, now=lambda: datetime.now(UTC)) as links,
        ):
            for name, link in links.items():
                print(f"{name}\t{link}", flush=True)
            stop.wait()
    except OSError as error:
        raise ConfigurationError(
            f"cannot make the links in {directory}: {error.strerror}: {error.filename}"
        ) from None


@app.command()
def keygen(
    path: Annotated[Path, typer.Argument(help="Where the private key goes.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Make the gateway's signing key, print its fingerprint.

    \b
    edge-agent keygen /etc/edge-agent/gateway.key

    Writes the private key (mode 0600) and, beside it, the public key with .pub at its end:
    that one is given to the cloud. A key that is there already is never overwritten.
    """
    from shared_schema.signing import (
        fingerprint,
        generate_key,
        key_id,
        private_key_to_pem,
        public_key_to_pem,
    )

    key = generate_key()
    public = path.with_name(path.name + ".pub")
    _write_new(
        (path, private_key_to_pem(key), 0o600),
        (public, public_key_to_pem(key.public_key()), 0o644),
    )
    made = {
        "key_file": str(path),
        "public_key_file": str(public),
        "key": key_id(key.public_key()),
        "fingerprint": fingerprint(key.public_key()),
    }
    if as_json:
        print(json.dumps(made))
    else:
        print(f"private key  {path}\npublic key   {public}\nfingerprint  {made['fingerprint']}")


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def end(number: int, _frame: object) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _aware(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
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


def _print_registers(estate: Any, at: datetime) -> None:
    from shared_schema.catalogue import CATALOGUE, Kind

    codes = [obis for obis, known in CATALOGUE.items() if known.kind is Kind.REGISTER]
    found: dict[str, dict[str, int]] = {}
    for meter in estate.meters():
        registers = found[meter.spec.serial] = {}
        for obis in codes:
            with contextlib.suppress(KeyError):
                registers[str(obis)] = meter.register_at(obis, at)
    print(json.dumps(found))


def _write_new(*files: tuple[Path, bytes, int]) -> None:
    """Write new files, each with its mode: all of them, or none."""
    made: list[Path] = []
    try:
        with contextlib.ExitStack() as stack:
            opened = []
            for path, data, mode in files:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                file = stack.enter_context(os.fdopen(os.open(path, flags, mode), "wb"))
                made.append(path)
                opened.append((path, file, data))
            for path, file, data in opened:  # noqa: B007 - the error below names it
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        for each in made:
            each.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise ConfigurationError(
                f"{path} is there already and is not overwritten: move it away, or take another "
                "name"
            ) from None
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None


app.add_typer(one)
app.add_typer(install)
app.add_typer(commissioning)
app.add_typer(care)
app.add_typer(clocks)


if __name__ == "__main__":
    main()
