# SPDX-License-Identifier: MIT
"""``cloud-ingest command``: ask a gateway for something, and see its answer.

In: options as a person typed them. Out: a line, a table or JSON. Never: a decision.
"""

import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, Society, moment, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.operate import send_command
from cloud_ingest.operate.keys import read_key
from cloud_ingest.settings import CloudSettings
from cloud_ingest.store.commands import IssuedCommand, issued_commands
from shared_schema.gateway import LONGEST_LIFE, CommandKind
from shared_schema.signing import SigningKey

Key = Annotated[
    Path | None, typer.Option("--key", help="The private key that signs [default: cloud_key_file].")
]

app = new_group("Ask a gateway for something, and see its answer.")

MOST_MINUTES: Final = LONGEST_LIFE // timedelta(minutes=1)


@app.command("send")
def send(
    gateway: Annotated[str, typer.Argument(help="The gateway's name.")],
    kind: Annotated[CommandKind, typer.Argument(help="What it should do.")],
    *,
    society: Society,
    key: Key = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who asks [default: the user's login name].")
    ] = None,
    meters: Annotated[
        list[str] | None,
        typer.Option("--meter", help="MAKER/SERIAL, several times [default: all of them]."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Of a backfill: from when, in local time.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Of a backfill: up to when, in local time.")
    ] = None,
    expires_after: Annotated[
        int,
        typer.Option(
            "--expires-after", help="Minutes for which it may be run.", min=1, max=MOST_MINUTES
        ),
    ] = 60,
    as_json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Sign a command and let the running ingest send it.

    Example: cloud-ingest command send gw-tower-1 backfill --meter LNT/26100001
    --since 2026-07-03 --until 2026-07-05 --society "Lake View" --key cloud.key
    """
    with opened_store(dsn, config, cloud_key_file=key) as opened:
        sent = send_command.send(
            opened.conn,
            society,
            gateway,
            kind,
            key=signing_key(opened.settings),
            by=by or getpass.getuser(),
            now=datetime.now(UTC),
            expires_after=timedelta(minutes=expires_after),
            meters=meters or (),
            since=None if since is None else moment(since, opened.zone),
            until=None if until is None else moment(until, opened.zone),
        )
    if as_json:
        say(sent.to_line().decode())
    else:
        expires = sent.expires_at.astimezone(opened.zone)
        say(f"{sent.id}: {kind} to {gateway}, expires {expires:%d %b %Y %H:%M}")


def signing_key(settings: CloudSettings) -> SigningKey:
    """Return the key that signs commands.

    Raises:
        UserError: none is given.
    """
    if settings.cloud_key_file is None:
        raise UserError("no key signs the command: give --key, the one that serve has")
    return read_key(settings.cloud_key_file)


@app.command("list")
def list_commands(
    number: Annotated[
        UUID | None, typer.Argument(help="The id of one command [default: the newest].")
    ] = None,
    *,
    society: Society,
    as_json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what gateways were asked, and what they answered.

    Example: cloud-ingest command list --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = issued_commands(opened.conn, society, command=number)
        if number is not None and not found:
            raise NotFound(f"{society!r} has no command {number}")
    if as_json:
        say(json.dumps([asdict(each) for each in found], default=str))
    elif not found:
        say("No command was sent yet.")
    else:
        say(as_table(found, opened.zone, datetime.now(UTC)))


def as_table(found: Sequence[IssuedCommand], zone: ZoneInfo, now: datetime) -> str:
    """Write commands and their answers as a table for a terminal."""
    columns = [
        Column("Id", "name"),
        Column("Sent"),
        Column("Command"),
        Column("Outcome"),
    ]
    rows = [
        (
            str(each.command_id),
            f"{local(each.issued_at, zone)} by {each.issued_by}",
            f"{each.kind} to {each.gateway}",
            _outcome(each, now),
        )
        for each in found
    ]
    return table(columns, rows)


def _outcome(each: IssuedCommand, now: datetime) -> str:
    outcome = each.outcome or ("no answer yet" if now < each.expires_at else "never answered")
    reason = (each.result or {}).get("reason") or ""
    return f"{outcome} ({reason})" if reason else outcome
