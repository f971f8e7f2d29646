# SPDX-License-Identifier: MIT
"""The views of closed months held against each other, and each number explained."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.cli.explain_text import explanation_text
from cloud_ingest.cli.sentences import WIDTH
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import Month, parse_month
from cloud_ingest.month.explain import Asked, explain
from cloud_ingest.month.published import shown_month, shown_states
from cloud_ingest.month.published_balances import shown_balances, shown_day_balances
from cloud_ingest.month.report import MonthReport, ReportLine, month_report
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.balances import TowerBalance


def faults(conn: Connection, society: str, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    """Give each disagreement between what the commands show of closed months."""
    society_id = find_society(conn, society)
    closed = conn.execute("SELECT month FROM month_close ORDER BY month").fetchall()
    for (name,) in closed:
        month = parse_month(name, zone)
        report = month_report(conn, society, name)
        for line in report.lines:
            yield from _of_line(conn, society_id, month, zone, line)
            asked = Asked(society, name, line.subject, line.service, _kind(line))
            yield from _explained(conn, asked, zone, now, line)
        yield from _of_towers(conn, society_id, month, zone, report)
        states = shown_states(conn, society_id, month)
        known = sum(line.quantity is not None for line in report.lines)
        if states is None or states.published != known:
            yield f"{name}: completeness knows other numbers than the report"


def _kind(line: ReportLine) -> SubjectKind:
    return "unit" if line.subject_type == "unit" else "common"


def _of_line(
    conn: Connection, society_id: int, month: Month, zone: ZoneInfo, line: ReportLine
) -> Iterator[str]:
    what = f"{month} {line.subject} {line.service}"
    shown = shown_month(
        conn, society_id, month, zone, subject_type=_kind(line), subject=line.subject
    )
    assert shown is not None
    (number,) = (each for each in shown.numbers if each.service is line.service)
    if (number.quantity, number.version if line.version else None) != (
        line.quantity,
        line.version,
    ):
        yield f"{what}: usage has {number.quantity}, the report {line.quantity}"
    if line.quantity is None:
        return
    own = [each for each in shown.usages if each.month.place.service == line.service]
    if sum((each.month.quantity or 0 for each in own), Decimal(0)) != line.quantity:
        yield f"{what}: its meters do not add up"
    for each in own:
        if sum(each.days.values(), Decimal(0)) != each.month.quantity:
            yield f"{what}: its days do not add up"


def _of_towers(
    conn: Connection, society_id: int, month: Month, zone: ZoneInfo, report: MonthReport
) -> Iterator[str]:
    found = shown_balances(conn, society_id, month) or []
    told = {(each.tower, each.service): each for each in report.reconciliations}
    if {(each.tower, each.service) for each in found} != told.keys():
        yield f"{month}: towers has other towers than the report"
    days = shown_day_balances(conn, society_id, month, zone) or []
    for each in found:
        if each.tower is None:
            yield f"{month}: accounting is told of the society"
            continue
        result = told[each.tower, each.service]
        if (each.balance.units, each.balance.loss) != (result.units, result.loss):
            yield f"{month} {each.tower}: towers has another balance than the report"
        units, common, is_whole = _summed(days, each)
        if is_whole and (units, common) != (result.units, result.common or 0):
            yield f"{month} {each.tower}: days of units {units}, reconciled {result.units}"


def _summed(days: list[TowerBalance], of: TowerBalance) -> tuple[Decimal, Decimal, bool]:
    """Add up the days of a tower, and say whether each of its units is known on all of them."""
    own = [day.balance for day in days if (day.tower, day.service) == (of.tower, of.service)]
    return (
        sum((each.units for each in own), Decimal(0)),
        sum((each.common or Decimal(0) for each in own), Decimal(0)),
        all(each.units_known == each.units_total for each in own),
    )


def _explained(
    conn: Connection, asked: Asked, zone: ZoneInfo, now: datetime, line: ReportLine
) -> Iterator[str]:
    what = f"{asked.month} {line.subject} {line.service}"
    found = explain(conn, asked, now)
    if found.number is None or found.number.quantity != line.quantity:
        yield f"{what}: it is explained as another number than the report's"
        return
    text = explanation_text(found, zone)
    if max(map(len, text.splitlines())) > WIDTH:
        yield f"{what}: its explanation is wider than {WIDTH} columns"
    differs = found.now is not None and not found.now.agrees and not found.now.entries
    is_kept = any(word.kind == "keep" for word in found.words)
    if differs and found.number.held is None and not is_kept:
        yield f"{what}: closed again it would change, and nobody asked for it"
