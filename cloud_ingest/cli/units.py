# SPDX-License-Identifier: MIT
"""``cloud-ingest units``: which meter serves which flat.

In: a file of unit management, or an assignment that a person names. Out: what changes, a table or
JSON. Never: a decision, a change without ``--yes`` or a person's yes.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    By,
    Config,
    Dsn,
    History,
    Json,
    OfUnit,
    Reason,
    Society,
    Source,
    Subject,
    SubjectType,
    opened_store,
)
from cloud_ingest.cli.published import close_again_lines
from cloud_ingest.cli.say import cut, say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.cli.units_proposed import Yes, units_apply, units_drop, units_proposed
from cloud_ingest.cli.units_text import (
    difference_lines,
    meter_fields,
    meter_history,
    outcome_lines,
    preview_fields,
)
from cloud_ingest.core.typed_text import typed_day
from cloud_ingest.entries.unit_import import Rules, apply_units, preview_units, read_list
from cloud_ingest.entries.units import DEFAULT_AUTHOR, Named, TakenBack, take_back
from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.store.assignment_versions import AssignmentVersion, Word, assignment_versions
from cloud_ingest.store.ratings import MeterVersion, meter_versions
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service

app = new_group("Which meter serves which flat, as unit management has it.")


@app.command("import")
def units_import(
    file: Annotated[Path, typer.Argument(help="A CSV file with the columns named above.")],
    *,
    society: Society,
    by: By = DEFAULT_AUTHOR,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why; kept for ever [default: import of FILE].")
    ] = None,
    restore: Annotated[
        bool, typer.Option("--restore", help="Take in again what was taken back.")
    ] = False,
    yes: Yes = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show what a dated list of units and their meters changes; with --yes, apply it.

    Nothing of it is taken if a line is bad: an overlap, a parent that does not exist, a meter in
    two places. On a terminal it asks; elsewhere nothing is written without --yes.

    Columns: tower, subject_type (unit, common, bulk; tower: the line names a tower, and lines of
    others are refused), subject, service (electricity, water), source (electricity: grid,
    generator, solar, inlet-1 …; water: main, inlet-1 …, tanker, borewell; check: it checks the
    subject's other meter, and is in no number), manufacturer, serial, legacy (yes: no data port),
    valid_from, valid_to (days of the society; empty: until now). Columns that may be missing:
    parent (the bulk meter above it; none: the tower's own), phases (1, 3), max_current_a, q3_m3_h,
    q4_m3_h, resolution (of the register, in kWh or kL), register_digits, ct_ratio, pt_ratio, counts
    (primary, secondary), seal, calibrated_on, accuracy_class (0.2S, 0.5S, 1, 2), meter_from
    (from which day on the meter is so), invalid_bits, clock_bits, gateway (which reads the meter).
    Import it again after each change: what is known stays, an end or a replacement is taken in. A
    label that two towers have at the same time is two units, such as T1/101 and T2/101.

    Example: cloud-ingest units import units.csv --society "Lake View" --yes
    """
    with opened_store(dsn, config) as opened:
        conn, now = opened.conn, datetime.now(UTC)
        rules = Rules(opened.settings.unique_labels, restore)
        lines = read_list(file, opened.zone)
        done = preview_units(conn, society, lines, now=now, rules=rules)
        if not json:
            say("\n".join(difference_lines(done, opened.zone)))
        if yes or (done.changes and not json and _is_asked() and typer.confirm("apply it?")):
            word = Word(by, (reason or "").strip() or f"import of {file.name}", now)
            done = apply_units(conn, society, lines, word, seen=done.token, rules=rules)
    if json:
        say(json_text(preview_fields(done)))
        return
    for line in outcome_lines(done, society):
        say(line)


def _is_asked() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


@app.command("list")
def units_list(
    *,
    society: Society,
    unit: OfUnit = None,
    history: History = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List which meter serves whom; with --history each version that ever held.

    Example: cloud-ingest units list --history --unit A-1204 --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        society_id = find_society(opened.conn, society)
        versions = assignment_versions(opened.conn, society_id, unit)
        meters = meter_versions(opened.conn, society_id)
        if unit is not None and not versions:
            raise NotFound(f"the list of units has no {unit!r}: cloud-ingest units list")
        zone = opened.zone
    found = sorted(
        (version for version in versions if history or version.superseded_at is None),
        key=_order,
    )
    if json:
        for version in found:
            say(json_text(_fields(version)))
        for meter in _of(found, meters, history=history):
            say(json_text(meter_fields(meter)))
    elif found and history:
        for line in (*_as_history(found, zone), *meter_history(_of(found, meters), zone)):
            say(line)
    elif found:
        say(_as_table(found, zone))
    else:
        say("no meter serves it now: --history shows what was said before")


def _of(
    found: Iterable[AssignmentVersion], meters: Iterable[MeterVersion], *, history: bool = True
) -> list[MeterVersion]:
    """Return what was said of the meters of some lines."""
    shown = {each.assignment.meter_id for each in found}
    return [
        each
        for each in meters
        if each.meter_id in shown and (history or each.superseded_at is None)
    ]


@app.command("take-back")
def units_take_back(
    subject: Subject,
    *,
    society: Society,
    service: Annotated[Service, typer.Option("--service", help="What its meter counts.")],
    by: By,
    reason: Reason,
    meter: Annotated[
        str | None, typer.Option("--meter", help="Serial number, where it had several meters.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", help="Day on which it begins, where a meter served it twice."),
    ] = None,
    source: Source = None,
    subject_type: SubjectType = "unit",
    yes: Yes = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take back a line of the list that was never true; another unit may then have its meter.

    An end or another date needs no take-back: correct the list and import it again. A closed month
    that it touches is closed again: what was sent to the wrong unit is withdrawn.

    Example: cloud-ingest units take-back A-1204 --service electricity --meter LT204417
    --by manager --reason "the meter is of A-1205" --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        named = Named(subject, service, subject_type, meter, source, _day(since))
        now = datetime.now(UTC)
        done = take_back(opened.conn, society, named, by=by, reason=reason, now=now, apply=yes)
        zone = opened.zone
    for line in _taken_back(done, society, zone):
        say(line)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return typed_day(text)
    except ValueError:
        raise UserError(f"--from {text[:40]!r} is no day: write it as 2026-07-15") from None


def _taken_back(done: TakenBack, society: str, zone: ZoneInfo) -> Iterator[str]:
    each = done.assignment
    until = "on" if each.valid_to is None else f"to {local(each.valid_to, zone)}"
    yield (
        f"{each.subject} {each.service} ({each.source}), meter {each.meter}, from "
        f"{local(each.valid_from, zone)} {until}: taken back"
    )
    said_at = local(each.recorded_at, zone)
    yield f"  it was said by {cut(each.author)} on {said_at}: {cut(each.reason)}"
    if done.is_applied:
        yield "applied"
        yield from close_again_lines(done.close_again, society)
        return
    if done.close_again:
        yield f"  closed months that it touches: {', '.join(done.close_again)}"
    yield "nothing is written yet: give --yes to apply it"


def _order(version: AssignmentVersion) -> tuple[object, ...]:
    """Keep the lines of a meter together, and its versions in the order of recording."""
    each = version.assignment
    return (
        each.subject_type,
        each.subject,
        each.service,
        each.source,
        each.valid_from,
        each.recorded_at,
        each.assignment_id,
    )


def _fields(version: AssignmentVersion) -> dict[str, object]:
    each = version.assignment
    return {
        "subject_type": each.subject_type,
        "subject": each.subject,
        "label": each.label,
        "tower": each.tower,
        "service": each.service,
        "source": each.source,
        "manufacturer": each.meter.manufacturer,
        "serial": each.meter.serial,
        "parent": each.parent,
        "legacy": each.legacy,
        "valid_from": each.valid_from,
        "valid_to": each.valid_to,
        "author": each.author,
        "reason": each.reason,
        "recorded_at": each.recorded_at,
        "superseded_at": version.superseded_at,
        "taken_back": version.taken_back,
    }


def _as_table(found: Iterable[AssignmentVersion], zone: ZoneInfo) -> str:
    columns = [
        Column("Unit"),
        Column("Tower"),
        Column("Serves"),
        Column("Meter"),
        Column("From", "name"),
        Column("To", "name"),
    ]
    rows = (
        [
            each.subject,
            each.tower or "-",
            f"{each.service} ({each.source})",
            str(each.meter),
            local(each.valid_from, zone),
            local(each.valid_to, zone),
        ]
        for each in (version.assignment for version in found)
    )
    return table(columns, rows)


def _as_history(found: Iterable[AssignmentVersion], zone: ZoneInfo) -> Iterator[str]:
    """Say of each meter of a subject what was said of it, a sentence for each version."""
    heading: str | None = None
    for version in found:
        each = version.assignment
        where = f"{each.subject}, {each.tower or 'no tower'}"
        above = f", below {each.parent}" if each.parent else ""
        told = f"{where}: {each.service} ({each.source}), meter {each.meter}{above}"
        if told != heading:
            yield from wrapped(told, 0, 2)
            heading = told
        yield from wrapped(_said(version, zone), 2)


def _said(version: AssignmentVersion, zone: ZoneInfo) -> str:
    each = version.assignment
    until = "on" if each.valid_to is None else f"to {local(each.valid_to, zone)}"
    if version.taken_back:
        holds = "taken back"
    elif version.superseded_at is None:
        holds = "it holds"
    else:
        holds = f"it held until {local(version.superseded_at, zone)}"
    return (
        f"from {local(each.valid_from, zone)} {until}: {holds}; said on "
        f"{local(each.recorded_at, zone)} by {cut(each.author)}: {cut(each.reason)}"
    )


app.command("proposed")(units_proposed)
app.command("apply")(units_apply)
app.command("drop")(units_drop)
