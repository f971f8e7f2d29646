# SPDX-License-Identifier: MIT
"""``cloud-ingest dial``: dials beside the modules that read them.

In: options as a person typed them. Out: lines, a table or JSON. Never: a decision.
"""

import json as json_lines
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.options import Config, Dsn, Json, Society, decimal, moment, one_line_errors
from cloud_ingest.cli.options import store as opened
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.entries.dial import Compared, compare_dial, import_sheet
from cloud_ingest.errors import DialRefused
from cloud_ingest.store.dials import dial_readings
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

dial_app = typer.Typer(help="Dials beside the modules that read them.")


@dial_app.command("import")
def dial_import(
    file: Annotated[Path, typer.Argument(help="commissioning-….json of edge-agent commission.")],
    *,
    society: Society,
    by: Annotated[
        str | None, typer.Option("--by", help="Who says so [default: who commissioned].")
    ] = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take what the dials showed when their modules were commissioned; all of a sheet or none.

    Example: cloud-ingest dial import commissioning-gw-tower-1-riser-1.json --society "Lake View"
    """
    with one_line_errors():
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise DialRefused(f"cannot read the sheet: {reason}: {file}") from None
        with opened(dsn, config) as conn:
            found, known = import_sheet(conn, society, text, by=by, now=datetime.now(UTC))
        for each in found:
            typer.echo(_said(each, "kL"))
        typer.echo(f"{len(found)} dials added, {known} known")


@dial_app.command("add")
def dial_add(
    subject: Annotated[
        str, typer.Argument(help="The label of the unit, common area or bulk meter: A-1204.")
    ],
    value: Annotated[str, typer.Argument(help="What the dial shows: kL of water, or kWh.")],
    *,
    society: Society,
    at: Annotated[str, typer.Option("--at", help="When it was read, in local time.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: yearly check, complaint …")],
    by: Annotated[str, typer.Option("--by", help="Who read it.")],
    service: Annotated[Service, typer.Option("--service")] = Service.WATER,
    source: Annotated[
        str | None, typer.Option("--source", help="Which meter, where the unit has several.")
    ] = None,
    subject_type: Annotated[
        SubjectKind, typer.Option("--subject-type", help="What the label is of.")
    ] = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Compare a dial with its module; no consumption is changed by it.

    Example: cloud-ingest dial add A-1204 131.250 --at "2026-12-01 09:00" --by caretaker
    --reason "yearly check" --society "Lake View"
    """
    with one_line_errors(), opened(dsn, config) as conn:
        found = compare_dial(
            conn,
            society,
            subject,
            service,
            value=decimal(value),
            at=moment(at, open_store(conn).zone),
            by=by,
            reason=reason,
            now=datetime.now(UTC),
            source=source,
            subject_type=subject_type,
        )
        typer.echo(_said(found, BILLING_UNITS[service]))


@dial_app.command("list")
def dial_list(
    *, society: Society, json: Json = False, dsn: Dsn = None, config: Config = None
) -> None:
    """List every comparison, with what dial and module counted apart since the one before.

    Example: cloud-ingest dial list --society "Lake View"
    """
    with one_line_errors(), opened(dsn, config) as conn:
        zone = open_store(conn).zone
        for each in dial_readings(conn, find_society(conn, society)):
            if json:
                fields = {**asdict(each), "offset": each.offset}
                typer.echo(json_lines.dumps(fields, default=_plain, ensure_ascii=False))
                continue
            unit = BILLING_UNITS[each.service]
            apart = "" if each.deviation is None else f", apart by {each.deviation:+f} {unit}"
            typer.echo(
                f"{each.at.astimezone(zone):%Y-%m-%d %H:%M}  {each.subject}  {each.meter}: dial "
                f"{each.dial:f} {unit}, module {each.register:f} {unit}{apart} "
                f"({each.reason}; {each.entered_by})"
            )


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _said(found: Compared, unit: str) -> str:
    """Write a comparison as a line."""
    text = (
        f"{found.subject}: dial {found.dial:f} {unit} beside {found.register:f} {unit} of module "
        f"{found.meter}"
    )
    if found.deviation is None:
        return text
    if not found.deviation:
        return f"{text}; both have counted the same since the comparison before"
    more = "dial" if found.deviation > 0 else "module"
    return (
        f"{text}; since the comparison before the {more} has counted {abs(found.deviation):f} "
        f"{unit} more"
    )
