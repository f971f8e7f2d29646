# SPDX-License-Identifier: MIT
"""``cloud-ingest recompute``: days and months made anew from their readings.

In: a month or some days. Out: what changed, as lines or JSON. Never: a decision.
"""

import dataclasses
import json as jsons
from datetime import UTC, date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import Config, Dsn, Json, OneSociety, opened_store, progress
from cloud_ingest.cli.say import say
from cloud_ingest.core.month import DAY, next_month, parse_month
from cloud_ingest.core.typed_text import typed_day
from cloud_ingest.errors import RecomputeRefused
from cloud_ingest.rollup.recompute import Recomputed
from cloud_ingest.rollup.recompute import recompute as make_anew
from cloud_ingest.store.rollups_held import describe_figures
from cloud_ingest.store.rollups_write import RollupChange

app = new_group()


@app.command("recompute")
def recompute(
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
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Make days and months anew from their readings, and say which of them changed.

    Nothing should change: the ingest keeps them right. No reading is touched, and no number that
    was sent. Days whose readings are no longer kept stay as they are. With TimescaleDB the days of
    every society are made anew, and --society narrows what is told.

    Example: cloud-ingest recompute --month 2026-07 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        begin, end = _days(month, first, last, opened.zone)
        done = make_anew(
            opened.conn, begin, end, datetime.now(UTC), society=society, progress=progress
        )
    say(_as_json(done) if json else _as_lines(done))


def _days(
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
        return typed_day(text)
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


def _change(change: RollupChange) -> str:
    before, now = (
        describe_figures(change.before, change.now),
        describe_figures(change.now, change.before),
    )
    meter = f"{change.society}, {change.manufacturer} {change.serial}"
    return f"{meter} {change.obis}: {before}, now {now}"
