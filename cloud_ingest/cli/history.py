# SPDX-License-Identifier: MIT
"""``cloud-ingest history``: registers that an earlier system has read.

In: a file of registers. Out: a line that counts, or JSON. Never: a decision.
"""

import dataclasses
import json as jsons
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, Society, opened_store, progress
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import counted, local
from cloud_ingest.entries.history import History, import_history

app = new_group("Registers that an earlier system has read.")


@app.command("import")
def history_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns named above.")],
    *,
    society: Society,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check the file; store nothing.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take registers of an earlier system; nothing of the file if a line of it is bad.

    Columns: manufacturer, serial (as in the list of units), obis (1.0.1.8.0.255), unit (kWh, Wh,
    m3, L …), ts (2025-07-01T00:15 in the society's zone, or with an offset), then either scaler
    and raw (the register's integer: value = raw * 10^scaler in unit), or value; a value counts in
    whole Wh or litres, where a column scaler does not say otherwise.

    A gateway's reading, an edit and a self-read of the same moment stay; the imported one is kept
    beside them. The same file again changes nothing; after an interruption run it again.

    Example: cloud-ingest history import registers.csv --society "Lake View" --dry-run
    """
    with opened_store(dsn, config) as opened:
        done = import_history(
            opened.conn, society, file, datetime.now(UTC), dry_run=dry_run, progress=progress
        )
        zone = opened.zone
    say(jsons.dumps(dataclasses.asdict(done), default=str) if json else _as_line(done, zone))


def _as_line(done: History, zone: ZoneInfo) -> str:
    what = (
        f"{done.file}: {counted(done.rows, 'row')} of {counted(done.channels, 'register')}, "
        f"{local(done.first, zone)} to {local(done.last, zone)}"
    )
    if not done.stored:
        return f"{what}: all are good, nothing was stored"
    return (
        f"{what}: {done.new} new, {done.duplicates} known, "
        f"{done.conflicts} beside another reading of the same moment"
    )
