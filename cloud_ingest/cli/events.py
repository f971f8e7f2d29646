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

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.json_text import json_text
from cloud_ingest.cli.options import Config, Dsn, Json, OneSociety, Society, opened_store
from cloud_ingest.cli.say import say
from cloud_ingest.cli.table import Column, local, table
from cloud_ingest.operate import review
from cloud_ingest.store.events import StoredEvent
from cloud_ingest.store.meter_events import StoredMeterEvent
from shared_schema.catalogue import event_name

app = new_group("Flags: leaks, read failures, held changes, long estimates, false evidence.")


@app.command("list")
def events_list(
    everything: Annotated[bool, typer.Option("--all", help="Also flags that are over.")] = False,
    society: OneSociety = None,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """List flags, newest first.

    Example: cloud-ingest events list --society "Lake View"
    """
    with opened_store(dsn, config) as opened:
        found = review.flags(opened.conn, society=society, everything=everything)
    if json:
        say(json_text([each.event.model_dump(mode="json", by_alias=True) for each in found]))
    elif not found:
        say("There never was a flag." if everything else "No flag is open.")
    else:
        say(flags_as_table(found, opened.zone))


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


def flags_as_table(found: Sequence[StoredEvent], zone: ZoneInfo) -> str:
    """Write flags as a table for a terminal."""
    columns = [Column(name) for name in ("Flag", "Society", "Subject", "Since", "Message")]
    rows = [
        (
            f"{each.event.state} {each.event.kind}",
            each.event.society,
            f"{each.event.subject.type} {each.event.subject.id} {each.event.service}",
            local(each.event.since, zone),
            each.event.message,
        )
        for each in found
    ]
    return table(columns, rows)


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
            f"{each.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
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
