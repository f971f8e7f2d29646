# SPDX-License-Identifier: MIT
"""``cloud-ingest usage``: what one unit used in a month: so far, or as it was published.

In: a label and a month. Out: a table or JSON. Never: a decision.
"""

import json as json_format
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import decimal_text
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Month,
    Society,
    Subject,
    SubjectType,
    opened_store,
)
from cloud_ingest.cli.published import number_as_json, number_line, state_line
from cloud_ingest.cli.say import say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, figure, local, table
from cloud_ingest.errors import UserError
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.load_curve import Curve, load_curve
from cloud_ingest.views.unit_usage import UnitUsage, unit_usage
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

app = new_group()

USUAL_STEP: Final = 60
MOST_STEP: Final = 1440
"""Minutes: a day."""


@app.command("usage")
def usage(
    unit: Subject,
    *,
    society: Society,
    month: Month,
    days: Annotated[bool, typer.Option("--days", help="Also each day.")] = False,
    curve: Annotated[
        bool, typer.Option("--curve", help="Instead the load, in steps of --step.")
    ] = False,
    step: Annotated[
        int | None,
        typer.Option(
            "--step", min=1, max=MOST_STEP, help="Minutes of a step of --curve [default: 60]."
        ),
    ] = None,
    service: Annotated[
        Service | None,
        typer.Option("--service", help="What --curve is of [default: electricity]."),
    ] = None,
    subject_type: SubjectType = "unit",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what a unit used in a month: so far, or as it was published.

    Example: cloud-ingest usage A-1204 --society "Lake View" --month 2026-07 --days
    """
    with opened_store(dsn, config) as opened:
        if not curve and (step is not None or service is not None):
            raise UserError("--step and --service are of the load: give --curve, too")
        conn, zone = opened.conn, opened.zone
        society_id = find_society(conn, society)
        span = month_to_show(conn, society_id, month, zone, datetime.now(UTC))
        if curve:
            service = service or Service.ELECTRICITY
            curves = load_curve(
                conn,
                society_id,
                unit,
                service,
                start=span.start,
                end=span.end,
                step=timedelta(minutes=step or USUAL_STEP),
                subject_type=subject_type,
            )
            say(_curves_as_json(curves, zone) if json else _curves_as_table(curves, zone, service))
            return
        window = opened.settings.self_read_window(society)
        found = unit_usage(
            conn,
            society_id,
            span,
            zone,
            subject_type=subject_type,
            subject=unit,
            self_read_window=window,
        )
    say(_as_json(found, zone) if json else _as_tables(found, zone, days=days))


def _as_tables(found: UnitUsage, zone: ZoneInfo, *, days: bool) -> str:
    columns = [
        Column("Service"),
        Column("Meter"),
        Column("From"),
        Column("Register", "figure"),
        Column("To"),
        Column("Register", "figure"),
        Column("Used", "figure"),
    ]
    rows = [
        (
            f"{row.service} {row.source}",
            row.meter,
            local(row.since, zone),
            figure(row.opening),
            local(row.until, zone),
            figure(row.closing),
            _used(row.quantity, row.unit),
        )
        for row in found.meters
    ]
    lines = [state_line(found.month, found.closed_at, zone)]
    for each in found.numbers:
        lines += wrapped(number_line(each), 2)
    text = "\n".join([*lines, *(("", table(columns, rows)) if rows else ())])
    if not days:
        return text
    columns = [
        Column("Day", "name"),
        Column("Service"),
        Column("Source"),
        Column("Meter"),
        Column("Used", "figure"),
    ]
    by_day = [
        (str(day), row.service, row.source, row.meter, _used(quantity, row.unit))
        for row in found.meters
        for day, quantity in row.days.items()
    ]
    return f"{text}\n\n{table(columns, by_day)}"


def _used(quantity: Decimal | None, unit: str) -> str:
    return "-" if quantity is None else f"{quantity:f} {unit}"


def _as_json(found: UnitUsage, zone: ZoneInfo) -> str:
    meters = [
        {
            "service": row.service,
            "source": row.source,
            "meter": row.meter,
            "since": None if row.since is None else _iso(row.since, zone),
            "opening": decimal_text(row.opening),
            "until": None if row.until is None else _iso(row.until, zone),
            "closing": decimal_text(row.closing),
            "quantity": decimal_text(row.quantity),
            "unit": row.unit,
            "days": {str(day): decimal_text(used) for day, used in row.days.items()},
        }
        for row in found.meters
    ]
    document = {
        "month": found.month,
        "state": "open" if found.closed_at is None else "closed",
        "closed_at": None if found.closed_at is None else _iso(found.closed_at, zone),
        "numbers": [number_as_json(each) for each in found.numbers],
        "meters": meters,
    }
    return json_format.dumps(document, indent=2)


def _curves_as_table(curves: Sequence[Curve], zone: ZoneInfo, service: Service) -> str:
    columns = [
        Column("From", "name"),
        Column("Source"),
        Column("Meter"),
        Column("Used", "figure"),
    ]
    return table(
        columns,
        (
            (
                local(point.start, zone),
                curve.source,
                curve.meter,
                _used(point.quantity, BILLING_UNITS[service]),
            )
            for curve in curves
            for point in curve.points
        ),
    )


def _curves_as_json(curves: Sequence[Curve], zone: ZoneInfo) -> str:
    documents = [
        {
            "source": curve.source,
            "meter": curve.meter,
            "basis": curve.basis,
            "points": [
                {
                    "start": _iso(point.start, zone),
                    "end": _iso(point.end, zone),
                    "quantity": decimal_text(point.quantity),
                }
                for point in curve.points
            ],
        }
        for curve in curves
    ]
    return json_format.dumps({"curves": documents}, indent=2)


def _iso(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat()
