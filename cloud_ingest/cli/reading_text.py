# SPDX-License-Identifier: MIT
"""How ``cloud-ingest reading`` words what a correction changes, and what is set aside.

In: values of `cloud_ingest.month.correction` and `cloud_ingest.entries.reading_list`. Out: lines
and a table. Never: a decision. Pure.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.cli.published import close_again_lines, reasons_text
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.core.judgement import RulingKind
from cloud_ingest.entries.advice import local_text
from cloud_ingest.entries.named_reading import Shown
from cloud_ingest.entries.reading_list import Listed
from cloud_ingest.month.closed_again import ChangedMonth
from cloud_ingest.month.correction import Correction
from cloud_ingest.month.preview import Number
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption


def correction_lines(
    found: Correction, kind: RulingKind, society: str, zone: ZoneInfo
) -> Iterator[str]:
    """Word what a correction changes, a line for each."""
    ruled = found.ruled
    unit = BILLING_UNITS[ruled.meter.service]
    yield (
        f"{ruled.meter.subject} {ruled.meter.service}, meter {ruled.meter.meter}, "
        f"{local_text(ruled.at, zone)}: {_DONE[kind]}"
    )
    yield f"  elected: {_elected(ruled.before, unit)} -> {_elected(ruled.after, unit)}"
    for each in ruled.contradicts:
        yield (
            f"  it contradicts {each.value:f} {unit} of {local_text(each.at, zone)}: "
            "look at the value and the time"
        )
    for told, others in (("set aside", ruled.put_aside), ("elected again", ruled.put_back)):
        if others:
            yield f"  {told} by it as well: {_others(others, unit, zone)}"
    for month in found.months:
        yield f"  {month_line(month)}"
    for balance in found.balances:
        before, after = _loss(balance.before, balance.unit), _loss(balance.after, balance.unit)
        yield f"  {balance.month} {balance.tower} {balance.service}: loss {before} -> {after}"
    if found.refused is not None:
        yield f"  closing again would be refused: {found.refused}"
    elif not found.months and not found.balances:
        yield "  no month changes: other readings stand at the borders (cloud-ingest explain)"
    if not found.is_applied:
        yield "nothing is written yet: give --yes to apply it"
        return
    yield "applied"
    yield from close_again_lines(found.close_again, society)


_DONE: dict[RulingKind, str] = {
    "set_aside": "set aside",
    "restore": "restored",
    "enter": "entered",
}


def _elected(readings: Sequence[Shown], unit: str) -> str:
    texts = [f"{each.value:f} {unit} ({each.origin.value})" for each in readings]
    return ", ".join(texts) or "nothing"


def _others(readings: Sequence[Shown], unit: str, zone: ZoneInfo) -> str:
    first, last = readings[0], readings[-1]
    text = f"{first.value:f} {unit} of {local_text(first.at, zone)}"
    if len(readings) == 1:
        return text
    last_text = f"{last.value:f} {unit} of {local_text(last.at, zone)}"
    return f"{len(readings)} readings, {text} to {last_text}"


def month_line(change: ChangedMonth) -> str:
    """Word how a month's number changes; of the same quantity, what else is said of it."""
    before, after = _number(change.before), _number(change.after)
    if before == after and isinstance(change.after, MonthlyConsumption):
        after = f"the same, {change.after.quality.value}{_reasons(change.after)}"
    if change.is_taken_back:
        after = f"withdrawn from billing{_reasons(change.after)}"
    if change.version is not None:
        note = f" (v{change.version})"
    else:
        note = "" if change.is_closed else ", not closed yet"
    return f"{change.month} {change.subject}: {before} -> {after}{note}"


def _reasons(number: Number | None) -> str:
    return "" if number is None else reasons_text(number.reasons)


def _number(number: Number | None) -> str:
    if number is None:
        return "nothing"
    if isinstance(number, MonthlyConsumption):
        return f"{number.quantity:f} {number.unit}"
    return f"withheld{_reasons(number)}"


def _loss(loss: Decimal | None, unit: str) -> str:
    return "not known" if loss is None else f"{loss:f} {unit}"


def readings_table(found: Sequence[Listed], zone: ZoneInfo) -> str:
    """Write what is set aside as a table for a terminal."""
    columns = [
        Column("Time", "name"),
        Column("Unit"),
        Column("kWh, kL", "figure"),
        Column("State"),
        Column("Between"),
        Column("Decided"),
    ]
    rows = [
        (
            local(each.at, zone),
            each.subject or each.meter,
            f"{each.value:f}",
            _state(each, zone),
            " ".join("-" if one is None else f"{one.value:f}" for one in (each.before, each.after)),
            _decided(each, zone),
        )
        for each in found
    ]
    return table(columns, rows)


def _state(each: Listed, zone: ZoneInfo) -> str:
    match each.state:
        case "break":
            former = (each.judged_between or {}).get("before")
            since = "" if former is None else f", somewhere after {local(former.at, zone)}"
            return f"break: {each.rule}{since}"
        case "unsound":
            return f"unsound: {each.rule}"
        case "doubted":
            return f"taken, though doubted: {each.rule}"
        case "rival":
            return f"rival of {each.elected:f}"
        case "set_aside":
            return "set aside"
        case other:
            return other if each.is_elected else f"{other}, not elected"


def _decided(each: Listed, zone: ZoneInfo) -> str:
    if each.state == "rival":
        return "by its origin and value"
    if each.by is None:
        return f"by rule, {_day(each.decided_at, zone)}"
    return f"{each.by}, {_day(each.decided_at, zone)}: {each.reason}"


def _day(at: datetime | None, zone: ZoneInfo) -> str:
    return "-" if at is None else f"{at.astimezone(zone):%Y-%m-%d}"
