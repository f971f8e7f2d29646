# SPDX-License-Identifier: MIT
"""``cloud-ingest close-month`` and ``report``: a month's numbers, made and shown.

In: a month and a society. Out: lines that count, a table or JSON. Never: a decision.
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from cloud_ingest.cli.dry_run_text import dry_run_lines
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Society,
    limits_of,
    opened_store,
    progress,
)
from cloud_ingest.cli.published import bound
from cloud_ingest.cli.say import say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, counted, figure, table
from cloud_ingest.core.month_name import named_month
from cloud_ingest.core.words import ADVICE
from cloud_ingest.month.close import Closed, close_again, closing_of_month
from cloud_ingest.month.dry_run import dry_run
from cloud_ingest.month.report import MonthReport, ReportLine, as_json, month_report
from cloud_ingest.settings import EstimatesRule
from shared_schema.billing import BILLING_UNITS

app = new_group()

Estimates = Annotated[
    EstimatesRule | None,
    typer.Option(
        "--estimates",
        help="A month whose border was not read: withheld with its estimate shown beside it, or "
        "sent as an estimate until the border is known [default: shown].",
    ),
]


@app.command("close-month")
def close_month(
    month: Annotated[str, typer.Argument(help="The month, such as 2026-07 or July.")],
    *,
    society: Society,
    estimates: Estimates = None,
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be sent, withheld and held.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="With --dry-run: answer in JSON.")] = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Prove the numbers of a month and send them; again after a correction.

    Example: cloud-ingest close-month 2026-07 --society "Lake View"
    """
    with opened_store(dsn, config, estimates=estimates) as opened:
        now = datetime.now(UTC)
        closing, store = closing_of_month(
            opened.conn,
            society,
            str(named_month(month, opened.zone, now)),
            now,
            self_read_window=opened.settings.self_read_window(society),
            grace=opened.settings.close_grace,
            limits=limits_of(opened.settings),
            estimates=estimates or opened.settings.estimates_of(society),
            progress=progress,
        )
        if dry:
            planned = dry_run(opened.conn, closing, store)
            lines = [json_text(asdict(planned))] if json else dry_run_lines(planned)
            say("\n".join(lines))
            return
        done = close_again(opened.conn, closing, store)
    for before in done.earlier:
        say(f"closed again, because something in it is known now: {counted_line(before)}")
    say(counted_line(done))
    for later in done.later:
        say(f"closed again, because the month before now ends elsewhere: {counted_line(later)}")


def counted_line(done: Closed) -> str:
    """Say in a line what closing a month did."""
    return (
        f"{done.month} of {done.society}: {counted(len(done.numbers), 'number')} "
        f"({done.published} to send), {len(done.withheld)} withheld, "
        f"{counted(len(done.reconciliations), 'reconciliation')}"
        + (f", {len(done.withdrawn)} taken back" if done.withdrawn else "")
        + (f", {len(done.held)} held: cloud-ingest number list" if done.held else "")
    )


@app.command("report")
def report(
    month: Annotated[str, typer.Argument(help="A closed month, such as 2026-07 or July.")],
    *,
    society: Society,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show a closed month: per unit what was used, how good it is, where it goes.

    Example: cloud-ingest report 2026-07 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        span = named_month(month, opened.zone, datetime.now(UTC))
        found = month_report(opened.conn, society, str(span))
    say(as_json(found) if json else as_table(found))


def _quality(line: ReportLine) -> str:
    """Say how good a number is, between which bounds, or what it probably is."""
    reasons = [reason.value for reason in line.reasons if reason.value != line.quality.value]
    text = f"{line.quality.value}: {', '.join(reasons)}" if reasons else line.quality.value
    if line.since is not None:
        text += f"; counted since {line.since}"
    if line.bounds is not None:
        text += f"; {bound(line.bounds.lower)} to {bound(line.bounds.upper)}"
    if line.quantity is None and line.estimate is not None:
        found = line.estimate
        between = f"{bound(found.bounds.lower)} to {bound(found.bounds.upper)}"
        text += f"; about {found.quantity:f} {line.unit} ({between}, {found.method.value})"
    return text


def _quantity(line: ReportLine) -> str:
    if line.quantity is None:
        return "withdrawn" if line.is_withdrawn else "withheld"
    return f"{line.quantity:f} {line.unit}"


def as_table(report: MonthReport) -> str:
    """Write a closed month as tables for a terminal."""
    tables = (
        _numbers(report),
        _towers(report),
        *_unassigned(report),
        *_corrections(report),
        *_held(report),
        *_advice(report),
    )
    return "\n\n".join((f"{report.society}, {report.month}", *tables))


def _numbers(report: MonthReport) -> str:
    columns = [
        Column("Unit"),
        Column("Service"),
        Column("Quantity", "figure"),
        Column("Quality"),
        Column("Goes to"),
    ]
    return table(
        columns,
        (
            (line.subject, line.service.value, _quantity(line), _quality(line), line.goes_to)
            for line in report.lines
        ),
    )


def _towers(report: MonthReport) -> str:
    columns = [
        Column("Tower"),
        Column("Service"),
        *(Column(name, "figure") for name in ("Bulk", "Units", "Common", "Loss", "%")),
        Column("Units known", "figure"),
    ]
    return table(
        columns,
        (
            (
                result.tower,
                f"{result.service.value}, {result.unit}",
                figure(result.bulk),
                f"{result.units:f}",
                "no meter" if result.common is None else f"{result.common:f}",
                figure(result.loss),
                figure(result.loss_percent),
                f"{result.units_known}/{result.units_total}",
            )
            for result in report.reconciliations
        ),
    )


def _unassigned(report: MonthReport) -> Iterator[str]:
    """Show what meters counted while they served nobody."""
    if report.unassigned:
        yield table(
            [
                Column("Nobody's meter"),
                Column("Service"),
                Column("Tower"),
                Column("Quantity", "figure"),
                Column("From", "figure"),
                Column("To", "figure"),
            ],
            (
                (
                    str(each.meter),
                    each.service.value,
                    each.tower or "-",
                    f"{each.quantity:f} {BILLING_UNITS[each.service]}",
                    f"{each.opening.register_value:f}",
                    f"{each.closing.register_value:f}",
                )
                for each in report.unassigned
            ),
        )


def _corrections(report: MonthReport) -> Iterator[str]:
    """Say of each number that was sent more than once who corrected it, and why."""
    lines = [(line, line.correction) for line in report.lines if line.correction is not None]
    if lines:
        yield table(
            [
                Column("Corrected"),
                Column("Service"),
                Column("Version", "figure"),
                Column("By"),
                Column("Because"),
            ],
            (
                (
                    line.subject,
                    line.service.value,
                    f"{done.of_version} -> {line.version}",
                    done.by or "nobody",
                    f"{done.what}: {done.reason}" if done.reason else done.what,
                )
                for line, done in lines
            ),
        )


def _advice(report: MonthReport) -> Iterator[str]:
    """Say what to do about the numbers that are withheld, once for each reason."""
    withheld = {reason for line in report.lines if line.quantity is None for reason in line.reasons}
    lines = [
        line
        for reason in ADVICE
        if reason in withheld
        for line in wrapped(f"{reason.value}: {ADVICE[reason]}.", 2)
    ]
    if lines:
        yield "\n".join(("What to do about what is withheld:", *lines))


def _held(report: MonthReport) -> Iterator[str]:
    """Show the changes that wait for a person."""
    lines = [(line, line.held) for line in report.lines if line.held is not None]
    if lines:
        yield (
            table(
                [
                    Column("Held"),
                    Column("Service"),
                    Column("Published", "figure"),
                    Column("Would be", "figure"),
                    Column("Because"),
                ],
                (
                    (
                        line.subject,
                        line.service.value,
                        figure(line.quantity),
                        "withdrawn" if held.quantity is None else f"{held.quantity:f}",
                        ", ".join(held.reasons),
                    )
                    for line, held in lines
                ),
            )
            + "\n\ndecide: cloud-ingest number accept, or number keep"
        )
