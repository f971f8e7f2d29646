# SPDX-License-Identifier: MIT
"""``cloud-ingest dial``: dials beside the modules that read them.

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
    ByInstaller,
    Config,
    Dsn,
    Json,
    Serial,
    SheetFile,
    Society,
    Source,
    Subject,
    SubjectType,
    decimal,
    moment,
    one_line_errors,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, counted, local, table
from cloud_ingest.entries.dial import Compared, compare_dial, import_sheet
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.sheet import read_sheet, sheet_text
from cloud_ingest.store.dials import DialReading, dial_readings
from cloud_ingest.store.registry import find_society
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

app = new_group("Dials beside the modules that read them.")


@app.command("import")
def dial_import(
    file: SheetFile,
    *,
    society: Society,
    by: ByInstaller = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take what the dials showed when their modules were commissioned; all of a sheet or none.

    Example: cloud-ingest dial import commissioning-gw-a1-riser-1.json --society "Sunrise Heights"
    """
    with one_line_errors():
        sheet = read_sheet(sheet_text(file))
    with opened_store(dsn, config) as opened:
        found, known = import_sheet(opened.conn, society, sheet, by=by, now=datetime.now(UTC))
    for each in found:
        say(_line(each, "kL"))
    say(f"{counted(len(found), 'dial')} added, {known} known")


@app.command("add")
def dial_add(
    subject: Subject,
    value: Annotated[str, typer.Argument(help="What the dial shows: kL of water, or kWh.")],
    *,
    society: Society,
    at: Annotated[str, typer.Option("--at", help="When it was read, in local time.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: yearly check, complaint …")],
    by: Annotated[str, typer.Option("--by", help="Who read it.")],
    service: Annotated[
        Service, typer.Option("--service", help="What the dial counts.")
    ] = Service.WATER,
    source: Source = None,
    meter: Serial = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Compare a dial with its module; a month is withheld that counts otherwise than its dial.

    Example: cloud-ingest dial add A-1204 131.250 --at "2026-12-01 09:00" --by caretaker
    --reason "yearly check" --society "Sunrise Heights"
    """
    with opened_store(dsn, config) as opened:
        found = compare_dial(
            opened.conn,
            society,
            NamedMeter(subject, service, source=source, subject_type=subject_type, serial=meter),
            value=decimal(value),
            at=moment(at, opened.zone),
            by=by,
            reason=reason,
            now=datetime.now(UTC),
        )
    say(_line(found, BILLING_UNITS[service]))


@app.command("list")
def dial_list(
    *, society: Society, json: Json = False, dsn: Dsn = None, config: Config = None
) -> None:
    """List every comparison, with what dial and module counted apart since the one before.

    Example: cloud-ingest dial list --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = dial_readings(opened.conn, find_society(opened.conn, society))
    if json:
        for each in found:
            fields = {**asdict(each), "offset": each.offset}
            say(json_text(fields))
    else:
        say(_as_table(found, opened.zone) if found else "no dial was compared with its module yet")


def _as_table(found: Sequence[DialReading], zone: ZoneInfo) -> str:
    columns = [
        Column("Read", "name"),
        Column("Unit"),
        Column("Module"),
        Column("Dial", "figure"),
        Column("Register", "figure"),
        Column("Apart", "figure"),
        Column(""),
        Column("Why, by whom"),
    ]
    rows = [
        (
            local(each.at, zone),
            each.subject,
            each.meter,
            f"{each.dial:f}",
            f"{each.register:f}",
            "-" if each.deviation is None else f"{each.deviation:+f}",
            BILLING_UNITS[each.service],
            f"{each.reason}; {each.entered_by}",
        )
        for each in found
    ]
    return table(columns, rows)


_DOUBT = (
    "\n  its register counts otherwise than its dial: months by it are withheld for scaler when "
    "they are closed. If the dial was misread, enter it again for the same --at; if the register "
    "is false, close again what was sent: cloud-ingest close-month"
)


def _line(found: Compared, unit: str) -> str:
    """Write a comparison as a line."""
    doubt = "" if found.against is None else _DOUBT
    return f"{_compared(found, unit)}{doubt}"


def _compared(found: Compared, unit: str) -> str:
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
