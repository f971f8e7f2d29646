# SPDX-License-Identifier: GPL-2.0-only
# ruff: noqa: D301, PLC0415 - click's \b; imports when needed
"""The commands for a gateway in service: ``edge-agent status, doctor, models``.

In: arguments. Out: a table or JSON. Never: a change on the gateway.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.cli.install import JsonOption
from edge_agent.errors import ConfigurationError, MeterError
from edge_agent.install.options import SETTINGS, table

if TYPE_CHECKING:
    from edge_agent.operate.status import MeterStanding, Standing

care = typer.Typer()
models = typer.Typer(help="List the models of meters; check a file of one.")
care.add_typer(models, name="models")

ConfigOption = Annotated[Path, typer.Option(help="The gateway's settings.")]


@care.command()
def status(config: ConfigOption = SETTINGS, as_json: JsonOption = False) -> None:
    """Say how the gateway stands: readings, queue, receipts.

    \b
    edge-agent status --config /etc/edge-agent/agent.toml
    edge-agent status --json

    It reads the spool and disturbs no agent. Why a meter was not read when it was last tried stands
    beside it; all that happened is in the agent's log: journalctl -u edge-agent.
    """
    from edge_agent.operate.status import standing
    from edge_agent.settings import load_settings

    found = standing(load_settings(config), datetime.now(UTC))
    if as_json:
        print(json.dumps(found.document(), ensure_ascii=False))
    else:
        _show_status(found)


def _show_status(found: "Standing") -> None:
    def ago(at: datetime | None) -> str:
        if at is None:
            return "never"
        minutes = int((found.at - at).total_seconds()) // 60
        return f"{minutes} min ago" if abs(minutes) < 600 else f"{at.astimezone():%d %b %H:%M}"

    running = {True: "runs", False: "does not run", None: "cannot be seen"}[found.running]
    print(f"gateway  {found.gateway}: the agent {running}")
    print(f"waiting  {found.waiting_live} live, {found.waiting_backlog} older batches")
    print(f"receipt  {ago(found.last_receipt)}")
    rows = [
        (
            each.label,
            each.bus,
            str(each.address),
            each.meter or "never answered",
            ago(each.last_read),
            f"{each.rows_until.astimezone():%d %b %H:%M}" if each.rows_until else "-",
            _remark(each),
        )
        for each in found.meters
    ]
    print()
    print(table(("label", "bus", "address", "meter", "last read", "rows until", ""), rows))


def _remark(meter: "MeterStanding") -> str:
    read = "refused its password" if meter.refused else "behind" if meter.behind else ""
    if meter.reason and not meter.refused:
        read = f"{read}: {meter.reason}".removeprefix(": ")
    clock = f"its clock {meter.clock_remark}" if meter.clock_remark else ""
    unproven = f"unproven: {meter.unproven}" if meter.unproven else ""
    return ", ".join(filter(None, (read, clock, unproven)))


@care.command()
def doctor(config: ConfigOption = SETTINGS, as_json: JsonOption = False) -> None:
    """Check everything a gateway needs, and say what to do.

    \b
    edge-agent doctor --config /etc/edge-agent/agent.toml
    sudo -u edge-agent edge-agent doctor

    Run it as the agent's user, so that it sees the agent's permissions. Each line is ok, warn or
    fail; exit code 2 if one failed.
    """
    from edge_agent.operate.doctor import Check, examine_gateway

    checks: list[Check] = []
    for each in examine_gateway(config, datetime.now(UTC)):
        checks.append(each)
        if not as_json:
            print(f"{each.level:<5} {each.name}: {each.said}", flush=True)
            if each.advice:
                print(f"      {each.advice}", flush=True)
    failed = sum(each.level == "fail" for each in checks)
    if as_json:
        document = {"ok": not failed, "checks": [asdict(each) for each in checks]}
        print(json.dumps(document, ensure_ascii=False))
    if failed:
        raise ConfigurationError(f"{failed} of {len(checks)} checks failed")


@models.command("list")
def list_models(
    models_dir: Annotated[
        Path | None, typer.Option(help="Folder of models besides the packaged ones.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the models of meters, and as whom they are read.

    \b
    edge-agent models list --models-dir /etc/edge-agent/models
    """
    from edge_agent.meters import model

    found = [(name, model.load(name, models_dir)) for name in model.names(models_dir)]
    if as_json:
        print(json.dumps([{"name": name, **each.model_dump(mode="json")} for name, each in found]))
        return
    rows = [(name, str(each.client), each.title) for name, each in found]
    print(table(("model", "client", "title"), rows))


@models.command("show")
def show_model(
    name: Annotated[str, typer.Argument(help="A model's name.")],
    models_dir: Annotated[
        Path | None, typer.Option(help="Folder of models besides the packaged ones.")
    ] = None,
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
        print(json.dumps({"name": name, **found.model_dump(mode="json")}, ensure_ascii=False))
    else:
        print(model.known(models_dir)[name].read_text(encoding="utf-8"), end="")


@models.command("check")
def check_model(
    file: Annotated[Path, typer.Argument(help="A TOML file.")], as_json: JsonOption = False
) -> None:
    """Explain every mistake in a model's file.

    \b
    edge-agent models check /etc/edge-agent/models/maker-x.toml

    Each with its line and what is allowed. The file's name without .toml is the model's name.
    Put it into the folder that models_dir of the settings names; a packaged model to begin with
    is printed by: edge-agent models show is16444
    """
    from edge_agent.meters.model_check import mistakes

    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot read the model: {error.strerror}: {file}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: a model must be UTF-8 text") from None
    found = mistakes(text)
    if as_json:
        print(json.dumps({"file": str(file), "mistakes": [asdict(each) for each in found]}))
    else:
        for each in found:
            print(each)
    if found:
        raise MeterError(f"{file}: {len(found)} mistake{'' if len(found) == 1 else 's'}")
    if not as_json:
        print(f"{file}: a model that can be used")
