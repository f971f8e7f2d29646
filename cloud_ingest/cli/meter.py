# SPDX-License-Identifier: MIT
"""``cloud-ingest meter``: which gateway may speak for which meter.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.meter_text import (
    bindings_table,
    claims_table,
    stray_fields,
    strays_table,
)
from cloud_ingest.cli.options import (
    By,
    ByInstaller,
    Config,
    Dsn,
    History,
    Json,
    Opened,
    Reason,
    SheetFile,
    Society,
    moment,
    one_line_errors,
    opened_store,
)
from cloud_ingest.cli.published import close_again_lines
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import counted
from cloud_ingest.entries import bindings as entries
from cloud_ingest.entries.bindings import Bound, Said
from cloud_ingest.entries.commission import commission
from cloud_ingest.entries.sheet import sheet_text
from cloud_ingest.entries.strays import set_strays_aside, stray_readings
from cloud_ingest.store.bindings import bindings
from cloud_ingest.store.foreign_claims import foreign_claims
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.strays import strays

Meters = Annotated[
    list[str], typer.Argument(metavar="METER...", help="Serial numbers, or MAKER/SERIAL.")
]
Gateway = Annotated[str, typer.Option("--gateway", help="The gateway's name.")]

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
    say(json_text([asdict(each) for each in found]) if json else bindings_table(found, opened.zone))


@app.command("claims")
def meter_claims(
    *, society: Society, json: Json = False, dsn: Dsn = None, config: Config = None
) -> None:
    """List the gateways that speak for meters which are not bound to them.

    Example: cloud-ingest meter claims --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = foreign_claims(opened.conn, find_society(opened.conn, society))
    say(json_text([asdict(each) for each in found]) if json else claims_table(found, opened.zone))


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

    The gateway is enrolled with the key that signed the sheet, and its meters are in the list of
    units. A meter that was never bound is bound from its installation on.

    Example: cloud-ingest meter commission commissioning-gw-tower-1-riser-1.json
    --society "Lake View"
    """
    with one_line_errors():
        text = sheet_text(file)
    with opened_store(dsn, config) as opened:
        done = commission(opened.conn, society, text, by=by, now=datetime.now(UTC), moves=moves)
    say(
        f"{counted(done.bound, 'meter')} bound to {done.gateway}, {done.moved} moved to it; "
        f"{done.already} already were"
    )
    _tell_replay(done.kept_apart)


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
    --reason "tower A is commissioned" --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        stretch = (
            None if since is None else moment(since, opened.zone),
            None if until is None else moment(until, opened.zone),
        )
        done = entries.bind(
            opened.conn, society, meters, gateway, _said(by, reason), stretch=stretch
        )
        _tell(opened, society, done, f"bound to {gateway}")


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
    past: Annotated[
        bool,
        typer.Option("--past", help="What the new one reads again of the time before counts, too."),
    ] = False,
    by: By,
    reason: Reason,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Let another gateway speak for meters from a time on, and the former up to that time.

    Example: cloud-ingest meter move --of gw-a1 --to gw-a2 --from "2026-11-30 12:00" --by Asha
    --reason "gateway replaced" --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        at = moment(since, opened.zone)
        done = entries.move(
            opened.conn, society, meters or [], to, _said(by, reason), at=at, of=of, past=past
        )
        _tell(opened, society, done, f"moved to {to}")


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

    Example: cloud-ingest meter unbind 26100001 --gateway gw-a2 --from 2026-11-30 --by Asha
    --reason "taken to the workshop" --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        at = moment(since, opened.zone)
        done = entries.unbind(opened.conn, society, meters, gateway, _said(by, reason), at=at)
        _tell(opened, society, done, f"not bound to {gateway} any more")


@app.command("strays")
def meter_strays(
    meters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[METER...]", help="Serial numbers, or MAKER/SERIAL [default: all]."
        ),
    ] = None,
    *,
    society: Society,
    aside: Annotated[
        bool, typer.Option("--set-aside", help="Never elect them; with --by and --reason.")
    ] = False,
    by: By = "",
    reason: Reason = "",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List stored readings of gateways that may not speak for the meter then; or set them aside.

    A move that was dated back leaves them. What a gateway that may speak said as well is not among
    them: let its own come first.

    Example: cloud-ingest meter strays 26100001 --set-aside --by Asha --reason "gw-a2 read the flat
    above" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        if not aside:
            found = stray_readings(opened.conn, society, meters or ())
            say(
                json_text([stray_fields(each) for each in found])
                if json
                else strays_table(found, opened.zone)
            )
            return
        done = set_strays_aside(opened.conn, society, meters or (), _said(by, reason))
    say(f"{counted(len(done.strays), 'reading')} set aside")
    for line in close_again_lines(done.close_again, society):
        say(line)


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


def _tell(opened: Opened, society: str, done: Bound, what: str) -> None:
    already = len(done.meters) - done.changed
    say(f"{counted(done.changed, 'meter')} {what}; {already} already were")
    _tell_replay(done.kept_apart)
    if found := strays(opened.conn, find_society(opened.conn, society), done.meters):
        said = ", ".join(sorted({each.gateway for each in found}))
        say(
            f"{counted(len(found), 'reading')} stored of {said}, from times at which it may not "
            "speak: look with cloud-ingest meter strays"
        )


def _tell_replay(kept_apart: int) -> None:
    if kept_apart:
        what = "1 entry" if kept_apart == 1 else f"{kept_apart} entries"
        say(f"{what} of it in quarantine: cloud-ingest quarantine replay --all")
