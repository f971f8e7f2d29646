# SPDX-License-Identifier: MIT
"""``cloud-ingest gateway``: how gateways stand, and the diagnosis of one.

In: options as a person typed them. Out: a table or JSON. Never: a decision.
"""

import getpass
import json as json_format
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.command import Key, signing_key
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, OneSociety, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.core.gateway_standing import Standing, remarks
from cloud_ingest.errors import ConfigurationError
from cloud_ingest.operate import gateway_diagnosis
from cloud_ingest.operate.send_command import World
from cloud_ingest.store.gateways import standings
from shared_schema.gateway import Status

app = new_group("How gateways stand: heard or not, backlog, disk, certificate, clock.")

_GB: Final = 1024**3


@app.command("list")
def list_gateways(
    *,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show how each gateway stands, by what it said last.

    Example: cloud-ingest gateway list --society "Lake View"

    A gateway says each minute how it is. One that is silent has said nothing for 15 minutes, though
    nobody ended its link. Its clock is held against the store's.
    """
    now = datetime.now(UTC)
    with opened_store(dsn, config) as opened:
        found = standings(opened.conn, now, society)
        zone = opened.zone
    if json:
        say("\n".join(_as_json(each, now) for each in found))
    elif not found:
        say("No gateway is enrolled yet: cloud-ingest enrol")
    else:
        say(as_table(found, zone, now))


def _as_json(standing: Standing, now: datetime) -> str:
    status = standing.status
    document = {
        **asdict(standing),
        "status": None if status is None else status.model_dump(mode="json", by_alias=True),
        "remarks": list(remarks(standing, now)),
    }
    return json_format.dumps(
        document, default=lambda value: value.isoformat().replace("+00:00", "Z")
    )


def as_table(found: Sequence[Standing], zone: ZoneInfo, now: datetime) -> str:
    """Write gateways as a table for a terminal."""
    columns = [
        Column("Gateway", "name"),
        Column("State"),
        Column("Heard", "name"),
        Column("Meters", "figure"),
        Column("Waiting"),
        Column("Free"),
        Column("Certificate"),
        Column("Clock"),
        Column("Up"),
        Column("Version"),
        Column("Remark"),
    ]
    rows = [
        (
            each.gateway,
            each.state,
            local(each.heard_at, zone),
            _meters(each.status),
            _waiting(each.status, now),
            _disk(each.status),
            "-" if (ends := each.certificate_ends_at) is None else f"{ends:%Y-%m-%d}",
            "-" if (offset_s := each.clock_offset_s) is None else f"{offset_s:+.1f} s",
            _up(each.status),
            (each.status.version if each.status else "") or "-",
            "; ".join(remarks(each, now)),
        )
        for each in found
    ]
    return table(columns, rows)


def _meters(status: Status | None) -> str:
    if status is None or status.meters is None:
        return "-"
    answering = "-" if status.meters_answering is None else status.meters_answering
    return f"{answering}/{status.meters}"


def _waiting(status: Status | None, now: datetime) -> str:
    if status is None or status.spooled is None:
        return "-"
    if status.oldest_waiting_at is None:
        return str(status.spooled)
    return f"{status.spooled}, oldest {_lasting(now - status.oldest_waiting_at)}"


def _disk(status: Status | None) -> str:
    machine = None if status is None else status.machine
    if machine is None or machine.disk_free_bytes is None or not machine.disk_total_bytes:
        return "-"
    return f"{machine.disk_free_bytes / _GB:.1f} of {machine.disk_total_bytes / _GB:.1f} GB"


def _up(status: Status | None) -> str:
    machine = None if status is None else status.machine
    if machine is None or machine.agent_up_s is None:
        return "-"
    return _lasting(timedelta(seconds=machine.agent_up_s))


def _lasting(span: timedelta) -> str:
    """Write how long something lasts, in its largest unit."""
    minutes = max(0, int(span / timedelta(minutes=1)))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


@app.command("diagnose")
def diagnose(
    gateway: Annotated[str, typer.Argument(help="The gateway's name.")],
    *,
    society: Society,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file [default: diagnosis-GATEWAY.json].")
    ] = None,
    number: Annotated[
        UUID | None, typer.Option("--id", help="Fetch the answer to an earlier question.")
    ] = None,
    wait: Annotated[int, typer.Option("--wait", min=1, max=60, help="Minutes.")] = 3,
    key: Key = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who asks [default: the user's login name].")
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Ask a gateway for its diagnosis, and write it into a file.

    Example: cloud-ingest gateway diagnose gw-tower-1 --society "Lake View" --key cloud.key

    The gateway tells of its machine, agent, spool and log, without a secret or a reading, in
    48 kB at most. It runs no question twice and none after an hour, and believes the cloud's key
    alone.
    """
    with opened_store(dsn, config, cloud_key_file=key) as opened:
        if number is None:
            world = World(
                key=signing_key(opened.settings),
                by=by or getpass.getuser(),
                now=lambda: datetime.now(UTC),
                pause=time.sleep,
                tell=lambda text: say(text, err=True),
            )
            found = gateway_diagnosis.ask(
                opened.conn, society, gateway, world, timedelta(minutes=wait)
            )
        else:
            found = gateway_diagnosis.fetch(opened.conn, society, number)
        path = out or Path(f"diagnosis-{gateway}.json")
        try:
            path.write_text(f"{json_format.dumps(found, ensure_ascii=False, indent=1)}\n", "utf-8")
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None
    say("\n".join((*_complaints(found), f"{path}: the whole diagnosis")))


def _complaints(document: dict[str, Any]) -> list[str]:
    """Return what the doctor of the gateway complains of, a line each."""
    checks = document.get("doctor")
    wrong = [
        " ".join(f"{each.get('level')} {each.get('name')}: {each.get('said')}".split())
        for each in (checks if isinstance(checks, list) else [])
        if isinstance(each, dict) and each.get("level") != "ok"
    ]
    return wrong or ["Its doctor finds nothing wrong."]
