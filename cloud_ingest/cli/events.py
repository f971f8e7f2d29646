# SPDX-License-Identifier: MIT
"""``cloud-ingest events``: flags for other modules, and what meters noted themselves.

In: options as a person typed them. Out: a table or JSON. Never: a decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.flag_text import (
    flag_as_json,
    flags_as_table,
    mute_as_json,
    open_flags,
    shown_as_json,
    shown_as_text,
)
from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import (
    By,
    Config,
    Dsn,
    Json,
    OneSociety,
    Reason,
    Society,
    composed,
    moment,
    opened_store,
)
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, table, zoned
from cloud_ingest.core.local_time import zone_name
from cloud_ingest.flags import attend
from cloud_ingest.flags.attend import Named
from cloud_ingest.operate import review
from cloud_ingest.store.meter_events import StoredMeterEvent
from shared_schema.catalogue import event_name
from shared_schema.events import EventKind, Severity, SubjectType

app = new_group("Flags: what was noticed, and what people did; what meters noted themselves.")

OfType = Annotated[
    SubjectType,
    typer.Option("--subject-type", help="What the label is of, where it had no such flag yet."),
]
Which = Annotated[
    str,
    typer.Argument(
        help="The id of a flag, its first 8 characters, or the label of a unit, meter, gateway or "
        "tower.",
        callback=composed,
    ),
]
OfKind = Annotated[
    EventKind | None, typer.Option("--kind", help="Which, where the label has flags of several.")
]


@app.command("list")
def events_list(
    *,
    kind: Annotated[
        list[EventKind] | None, typer.Option("--kind", help="Only of this kind; may be repeated.")
    ] = None,
    severity: Annotated[
        Severity | None, typer.Option("--severity", help="Only of this severity.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option("--unit", help="Only of this unit, or common area.", callback=composed),
    ] = None,
    tower: Annotated[
        str | None, typer.Option("--tower", help="Only in this tower.", callback=composed)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also flags that are over.")] = False,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List flags, newest first, with those that are muted.

    Example: cloud-ingest events list --kind leak --kind burst --tower A
    """
    with opened_store(dsn, config) as opened:
        found = review.flags(
            opened.conn,
            society=society,
            everything=everything,
            kinds=kind or (),
            severity=severity,
            unit=unit,
            tower=tower,
        )
    if json:
        say(json_text([flag_as_json(each) for each in found]))
    elif found:
        say(flags_as_table(found, opened.zone, datetime.now(UTC)))
    elif everything or kind or severity or unit or tower:
        say("There is no such flag.")
    else:
        say("No flag is open.")


@app.command("show")
def events_show(
    flag: Which,
    *,
    kind: OfKind = None,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show a flag, or the newest flags of a unit: what is known, and who did what, when and why.

    Example: cloud-ingest events show A-1204
    """
    with opened_store(dsn, config) as opened:
        shown = attend.show(opened.conn, Named(flag, society, kind))
    say(json_text(shown_as_json(shown)) if json else shown_as_text(shown, opened.zone))


@app.command("acknowledge")
def events_acknowledge(
    flag: Which,
    *,
    by: By,
    reason: Reason,
    kind: OfKind = None,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Say that you have seen a flag and look into it; it stays open until its rule ends it.

    The helpdesk and others are told who has it, so that nobody goes twice.

    Example: cloud-ingest events acknowledge A-1204 --by Asha --reason "plumber at 5 pm"
    """
    with opened_store(dsn, config) as opened:
        seen = attend.acknowledge(
            opened.conn,
            Named(flag, society, kind),
            by=by,
            reason=reason,
            now=datetime.now(UTC),
        )
    event = seen.event
    if json:
        say(json_text(flag_as_json(seen)))
    else:
        say(f"{event.kind} of {event.subject.type} {event.subject.id}: {by} looks into it.")


@app.command("hand")
def events_hand(
    flag: Which,
    *,
    by: By,
    reason: Reason,
    kind: OfKind = None,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Hand an open flag to the helpdesk: its message goes out at once, with who asks and why.

    Example: cloud-ingest events hand A-1204 --by Asha --reason "a plumber has to look at it"
    """
    with opened_store(dsn, config) as opened:
        named = Named(flag, society, kind)
        given = attend.hand(opened.conn, named, by=by, reason=reason, now=datetime.now(UTC))
    event = given.event
    if json:
        say(json_text(flag_as_json(given)))
    else:
        say(f"{event.kind} of {event.subject.type} {event.subject.id}: the helpdesk is asked.")


@app.command("mute")
def events_mute(
    flag: Which,
    *,
    until: Annotated[
        str,
        typer.Option(
            "--until",
            help="When it ends, a year ahead at most: a time, or a day, at whose 00:00 it ends.",
        ),
    ],
    by: By,
    reason: Reason,
    kind: OfKind = None,
    subject_type: OfType = SubjectType.UNIT,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Mute a kind of flag of a unit, meter, gateway or tower for a time.

    The flag is still kept and shown here, but nobody else is told of it. What is still there when
    the mute ends is sent again. Before the first flag of a unit give --kind and --society.

    Example: cloud-ingest events mute A-1204 --kind leak --until 2026-12-24
    --by Asha --reason "the pool is being filled"
    """
    with opened_store(dsn, config) as opened:
        end, now = moment(until, opened.zone), datetime.now(UTC)
        named = Named(flag, society, kind, subject_type)
        muted, silenced = attend.mute(opened.conn, named, until=end, by=by, reason=reason, now=now)
    if json:
        say(json_text({**mute_as_json(muted), "open_flags": silenced}))
    else:
        what = f"{muted.kind} of {muted.subject.type} {muted.subject.id}"
        say(f"{what} is muted until {zoned(muted.until, opened.zone)}: {open_flags(silenced)}.")


@app.command("unmute")
def events_unmute(
    flag: Which,
    *,
    by: By,
    reason: Reason,
    kind: OfKind = None,
    subject_type: OfType = SubjectType.UNIT,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """End a mute before its date: a flag that is still open is sent at once.

    Example: cloud-ingest events unmute A-1204 --kind leak --by Asha --reason "the pool is full"
    """
    with opened_store(dsn, config) as opened:
        named = Named(flag, society, kind, subject_type)
        told = attend.unmute(opened.conn, named, by=by, reason=reason, now=datetime.now(UTC))
    say(json_text({"open_flags": told}) if json else f"The mute has ended: {open_flags(told)}.")


@app.command("meter")
def events_meter(
    serial: Annotated[str | None, typer.Argument(help="Serial number of one meter.")] = None,
    *,
    society: Society,
    code: Annotated[
        list[int] | None, typer.Option("--code", help="Only this one, such as 251: cover opened.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="How far back.")] = 30,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List what meters noted in their logs, and what gateways saw of them, newest first.

    By a meter's own log: power failure, magnet, cover opened … By its gateway, log
    0.65.99.98.0.255: its capture list changed, its clock jumped, drifts, or was set.

    Example: cloud-ingest events meter --society "Lake View" --code 251 --days 365
    """
    with opened_store(dsn, config) as opened:
        found = review.meter_events(
            opened.conn,
            society,
            serial=serial,
            codes=code or (),
            days=days,
            now=datetime.now(UTC),
        )
    if json:
        say(meter_events_as_json(found))
    elif not found:
        say(f"No such event of a meter in the last {days} days.")
    else:
        say(meter_events_as_table(found, opened.zone))


def meter_events_as_table(found: Sequence[StoredMeterEvent], zone: ZoneInfo) -> str:
    """Write events of meters as a table for a terminal."""
    columns = [
        Column("Time", "name"),
        Column("Meter"),
        Column("Log", "name"),
        Column("Code", "name"),
        Column("Event"),
    ]
    rows = [
        (
            f"{(at := each.at.astimezone(zone)):%Y-%m-%d %H:%M:%S} {zone_name(at)}",
            f"{each.manufacturer} {each.serial}",
            str(each.log),
            str(each.code),
            (event_name(each.log, each.code) or "not in the catalogue")
            + (f": {detail}" if (detail := _detail(each.detail or {})) else ""),
        )
        for each in found
    ]
    return table(columns, rows)


def _detail(seen: Mapping[str, Any]) -> str:
    """Say in words what a gateway saw."""
    words: list[str] = []
    for change in seen.get("captures", ()):
        columns = [
            f"{word} {' '.join(change[word])}" for word in ("lost", "gained") if change.get(word)
        ]
        hashes = f"{change['before']} to {change['after']}"
        words.append(", ".join([f"{change['profile']} from {hashes}", *columns]))
    if "offset_before_s" in seen:
        words.append(f"was {seen['offset_before_s']:+.0f} s off")
    if "offset_s" in seen:
        words.append(f"is {seen['offset_s']:+.0f} s off")
    if "drift_s_per_day" in seen:
        words.append(f"gains {seen['drift_s_per_day']:+.1f} s a day")
    if "left_out" in seen:
        words.append(f"{seen['left_out']} more before it were left out")
    return "; ".join(words)


def meter_events_as_json(found: Sequence[StoredMeterEvent]) -> str:
    """Write events of meters as one JSON document."""
    return json_text(
        [
            {**asdict(each), "log": str(each.log), "name": event_name(each.log, each.code)}
            for each in found
        ]
    )
