# SPDX-License-Identifier: MIT
"""``cloud-ingest usage``, ``completeness`` and ``towers``: what the store knows so far.

In: options as a person typed them. Out: a table or JSON. Never: a decision, or a number of a
closed month: ``cloud-ingest report`` has these.
"""

import json as json_format
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.options import Config, Dsn, Json, Society, one_line_errors, store
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import parse_month
from cloud_ingest.month.report import aligned, figure
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.readings_read import RegisterMonth
from cloud_ingest.store.registry import find_society
from cloud_ingest.views import completeness as gaps
from cloud_ingest.views import usage
from cloud_ingest.views.load_curve import Curve, load_curve
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service

read_app = typer.Typer()

MonthOption = Annotated[str, typer.Option("--month", help="Such as 2026-07; it may run still.")]
SubjectType = Annotated[SubjectKind, typer.Option("--subject-type", help="What the label is of.")]


@read_app.command("usage")
def usage_of(
    unit: Annotated[str, typer.Argument(help="Label of the unit, common area or bulk meter.")],
    *,
    society: Society,
    month: MonthOption,
    days: Annotated[bool, typer.Option("--days", help="Each day.")] = False,
    curve: Annotated[bool, typer.Option("--curve", help="The load in steps of --step.")] = False,
    step: Annotated[int, typer.Option("--step", min=1, help="Minutes of a step.")] = 60,
    service: Annotated[
        Service, typer.Option("--service", help="What --curve is of.")
    ] = Service.ELECTRICITY,
    subject_type: SubjectType = "unit",
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what a unit used in a month so far, by its registers.

    Example: cloud-ingest usage A-1204 --society "Lake View" --month 2026-07 --days
    """
    with one_line_errors(), store(dsn, config) as conn:
        zone = open_store(conn).zone
        society_id = find_society(conn, society)
        span = parse_month(month, zone)
        if curve:
            curves = load_curve(
                conn,
                society_id,
                unit,
                service,
                start=span.start,
                end=span.end,
                step=timedelta(minutes=step),
                subject_type=subject_type,
            )
            _say(_curves_as_json(curves, zone) if json else _curves(curves, zone))
            return
        found = usage.day_usage(
            conn, society_id, span, zone, subject_type=subject_type, subject=unit
        )
        _say(_usage_as_json(found, zone) if json else _usage(found, zone, days=days))


@read_app.command()
def completeness(
    *,
    society: Society,
    month: MonthOption,
    unit: Annotated[str | None, typer.Option("--unit", help="Of one label.")] = None,
    subject_type: SubjectType = "unit",
    with_gaps: Annotated[
        bool, typer.Option("--gaps", help="Also from when to when readings are missing.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show which channels lack intervals in a month so far.

    Example: cloud-ingest completeness --society "Lake View" --month 2026-07 --unit A-1204 --gaps
    """
    with one_line_errors(), store(dsn, config) as conn:
        zone = open_store(conn).zone
        span = parse_month(month, zone)
        until = min(span.end, datetime.now(UTC))
        found = gaps.completeness(
            conn,
            find_society(conn, society),
            span,
            zone,
            until,
            subject_type=None if unit is None else subject_type,
            subject=unit,
        )
        stretches = gaps.missing(conn, found, zone, until) if with_gaps else []
        labels = {one.channel_id: (one.subject, one.obis) for one in found}
        if json:
            _say(
                {
                    "channels": [
                        {
                            "subject_type": one.subject_type,
                            "subject": one.subject,
                            "service": one.service,
                            "meter": f"{one.manufacturer} {one.serial}",
                            "obis": one.obis,
                            "period_s": one.period_s,
                            "expected": one.expected,
                            "present": one.present,
                            "lacking": [
                                {"day": str(day), "expected": due, "present": present}
                                for day, due, present in one.lacking
                            ],
                        }
                        for one in found
                    ],
                    "gaps": [
                        {
                            "subject": labels[gap.channel_id][0],
                            "obis": labels[gap.channel_id][1],
                            "start": _iso(gap.start, zone),
                            "end": _iso(gap.end, zone),
                        }
                        for gap in stretches
                    ],
                }
            )
            return
        lacking = [one for one in found if one.lacking]
        rows = [
            (
                one.subject,
                one.service,
                f"{one.manufacturer} {one.serial}",
                one.obis,
                str(one.expected),
                str(one.present),
                f"{100 * one.present / one.expected:.1f} %",
                str(len(one.lacking)),
            )
            for one in lacking
        ]
        head = ("Unit", "Service", "Meter", "OBIS", "Expected", "Present", "", "Days that lack")
        lines = [f"{len(found) - len(lacking)} of {len(found)} channels are complete"]
        if rows:
            lines += ["", *aligned(head, rows, right={4, 5, 6, 7})]
        if stretches:
            missing = [
                (*labels[gap.channel_id], _local(gap.start, zone), _local(gap.end, zone))
                for gap in stretches
            ]
            lines += [
                "",
                *aligned(("Unit", "OBIS", "Last before", "First after"), missing, right=set()),
            ]
        _say("\n".join(lines))


@read_app.command()
def towers(
    *,
    society: Society,
    month: MonthOption,
    days: Annotated[bool, typer.Option("--days", help="Each day.")] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show where each tower's electricity and water went in a month so far.

    Example: cloud-ingest towers --society "Lake View" --month 2026-07
    """
    with one_line_errors(), store(dsn, config) as conn:
        zone = open_store(conn).zone
        society_id, span = find_society(conn, society), parse_month(month, zone)
        found = (
            usage.day_balances(usage.day_usage(conn, society_id, span, zone))
            if days
            else usage.month_balances(usage.month_usage(conn, society_id, span))
        )
    if json:
        _say(
            {
                "towers": [
                    {
                        "tower": row.tower,
                        "service": row.service.value,
                        "day": None if row.day is None else str(row.day),
                        "unit": BILLING_UNITS[row.service],
                        "bulk": _text(row.balance.bulk),
                        "units": _text(row.balance.units),
                        "common": _text(row.balance.common),
                        "loss": _text(row.balance.loss),
                        "units_known": row.balance.units_known,
                        "units_total": row.balance.units_total,
                    }
                    for row in found
                ]
            }
        )
        return
    lines = [
        (
            "" if row.day is None else str(row.day),
            row.tower,
            row.service.value,
            figure(row.balance.bulk),
            figure(row.balance.units),
            figure(row.balance.common),
            figure(row.balance.loss),
            BILLING_UNITS[row.service],
            f"{row.balance.units_known}/{row.balance.units_total}",
        )
        for row in found
    ]
    head = ("Day", "Tower", "Service", "Bulk", "Units", "Common", "Loss", "", "Units known")
    _say("\n".join(aligned(head, lines, right={3, 4, 5, 6, 8})))


def _usage(found: Sequence[usage.DayUsage], zone: ZoneInfo, *, days: bool) -> str:
    rows = [
        (
            *_place(row.month.place),
            "-" if row.month.since is None else _local(row.month.since, zone),
            figure(row.month.opening),
            "-" if row.month.until is None else _local(row.month.until, zone),
            figure(row.month.closing),
            figure(row.month.quantity),
            BILLING_UNITS[Service(row.month.place.service)],
        )
        for row in found
    ]
    head = ("Service", "Source", "Meter", "From", "Register", "To", "Register", "Used", "")
    lines = aligned(head, rows, right={4, 6, 7})
    if days:
        by_day = [
            (str(day), *_place(row.month.place), f"{quantity:f}")
            for row in found
            for day, quantity in sorted(row.days.items())
        ]
        lines += ["", *aligned(("Day", "Service", "Source", "Meter", "Used"), by_day, right={4})]
    return "\n".join(lines)


def _usage_as_json(found: Sequence[usage.DayUsage], zone: ZoneInfo) -> Mapping[str, object]:
    return {
        "meters": [
            {
                "service": row.month.place.service,
                "source": row.month.place.source,
                "meter": _place(row.month.place)[2],
                "since": None if row.month.since is None else _iso(row.month.since, zone),
                "opening": _text(row.month.opening),
                "until": None if row.month.until is None else _iso(row.month.until, zone),
                "closing": _text(row.month.closing),
                "quantity": _text(row.month.quantity),
                "unit": BILLING_UNITS[Service(row.month.place.service)],
                "days": {str(day): _text(used) for day, used in sorted(row.days.items())},
            }
            for row in found
        ]
    }


def _curves(curves: Sequence[Curve], zone: ZoneInfo) -> str:
    rows = [
        (_local(point.start, zone), curve.source, curve.meter, figure(point.quantity))
        for curve in curves
        for point in curve.points
    ]
    return "\n".join(aligned(("From", "Source", "Meter", "Used"), rows, right={3}))


def _curves_as_json(curves: Sequence[Curve], zone: ZoneInfo) -> Mapping[str, object]:
    return {
        "curves": [
            {
                "source": curve.source,
                "meter": curve.meter,
                "basis": curve.basis,
                "points": [
                    {
                        "start": _iso(point.start, zone),
                        "end": _iso(point.end, zone),
                        "quantity": _text(point.quantity),
                    }
                    for point in curve.points
                ],
            }
            for curve in curves
        ]
    }


def _place(place: RegisterMonth) -> tuple[str, str, str]:
    return (place.service, place.source, f"{place.manufacturer} {place.serial}")


def _say(answer: str | Mapping[str, object]) -> None:
    text = answer if isinstance(answer, str) else json_format.dumps(answer, indent=2)
    typer.echo(text)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"


def _iso(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat()
