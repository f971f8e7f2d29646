# SPDX-License-Identifier: MIT
"""``cloud-ingest usage``: what one unit used in a month: so far, or as it was published.

In: a label and a month. Out: a table or JSON. Never: a decision.
"""

import json as json_format
from collections.abc import Sequence
from dataclasses import dataclass
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
    Opened,
    Society,
    Subject,
    SubjectType,
    opened_store,
)
from cloud_ingest.cli.published import number_as_json, number_line, state_line
from cloud_ingest.cli.say import say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, figure, local, table
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month as MonthSpan
from cloud_ingest.errors import UserError
from cloud_ingest.month.published import ShownNumber, shown_month
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.so_far import DayUsage, Place, day_usage
from cloud_ingest.views.load_curve import Curve, load_curve
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

app = new_group()

USUAL_STEP: Final = 60
MOST_STEP: Final = 1440
"""Minutes: a day."""


@dataclass(frozen=True, slots=True)
class _Usage:
    """What a unit used in a month."""

    month: str
    zone: ZoneInfo
    closed_at: datetime | None
    """None: so far."""
    numbers: Sequence[ShownNumber]
    meters: Sequence[DayUsage]


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
        found = _found(opened, society_id, span, (subject_type, unit), window)
    say(_as_json(found) if json else _as_tables(found, days=days))


def _found(
    opened: Opened,
    society_id: int,
    span: MonthSpan,
    subject: tuple[SubjectKind, str],
    window: timedelta,
) -> _Usage:
    """Return what was published of a closed month; of an open one what is known so far."""
    conn, zone, (subject_type, unit) = opened.conn, opened.zone, subject
    closed = shown_month(
        conn,
        society_id,
        span,
        zone,
        subject_type=subject_type,
        subject=unit,
        self_read_window=window,
    )
    if closed is not None:
        return _Usage(str(span), zone, closed.closed_at, closed.numbers, closed.usages)
    so_far = day_usage(
        conn,
        society_id,
        span,
        zone,
        subject_type=subject_type,
        subject=unit,
        self_read_window=window,
    )
    return _Usage(str(span), zone, None, (), so_far)


def _as_tables(found: _Usage, *, days: bool) -> str:
    zone = found.zone
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
            f"{row.month.place.service} {row.month.place.source}",
            _meter(row.month.place),
            local(row.month.since, zone),
            figure(row.month.opening),
            local(row.month.until, zone),
            figure(row.month.closing),
            _used(row.month.quantity, Service(row.month.place.service)),
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
        (
            str(day),
            row.month.place.service,
            row.month.place.source,
            _meter(row.month.place),
            _used(quantity, Service(row.month.place.service)),
        )
        for row in found.meters
        for day, quantity in sorted(row.days.items())
    ]
    return f"{text}\n\n{table(columns, by_day)}"


def _used(quantity: Decimal | None, service: Service) -> str:
    return "-" if quantity is None else f"{quantity:f} {BILLING_UNITS[service]}"


def _as_json(found: _Usage) -> str:
    zone = found.zone
    meters = [
        {
            "service": row.month.place.service,
            "source": row.month.place.source,
            "meter": _meter(row.month.place),
            "since": None if row.month.since is None else _iso(row.month.since, zone),
            "opening": decimal_text(row.month.opening),
            "until": None if row.month.until is None else _iso(row.month.until, zone),
            "closing": decimal_text(row.month.closing),
            "quantity": decimal_text(row.month.quantity),
            "unit": BILLING_UNITS[Service(row.month.place.service)],
            "days": {str(day): decimal_text(used) for day, used in sorted(row.days.items())},
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
            (local(point.start, zone), curve.source, curve.meter, _used(point.quantity, service))
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


def _meter(place: Place) -> str:
    return f"{place.manufacturer} {place.serial}"


def _iso(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat()
