# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands for a gateway in service: ``edge-agent status``, ``doctor`` and ``models``.

In: arguments. Out: a table or JSON. Never: a change on the gateway.
"""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from edge_agent.cli.check_lines import show_checks
from edge_agent.cli.options import ConfigOption, JsonOption, ModelsOption
from edge_agent.cli.terminal import folded, listing, show_json, table
from edge_agent.errors import ConfigurationError, Reported, Setup
from edge_agent.install.options import SETTINGS

if TYPE_CHECKING:
    from edge_agent.operate.status import GatewayStatus, MeterStatus

operate_commands = typer.Typer()
models = typer.Typer(help="List the models of meters; check a file of one.")
operate_commands.add_typer(models, name="models")


@operate_commands.command()
def status(config: ConfigOption = SETTINGS, as_json: JsonOption = False) -> None:
    """Say how the gateway stands: readings, queue, receipts.

    \b
    edge-agent status --config /etc/edge-agent/agent.toml
    edge-agent status --json

    It reads the spool and disturbs no agent. Below the table it says why a meter was not read when
    it was last tried. The whole history is in the agent's log: journalctl -u edge-agent.
    """
    from edge_agent import gateway_clock
    from edge_agent.operate.status import gateway_status
    from edge_agent.settings.file import load_settings

    settings = load_settings(config)
    found = gateway_status(
        settings,
        datetime.now(UTC),
        synchronised=gateway_clock.is_synchronised(
            assume_synchronised=settings.assume_synchronised_clock
        ),
        stand=gateway_clock.unkept_stand(),
    )
    if as_json:
        show_json(found.document())
    else:
        show_status(found)


def _clock(found: "GatewayStatus") -> str:
    jump_s = found.clock_jump_s
    why = "not synchronised" if jump_s is None else f"it jumped by {jump_s:+.0f} s"
    return f"{why}: the agent reads no meter; what to do: edge-agent doctor"


def show_status(found: "GatewayStatus") -> None:
    """Print a gateway's status: the gateway, its meters, and what is wrong with them."""
    running = {True: "runs", False: "does not run", None: "cannot be seen"}[found.running]
    print(
        listing(
            (
                ("gateway", f"{found.gateway}: the agent {running}"),
                (
                    "waiting",
                    f"{found.waiting_live:,} live, {found.waiting_backlog:,} older batches",
                ),
                ("receipt", _ago(found.last_receipt, found)),
                *(() if found.synchronised else (("clock", _clock(found)),)),
                *(
                    (("certificate", f"{found.certificate_remark}; a new one: edge-agent request"),)
                    if found.certificate_remark
                    else ()
                ),
                *(() if found.forked_at is None else (("clone", _cloned(found.forked_at, found)),)),
            )
        )
    )
    print()
    header = ("label", "bus", "address", "meter", "last read", "rows until")
    print(table(header, (_meter_cells(each, found) for each in found.meters)))
    remarks = [(each.label, text) for each in found.meters if (text := _remark(each))]
    if remarks:
        print()
        print(listing(remarks))


def _cloned(at: datetime, found: "GatewayStatus") -> str:
    return (
        f"{_dated(at, found)}: another gateway used this key and a copy of this spool, or the "
        "spool was an older copy; what to do: edge-agent doctor"
    )


def _ago(at: datetime | None, found: "GatewayStatus") -> str:
    if at is None:
        return "never"
    minutes = int((found.at - at).total_seconds()) // 60
    return f"{minutes} min ago" if abs(minutes) < 600 else _dated(at, found)


def _dated(at: datetime, found: "GatewayStatus") -> str:
    return f"{at.astimezone(ZoneInfo(found.zone)):%d %b %Y %H:%M %Z}"


def _meter_cells(meter: "MeterStatus", found: "GatewayStatus") -> tuple[str, ...]:
    return (
        meter.label,
        meter.bus,
        str(meter.address),
        meter.meter or "never answered",
        _ago(meter.last_read, found),
        _dated(meter.rows_until, found) if meter.rows_until else "-",
    )


def _remark(meter: "MeterStatus") -> str:
    read = "refused its password" if meter.refused else "behind" if meter.behind else ""
    if meter.reason and not meter.refused:
        read = f"{read}: {meter.reason}".removeprefix(": ")
    clock = f"its clock {meter.clock_remark}" if meter.clock_remark else ""
    unproven = f"unproven: {meter.unproven}" if meter.unproven else ""
    return ", ".join(filter(None, (read, clock, unproven)))


@operate_commands.command()
def doctor(config: ConfigOption = SETTINGS, as_json: JsonOption = False) -> None:
    """Check everything a gateway needs, and say what to do.

    \b
    edge-agent doctor --config /etc/edge-agent/agent.toml
    sudo -u edge-agent edge-agent doctor

    Run it as the agent's user, so that it sees the agent's permissions. Each line is ok, warn or
    fail. If one failed, the exit code is 2.
    """
    from edge_agent.operate.doctor import examine_gateway

    show_checks(examine_gateway(config, datetime.now(UTC)), as_json=as_json)


@models.command("list")
def list_models(models_dir: ModelsOption = None, as_json: JsonOption = False) -> None:
    """List the models of meters, and as whom they are read.

    \b
    edge-agent models list --models-dir /etc/edge-agent/models
    """
    from edge_agent.meters import model

    found = [(name, model.load(name, models_dir)) for name in model.names(models_dir)]
    if as_json:
        show_json([{"name": name, **each.model_dump(mode="json")} for name, each in found])
    else:
        rows = ((name, str(each.client), each.title) for name, each in found)
        print(table(("model", "client", "title"), rows))


@models.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    models_dir: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a model as TOML, to begin another one with.

    \b
    edge-agent models show is16444 > /etc/edge-agent/models/maker-x.toml

    --json prints every key, also those that the model does not set.
    """
    from edge_agent.meters import model

    found = model.load(name, models_dir)
    if as_json:
        show_json({"name": name, **found.model_dump(mode="json")})
    else:
        print(model.known(models_dir)[name].read_text(encoding="utf-8"), end="")


@models.command("check")
def check_model(
    file: Annotated[Path, typer.Argument(help="A TOML file.")], as_json: JsonOption = False
) -> None:
    """Explain every mistake in a model's file.

    \b
    edge-agent models check /etc/edge-agent/models/maker-x.toml

    It names the line of each mistake and what is allowed there. The file's name without .toml is
    the model's name. Put the file into the folder that models_dir of the settings names. To begin
    with a packaged model, print it: edge-agent models show is16444
    """
    from edge_agent.meters.model_check import mistakes

    found = mistakes(_model_text(file))
    if as_json:
        show_json({"file": str(file), "mistakes": [asdict(each) for each in found]})
    else:
        for each in found:
            print(folded(str(each), sys.stdout))
    if found:
        plural = "" if len(found) == 1 else "s"
        raise Reported(f"{file}: {len(found)} mistake{plural}; what is allowed stands beside each")
    if not as_json:
        print(f"{file}: a model that can be used")


def _model_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the model: {error.strerror}: {file}", of=Setup.FILE
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: a model must be UTF-8 text", of=Setup.MODEL) from None
