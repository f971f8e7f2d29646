# SPDX-License-Identifier: MIT
"""``cloud-ingest reading``: readings that were set aside, and how a person puts one right.

In: a label, a time, a word and its reason. Out: what the word changes, a table or JSON.
Never: a decision, a change without ``--yes``.
"""

import json as json_lines
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Society,
    Source,
    Subject,
    SubjectType,
    decimal,
    moment,
    opened_store,
)
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.judgement import RulingKind
from cloud_ingest.entries.readings import Listed, NamedReading, Shown, Word, listed_readings
from cloud_ingest.month.correction import ChangedMonth, Correction, correct_reading
from cloud_ingest.month.preview import Number
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.catalogue import Service

app = new_group("Readings that were set aside, and readings that a person puts right.")

OfService = Annotated[Service, typer.Option("--service", help="What the register counts.")]
At = Annotated[
    str,
    typer.Option(
        "--at", help="Local time of the reading; with seconds where a minute has several."
    ),
]
Value = Annotated[
    str | None,
    typer.Option("--value", help="Which, in kWh or kL, where several readings share a moment."),
]
By = Annotated[str, typer.Option("--by", help="Who says so; kept for ever.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept for ever.")]
Meter = Annotated[
    str | None, typer.Option("--meter", help="Serial number, where the unit changed its meter.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Apply it; without it nothing is written.")]

_HAS_SECONDS = re.compile(r"\d\d:\d\d:\d\d")


@app.command("list")
def reading_list(
    *,
    society: Society,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Of one unit, common area or bulk meter.")
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List readings that are set aside or have a rival, and what persons said of readings.

    Example: cloud-ingest reading list --unit A-1204 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = listed_readings(opened.conn, society, unit)
        zone = opened.zone
    if json:
        for each in found:
            typer.echo(json_lines.dumps(asdict(each), default=_plain, ensure_ascii=False))
    elif found:
        typer.echo(_as_table(found, zone))
    else:
        typer.echo("no reading is set aside, and none has a rival")


@app.command("set-aside")
def reading_set_aside(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    at: At,
    value: Value = None,
    by: By,
    reason: Reason,
    yes: Yes = False,
    meter: Meter = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Keep a reading from ever being elected; it stays stored.

    Example: cloud-ingest reading set-aside A-1204 --service electricity --at "2026-02-01 00:00"
    --by manager --reason "the display was dark" --society "Lake View"
    """
    named = _Named(subject, service, at, value, meter, source, subject_type)
    _correct(society, named, Word("set_aside", by, reason), dsn, config, yes=yes)


@app.command("restore")
def reading_restore(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    at: At,
    value: Value = None,
    by: By,
    reason: Reason,
    yes: Yes = False,
    meter: Meter = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Vouch for a reading: validation sets it aside no more.

    Example: cloud-ingest reading restore A-1204 --service electricity --at "2026-02-01 00:00"
    --by manager --reason "a new meter begins at 0" --society "Lake View"
    """
    named = _Named(subject, service, at, value, meter, source, subject_type)
    _correct(society, named, Word("restore", by, reason), dsn, config, yes=yes)


@app.command("enter")
def reading_enter(
    subject: Subject,
    *,
    society: Society,
    service: OfService,
    at: At,
    value: Annotated[
        str, typer.Option("--value", help="What the module's register showed, in kWh or kL.")
    ],
    by: By,
    reason: Reason,
    yes: Yes = False,
    meter: Meter = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Enter what a register showed at a moment; it stands above every other reading of it.

    Example: cloud-ingest reading enter A-1204 --service electricity --at "2026-02-01 00:00"
    --value 12374.760 --by manager --reason "photo of the dial" --society "Lake View"
    """
    named = _Named(subject, service, at, value, meter, source, subject_type)
    _correct(society, named, Word("enter", by, reason), dsn, config, yes=yes)


class _Named:
    """A reading as a person typed it."""

    def __init__(  # the words of a command
        self,
        subject: str,
        service: Service,
        at: str,
        value: str | None,
        meter: str | None,
        source: str | None,
        subject_type: SubjectKind,
    ) -> None:
        self.at = at
        self.value = value
        self._rest = (subject, service, meter, source, subject_type)

    def read(self, zone: ZoneInfo) -> NamedReading:
        """Return the reading that is named, in a zone."""
        subject, service, meter, source, subject_type = self._rest
        is_exact = _HAS_SECONDS.search(self.at) is not None
        return NamedReading(
            subject,
            service,
            moment(self.at, zone).astimezone(UTC),
            within=timedelta(seconds=1 if is_exact else 60),
            value=None if self.value is None else decimal(self.value),
            source=source,
            serial=meter,
            subject_type=subject_type,
        )


def _correct(
    society: str, named: _Named, word: Word, dsn: str | None, config: Path | None, *, yes: bool
) -> None:
    with opened_store(dsn, config) as opened:
        found = correct_reading(
            opened.conn,
            society,
            named.read(opened.zone),
            word,
            datetime.now(UTC),
            apply=yes,
            self_read_window=opened.settings.self_read_window,
            estimates=opened.settings.estimates,
        )
        zone = opened.zone
    for line in correction_lines(found, word.kind, society, zone):
        typer.echo(line)


def correction_lines(
    found: Correction, kind: RulingKind, society: str, zone: ZoneInfo
) -> Iterator[str]:
    """Word what a correction changes, a line for each."""
    ruled = found.ruled
    unit = BILLING_UNITS[ruled.meter.service]
    yield (
        f"{ruled.meter.subject} {ruled.meter.service}, meter {ruled.meter.meter}, "
        f"{_second(ruled.at, zone)}: {_DONE[kind]}"
    )
    yield f"  elected: {_elected(ruled.before, unit)} -> {_elected(ruled.after, unit)}"
    for each in ruled.contradicts:
        yield (
            f"  it contradicts {each.value:f} {unit} of {_second(each.at, zone)}: "
            "look at the value and the time"
        )
    for told, others in (("set aside", ruled.put_aside), ("elected again", ruled.put_back)):
        if others:
            yield f"  {told} by it as well: {_others(others, unit, zone)}"
    for month in found.months:
        yield f"  {_month(month)}"
    for balance in found.balances:
        before, after = _loss(balance.before, balance.unit), _loss(balance.after, balance.unit)
        yield f"  {balance.month} {balance.tower} {balance.service}: loss {before} -> {after}"
    if not found.months and not found.balances:
        yield "  no month changes: other readings stand at the borders (cloud-ingest explain)"
    if not found.is_applied:
        yield "nothing is written yet: give --yes to apply it"
        return
    yield "applied"
    for name in found.close_again:
        yield f"close {name} again: cloud-ingest close-month {name} --society '{society}'"


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
    text = f"{first.value:f} {unit} of {_second(first.at, zone)}"
    if len(readings) == 1:
        return text
    last_text = f"{last.value:f} {unit} of {_second(last.at, zone)}"
    return f"{len(readings)} readings, {text} to {last_text}"


def _month(change: ChangedMonth) -> str:
    before, after = _number(change.before), _number(change.after)
    if change.is_taken_back:
        after = f"withdrawn from billing{_reasons(change.after)}"
    if change.version is not None:
        note = f" (v{change.version})"
    else:
        note = "" if change.is_closed else ", not closed yet"
    return f"{change.month} {change.subject}: {before} -> {after}{note}"


def _reasons(number: Number | None) -> str:
    return "" if number is None or not number.reasons else f" ({', '.join(number.reasons)})"


def _number(number: Number | None) -> str:
    if number is None:
        return "nothing"
    if isinstance(number, MonthlyConsumption):
        return f"{number.quantity:f} {number.unit}"
    return f"withheld{_reasons(number)}"


def _loss(loss: Decimal | None, unit: str) -> str:
    return "not known" if loss is None else f"{loss:f} {unit}"


def _second(at: datetime, zone: ZoneInfo) -> str:
    here = at.astimezone(zone)
    return f"{here:%Y-%m-%d %H:%M:%S}" if here.second else f"{here:%Y-%m-%d %H:%M}"


def _as_table(found: Sequence[Listed], zone: ZoneInfo) -> str:
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
            _state(each),
            " ".join("-" if one is None else f"{one.value:f}" for one in (each.before, each.after)),
            _decided(each, zone),
        )
        for each in found
    ]
    return table(columns, rows)


def _state(each: Listed) -> str:
    match each.state:
        case "unsound":
            return f"unsound: {each.rule}"
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


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
