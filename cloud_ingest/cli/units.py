# SPDX-License-Identifier: MIT
"""``cloud-ingest units``: which meter serves which flat.

In: a file of unit management, or an assignment that a person names. Out: what changes, a table or
JSON. Never: a decision, an assignment that is taken back without ``--yes``.
"""

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
from cloud_ingest.core.typed_text import typed_day
from cloud_ingest.entries.units import DEFAULT_AUTHOR, Named, TakenBack, import_units, take_back
from cloud_ingest.errors import NotFound, UserError
from cloud_ingest.store.assignment_versions import AssignmentVersion, assignment_versions
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
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Take the dated list of units and their meters; nothing of it if a line is bad.

    Columns: tower, subject_type (unit, common, bulk), subject, service (electricity, water),
    source (grid, generator, inlet-1 …; check: it checks the subject's other meter, and is in no
    number), manufacturer, serial, legacy (yes: no data port), valid_from, valid_to (days of the
    society; empty: until now). Columns that may be missing: phases (1, 3), max_current_a, q4_m3_h,
    invalid_bits, clock_bits, gateway (which reads the meter). Import it again after each change:
    what is known stays, an end or a replacement is taken in. A label that two towers have at the
    same time is two units, such as T1/101 and T2/101.

    Example: cloud-ingest units import units.csv --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        done = import_units(
            opened.conn,
            society,
            file,
            now=datetime.now(UTC),
            by=by,
            reason=reason,
            unique_labels=opened.settings.unique_labels,
            restore=restore,
        )
    say(f"{done.added} added, {done.changed} changed, {done.unchanged} unchanged")
    for line in close_again_lines(done.close_again, society):
        say(line)


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
    elif found and history:
        for line in _as_history(found, zone):
            say(line)
    elif found:
        say(_as_table(found, zone))
    else:
        say("no meter serves it now: --history shows what was said before")


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
    yes: Annotated[
        bool, typer.Option("--yes", help="Apply it; without it nothing is written.")
    ] = False,
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
        told = f"{where}: {each.service} ({each.source}), meter {each.meter}"
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
