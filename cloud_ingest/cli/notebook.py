# SPDX-License-Identifier: MIT
"""``cloud-ingest notebook``: the treasurer's notebook, taken over and held beside ours.

In: a spreadsheet. Out: what is understood of it, what was stored, or a month unit by unit.
Never: a decision, a reading that is stored without ``--yes``.
"""

import dataclasses
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Literal

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.notebook_text import (
    as_json,
    compared_text,
    import_text,
    understood_json,
    understood_text,
)
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Month,
    Source,
    TheSociety,
    one_line_errors,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.entries.notebook import Flats, Way, import_notebook, read_notebook
from cloud_ingest.errors import UserError
from cloud_ingest.month.parallel import compare
from cloud_ingest.store.registry import find_society, one_society
from shared_schema.catalogue import Service

app = new_group("The treasurer's notebook: take it over, and hold a month of it beside ours.")

File = Annotated[Path, typer.Argument(help="An .xlsx workbook, or CSV in UTF-8.")]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        help="What the columns hold, where their headings do not say it: "
        "flat=A,2026-09-01=C,2026-10-01=D (readings of a day), 2026-10=E (used in a month), or "
        "flat=A,day=B,reading=C; tower and meter as well.",
    ),
]
Months = Annotated[
    Literal["start", "end"] | None,
    typer.Option(
        "--months", help="When a reading was taken whose heading names a month but no day."
    ),
]
OfService = Annotated[Service, typer.Option("--service", help="What the notebook counts.")]
Hour = Annotated[
    str, typer.Option("--time", help="At what time of their days the dials were read.")
]


@app.command("read")
def read(
    file: File,
    *,
    columns: Columns = None,
    months: Months = None,
    check: Annotated[
        bool, typer.Option("--check", help="Look its flats up in the list of units, too.")
    ] = False,
    service: OfService = Service.ELECTRICITY,
    society: TheSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what is understood of a notebook: its columns, its flats, and what is not right.

    A row a flat with a column for each day or month, a sheet a month, or a row a reading. Dates
    have their day first (1/10/26 is 1 October). Nothing is stored, and no store is needed without
    --check.

    Example: cloud-ingest notebook read notebook.xlsx
    """
    unknown: list[str] = []
    with one_line_errors():
        found = read_notebook(file, columns, months)
    if check:
        with opened_store(dsn, config) as opened:
            society_id = find_society(opened.conn, one_society(opened.conn, society))
            flats = Flats(opened.conn, society_id, service)
        unknown = flats.unknown_in(found)
    if json:
        say(json_text(understood_json(file.name, found, unknown)))
    else:
        say(understood_text(file.name, found, unknown))


@app.command("import")
def import_(
    file: File,
    *,
    society: TheSociety = None,
    service: OfService = Service.ELECTRICITY,
    columns: Columns = None,
    months: Months = None,
    source: Source = None,
    hour: Hour = "00:00",
    yes: Annotated[
        bool, typer.Option("--yes", help="Store it; without it the file is only checked.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take the readings of past months; nothing of the file if a cell of it is not right.

    They are registers of an earlier system: a gateway's reading, an edit and a self-read of the
    same moment stay. The same file again changes nothing. Each reading counts at 00:00 of its day;
    --time says otherwise.

    Example: cloud-ingest notebook import notebook.xlsx --society "Lake View" --yes
    """
    with opened_store(dsn, config) as opened:
        way = Way(service, columns, months, source, _hour(hour))
        name = one_society(opened.conn, society)
        now = datetime.now(UTC)
        done = import_notebook(opened.conn, name, file, way, now, apply=yes)
        zone = opened.zone
    say(json_text(dataclasses.asdict(done)) if json else import_text(done, zone))


@app.command("compare")
def compare_(
    file: File,
    *,
    month: Month,
    society: TheSociety = None,
    service: OfService = Service.ELECTRICITY,
    columns: Columns = None,
    months: Months = None,
    source: Source = None,
    all_units: Annotated[
        bool, typer.Option("--all", help="Show the units that agree as well.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Hold a month of the notebook beside ours, and say why units differ, where that can be told.

    A cause is named only if it explains the difference to within the last digit that was written,
    beside what the meter showed day by day. A reading counts as one of its day up to two days
    before and after it.

    Example: cloud-ingest notebook compare notebook.xlsx --month 2026-10 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        conn, zone = opened.conn, opened.zone
        way = Way(service, columns, months, source)
        society_id = find_society(conn, one_society(conn, society))
        span = named_month(month, zone, datetime.now(UTC))
        notebook = read_notebook(file, columns, months)
        found = compare(conn, society_id, notebook, way, month=span, zone=zone)
    say(json_text(as_json(found)) if json else compared_text(found, all_units=all_units))


def _hour(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise UserError(f"--time {text[:20]!r} is no time of a day: write it as 09:00") from None
