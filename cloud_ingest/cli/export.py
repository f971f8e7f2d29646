# SPDX-License-Identifier: MIT
"""``cloud-ingest export``: a closed month as a file, for a billing tool, a table or the board.

In: a month, a format. Out: a file, and a line that says what is in it. Never: a decision.
"""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, MonthNamed, TheSociety, opened_store
from cloud_ingest.cli.private_file import write_private
from cloud_ingest.cli.say import say
from cloud_ingest.core.month_name import named_month
from cloud_ingest.exports.formats import Format, file_name, month_file
from cloud_ingest.month.exported import month_export
from cloud_ingest.store.registry import one_society
from shared_schema.export import ExportedStatus, MonthExport

app = new_group()
STDOUT = Path("-")

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        help="Where the file goes; - is standard output [default: named after the society and "
        "the month, in this folder].",
    ),
]


@app.command("export")
def export(
    month: MonthNamed = None,
    *,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            help="csv for a program, xlsx for Excel, json with all of it, pdf: one page for the "
            "notice board.",
        ),
    ],
    society: TheSociety = None,
    out: Out = None,
    bom: Annotated[
        bool, typer.Option("--bom", help="Begin CSV with a byte order mark: Excel needs one.")
    ] = False,
    amounts: Annotated[
        bool, typer.Option("--amounts", help="Show on the notice board what each flat used.")
    ] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Write a closed month to a file: each unit and meter with its registers, and what is missing.

    Example: cloud-ingest export October --format xlsx
    """
    with opened_store(dsn, config) as opened:
        span = named_month(month, opened.zone, datetime.now(UTC))
        name = one_society(opened.conn, society)
        found = month_export(opened.conn, name, span)
        path = Path(file_name(name, found.month, form.value)) if out is None else out
        write_file(path, month_file(found, form, bom=bom, amounts=amounts))
    if path != STDOUT:
        say(f"{path}: {_counted(found)}")


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, or to standard output, piece by piece.

    Raises:
        UserError: it cannot be written.
    """
    if path == STDOUT:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    write_private(path, pieces)


def _counted(found: MonthExport) -> str:
    final = sum(each.status is ExportedStatus.FINAL for each in found.numbers)
    missing = sum(each.quantity is None for each in found.numbers)
    said = f"{found.month} of {found.society}, {final} of {len(found.numbers)} numbers final"
    return f"{said}; {missing} missing, each with why" if missing else said
