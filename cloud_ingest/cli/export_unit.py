# SPDX-License-Identifier: MIT
"""``cloud-ingest export-unit``: a unit's own month as a file, with nothing of anybody else.

In: a label, a month, a format. Out: a file. Never: a decision.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.export import STDOUT, Out, write_file
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Subject, SubjectType, TheSociety, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.exports.formats import UnitFormat, unit_file, unit_file_name
from cloud_ingest.month.exported import Owner, unit_export
from cloud_ingest.store.registry import one_society

app = new_group()


@app.command("export-unit")
def export_unit(
    unit: Subject,
    *,
    month: Annotated[
        str | None,
        typer.Option(
            "--month", help="Such as 2026-10 or October [default: the last one that has ended]."
        ),
    ] = None,
    form: Annotated[
        UnitFormat,
        typer.Option("--format", help="espi for a program of energy data (Green Button)."),
    ] = UnitFormat.ESPI,
    subject_type: SubjectType = "unit",
    society: TheSociety = None,
    out: Out = None,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write a unit's own month to a file: ESPI (Green Button), CSV or JSON, and nothing of others.

    Example: cloud-ingest export-unit A-1204 --month October --format espi
    """
    with opened_store(dsn, config) as opened:
        span = named_month(month, opened.zone, datetime.now(UTC))
        name = one_society(opened.conn, society)
        found, days = unit_export(opened.conn, name, span, Owner(subject_type, unit))
        path = Path(unit_file_name(unit, found.month, form)) if out is None else out
        write_file(path, unit_file(found, form, days))
    if path != STDOUT:
        say(f"{path}: {unit}, {found.month}: {', '.join(each.service for each in found.numbers)}")
