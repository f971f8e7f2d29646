# SPDX-License-Identifier: MIT
"""``cloud-ingest units``: which meter serves which flat.

In: a file of unit management. Out: a line that counts. Never: a decision.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Society, opened_store
from cloud_ingest.entries.units import import_units

app = new_group("Which meter serves which flat, as unit management has it.")


@app.command("import")
def units_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns named above.")],
    *,
    society: Society,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take the dated list of units and their meters; nothing of it if a line is bad.

    Columns: tower, subject_type (unit, common, bulk), subject, service (electricity, water),
    source (grid, generator, inlet-1 …), manufacturer, serial, legacy (yes: no data port),
    valid_from, valid_to (days of the society; empty: until now). Import it again after each
    change: what is known stays, an end or a replacement is taken in.

    Example: cloud-ingest units import units.csv --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        done = import_units(opened.conn, society, file, now=datetime.now(UTC))
    typer.echo(f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged")
