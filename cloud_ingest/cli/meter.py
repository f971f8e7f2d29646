# SPDX-License-Identifier: MIT
"""``cloud-ingest meter``: which gateway may speak for which meter.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    By,
    ByInstaller,
    Config,
    Dsn,
    History,
    Json,
    Reason,
    SheetFile,
    Society,
    moment,
    one_line_errors,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, counted, local, table
from cloud_ingest.entries import bindings as entries
from cloud_ingest.entries.bindings import Bound, Said
from cloud_ingest.entries.commission import commission
from cloud_ingest.entries.sheet import load_sheet
from cloud_ingest.store.bindings import Binding, How, bindings
from cloud_ingest.store.foreign_claims import ForeignClaim, foreign_claims
from cloud_ingest.store.registry import find_society

Meters = Annotated[
    list[str], typer.Argument(metavar="METER...", help="Serial numbers, or MAKER/SERIAL.")
]
Gateway = Annotated[str, typer.Option("--gateway", help="The gateway's name.")]

HOWS: dict[How, str] = {
    "upgrade": "read it when bindings came",
    "first_heard": "spoke for it first",
    "listed": "list of units",
}

_REPLAY = "what was kept apart of them: cloud-ingest quarantine replay --all"

app = new_group("Which gateway may speak for which meter.")


@app.command("gateways")
def meter_gateways(
    *,
    society: Society,
    gateway: Annotated[str | None, typer.Option("--gateway", help="Of this gateway alone.")] = None,
    history: History = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List which gateway may speak for which meter, from when to when, and who says so.

    Example: cloud-ingest meter gateways --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        society_id = find_society(opened.conn, society)
        found = bindings(opened.conn, society_id, gateway=gateway, history=history)
    say(json_text([asdict(each) for each in found]) if json else _as_table(found, opened.zone))


@app.command("claims")
def meter_claims(
    *, society: Society, json: Json = False, dsn: Dsn = None, config: Config = None
) -> None:
    """List the gateways that speak for meters which are not bound to them.

    Example: cloud-ingest meter claims --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = foreign_claims(opened.conn, find_society(opened.conn, society))
    say(json_text([asdict(each) for each in found]) if json else _claims(found, opened.zone))


@app.command("commission")
def meter_commission(
    file: SheetFile,
    *,
    society: Society,
    by: ByInstaller = None,
    moves: Annotated[
        bool,
        typer.Option(
            "--move", help="Take over meters of other gateways, from the sheet's time on."
        ),
    ] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Bind the meters of a commissioning sheet to the gateway that read them; all or none.

    The gateway is enrolled with the key of the sheet, and its meters are in the list of units. A
    meter that was never bound is bound from its installation on.

    Example: cloud-ingest meter commission commissioning-gw-tower-1-riser-1.json
    --society "Lake View"
    """
    with one_line_errors():
        sheet = load_sheet(file)
    with opened_store(dsn, config) as opened:
        done = commission(opened.conn, society, sheet, by=by, now=datetime.now(UTC), moves=moves)
    say(
        f"{counted(done.bound, 'meter')} bound to {done.gateway}, {done.moved} moved to it; "
        f"{done.already} already were"
    )
    if done.bound + done.moved:
        say(_REPLAY)


@app.command("bind")
def meter_bind(
    meters: Meters,
    *,
    society: Society,
    gateway: Gateway,
    since: Annotated[
        str | None,
        typer.Option("--from", help="From when on, local time [default: its installation]."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Up to when, local time [default: for ever].")
    ] = None,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a gateway speak for meters, beside those that may already.

    Example: cloud-ingest meter bind 26100001 26100002 --gateway gw-a1 --by Asha
    --reason "tower A is commissioned" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        stretch = (
            None if since is None else moment(since, opened.zone),
            None if until is None else moment(until, opened.zone),
        )
        done = entries.bind(
            opened.conn, society, meters, gateway, _said(by, reason), stretch=stretch
        )
    _tell(done, f"bound to {gateway}", replay=True)


@app.command("move")
def meter_move(
    meters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[METER...]", help="Serial numbers, or MAKER/SERIAL."),
    ] = None,
    *,
    society: Society,
    to: Annotated[str, typer.Option("--to", help="The gateway that reads them now.")],
    of: Annotated[
        str | None, typer.Option("--of", help="All meters of this gateway, in place of METER.")
    ] = None,
    since: Annotated[
        str, typer.Option("--from", help="Local time of the move; the former counts up to it.")
    ],
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let another gateway speak for meters from a time on, and the former up to that time.

    Example: cloud-ingest meter move --of gw-a1 --to gw-a2 --from "2026-11-30 12:00" --by Asha
    --reason "gateway replaced" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        at = moment(since, opened.zone)
        done = entries.move(opened.conn, society, meters or [], to, _said(by, reason), at=at, of=of)
    _tell(done, f"moved to {to}", replay=True)


@app.command("unbind")
def meter_unbind(
    meters: Meters,
    *,
    society: Society,
    gateway: Gateway,
    since: Annotated[
        str, typer.Option("--from", help="From when on it may not speak for them, local time.")
    ],
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let a gateway speak for meters no longer; nobody takes its place until a person says who.

    Example: cloud-ingest meter unbind 26100001 --gateway gw-a1 --from 2026-11-30 --by Asha
    --reason "taken to the workshop" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        at = moment(since, opened.zone)
        done = entries.unbind(opened.conn, society, meters, gateway, _said(by, reason), at=at)
    _tell(done, f"not bound to {gateway} any more", replay=False)


@app.command("strict")
def meter_strict(
    strict: Annotated[bool, typer.Argument(metavar="yes|no", help="Whether it is strict.")],
    *,
    society: Society,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let only a person bind the meters of a society: yes; or the first gateway too: no.

    Example: cloud-ingest meter strict yes --by Asha --reason "all towers are commissioned"
    --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        entries.set_strict(opened.conn, society, _said(by, reason), strict=strict)
    who = "a person alone binds" if strict else "the first gateway of its tower binds"
    say(f"{society}: {who} a new meter")


def _said(by: str, reason: str) -> Said:
    return Said(by, reason, datetime.now(UTC))


def _tell(done: Bound, what: str, *, replay: bool) -> None:
    say(f"{counted(done.changed, 'meter')} {what}; {done.meters - done.changed} already were")
    if replay:
        say(_REPLAY)


def _as_table(found: Sequence[Binding], zone: ZoneInfo) -> str:
    if not found:
        return "No meter is bound to a gateway yet."
    columns = [
        Column("Meter"),
        Column("Gateway"),
        Column("From", "name"),
        Column("To", "name"),
        Column("Because"),
    ]
    rows = [
        (
            f"{each.manufacturer} {each.serial}",
            each.gateway,
            "installation" if each.valid_from is None else local(each.valid_from, zone),
            local(each.valid_to, zone),
            _because(each, zone),
        )
        for each in found
    ]
    return table(columns, rows)


def _because(each: Binding, zone: ZoneInfo) -> str:
    at = local(each.recorded_at, zone)
    said = HOWS.get(each.how, f"{each.author}: {each.reason}")
    if each.taken_back:
        return f"taken back on {at}, {said}"
    ended = "" if each.superseded_at is None else f"; held until {local(each.superseded_at, zone)}"
    return f"{said}, {at}{ended}"


def _claims(found: Sequence[ForeignClaim], zone: ZoneInfo) -> str:
    if not found:
        return "No gateway speaks for a meter that is not bound to it."
    columns = [
        Column("Gateway"),
        Column("Meter"),
        Column("Bound to"),
        Column("Last", "name"),
        Column("Batches", "figure"),
    ]
    rows = [
        (
            each.gateway,
            f"{each.manufacturer} {each.serial}",
            ", ".join(each.bound_to) or "nobody",
            local(each.last_at, zone),
            str(each.batches),
        )
        for each in found
    ]
    return table(columns, rows)
