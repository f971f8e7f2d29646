# SPDX-License-Identifier: MIT
"""``cloud-ingest recompute`` and ``history``: rollups made anew, registers from elsewhere.

In: options as a person typed them. Out: what was done, as lines or JSON. Never: a decision.
"""

import dataclasses
import json as jsons
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.options import Config, Dsn, Json, Society, one_line_errors, store
from cloud_ingest.core.month import DAY, next_month, parse_month
from cloud_ingest.entries.history import History, import_history
from cloud_ingest.errors import RecomputeRefused
from cloud_ingest.rollup.recompute import Change, Recomputed, recompute
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_read import shown

data_app = typer.Typer()
history_app = typer.Typer(help="Registers that an earlier system has read.")
data_app.add_typer(history_app, name="history", no_args_is_help=True)


def _say_progress(text: str) -> None:
    typer.echo(text, err=True)


@data_app.command("recompute")
def recompute_command(
    *,
    month: Annotated[
        str | None, typer.Option("--month", help="A month of the society, such as 2026-07.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="Or the first of some days: 2026-07-10.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="And the last, included [default: the first].")
    ] = None,
    society: Annotated[
        str | None, typer.Option("--society", help="Of one society [default: of all].")
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Make days and months anew from their readings, and say which of them changed.

    Nothing should: the ingest keeps them right. No reading is touched, and no number that was
    sent. Days whose readings are no longer kept stay as they are. With TimescaleDB the days of
    every society are made anew, and --society narrows what is told.

    Example: cloud-ingest recompute --month 2026-07 --society "Lake View"
    """
    with one_line_errors(), store(dsn, config) as conn:
        begin, end = _range(month, first, last, open_store(conn).zone)
        done = recompute(
            conn, begin, end, datetime.now(UTC), society=society, progress=_say_progress
        )
        typer.echo(_as_json(done) if json else _as_lines(done))


@history_app.command("import")
def history_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns named below.")],
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
    with one_line_errors(), store(dsn, config) as conn:
        done = import_history(
            conn, society, file, datetime.now(UTC), dry_run=dry_run, progress=_say_progress
        )
        if json:
            typer.echo(jsons.dumps(dataclasses.asdict(done), default=str))
            return
        typer.echo(_told(done))


def _told(done: History) -> str:
    what = (
        f"{done.file}: {done.rows} rows of {done.channels} registers, "
        f"{done.first.isoformat()} to {done.last.isoformat()}"
    )
    if not done.stored:
        return f"{what}: all are good, nothing was stored"
    return (
        f"{what}: {done.new} new, {done.duplicates} known, "
        f"{done.conflicts} beside another reading of the same moment"
    )


def _range(
    month: str | None, first: str | None, last: str | None, zone: ZoneInfo
) -> tuple[date, date]:
    if month is not None and first is None and last is None:
        begin = parse_month(month, zone).first
        return begin, next_month(begin) - DAY
    if month is None and first is not None:
        return _day(first), _day(first if last is None else last)
    raise RecomputeRefused("give --month 2026-07, or --from 2026-07-10 --to 2026-07-12")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RecomputeRefused(f"{text[:40]!r} is no day: write it as 2026-07-10") from None


def _as_json(done: Recomputed) -> str:
    return jsons.dumps(dataclasses.asdict(done), default=str)


def _as_lines(done: Recomputed) -> str:
    lines = [
        f"{done.first} to {done.last} made anew: {done.days_changed} days and "
        f"{done.months_changed} months of registers changed"
    ]
    if done.cut:
        lines.append(f"readings of before {done.first} are no longer kept: those days stay")
    lines.extend(f"day {change.bucket}: {_change(change)}" for change in done.days)
    lines.extend(f"month {change.bucket:%Y-%m}: {_change(change)}" for change in done.months)
    return "\n".join(lines)


def _change(change: Change) -> str:
    before, now = shown(change.before, change.now), shown(change.now, change.before)
    meter = f"{change.society}, {change.manufacturer} {change.serial}"
    return f"{meter} {change.obis}: {before}, now {now}"
