# SPDX-License-Identifier: MIT
"""Flags as a person reads them, and as a program does.

In: values of `cloud_ingest.core.flag`. Out: a table, paragraphs, or what becomes JSON.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cloud_ingest.cli.table import Column, table, zoned
from cloud_ingest.core.flag import Flag, Mute
from cloud_ingest.flags.attend import Shown, ShownFlag
from shared_schema.events import Event


def flags_as_table(found: Sequence[Flag], zone: ZoneInfo, now: datetime) -> str:
    """Write flags as a table for a terminal."""
    columns = [
        Column("Id", "name"),
        Column("Flag"),
        Column("Society"),
        Column("Subject"),
        Column("Since"),
        Column("Message"),
    ]
    rows = [
        (
            str(each.event.id)[:8],
            " ".join(_state(each, zone, now)),
            each.event.society,
            f"{_about(each.event)} {each.event.service}",
            zoned(each.event.since, zone),
            each.event.message,
        )
        for each in found
    ]
    return table(columns, rows)


def _state(flag: Flag, zone: ZoneInfo, now: datetime) -> Iterator[str]:
    event = flag.event
    yield f"{event.state} {event.severity} {event.kind}"
    if event.state == "open" and event.acknowledged is not None:
        yield f"(seen by {event.acknowledged.by})"
    if flag.mute is not None and flag.is_muted(now):
        yield f"(muted until {zoned(flag.mute.until, zone)})"


def _about(event: Event) -> str:
    """Name the subject, and its unit where that is another thing."""
    subject, unit = event.subject, event.unit
    if unit is None or (unit.type, unit.id) == (subject.type, subject.id):
        return f"{subject.type} {subject.id}"
    return f"{subject.type} {subject.id} of {unit.type} {unit.id}"


def shown_as_text(shown: Shown, zone: ZoneInfo) -> str:
    """Write flags with all that happened to them."""
    parts = [_flag_as_text(each, zone) for each in shown.flags]
    if shown.mutes:
        parts.append("\n".join(["Mutes", *(f"  {_mute_as_text(m, zone)}" for m in shown.mutes)]))
    return "\n\n".join(parts)


def _flag_as_text(shown: ShownFlag, zone: ZoneInfo) -> str:
    event = shown.flag.event
    times = f"since {zoned(event.since, zone)}, raised {zoned(event.raised_at, zone)}"
    if event.raises > 1:
        times += f" and {event.raises - 1} times again"
    lines = [
        f"{event.kind} {event.id}",
        f"  {event.state} {event.severity}, {_about(event)} {event.service}, {event.society}",
        f"  {times}",
        f"  {event.message}",
        *(f"  {name}: {value}" for name, value in event.evidence.items() if value is not None),
    ]
    rows = [
        (
            zoned(each.at, zone),
            each.what.replace("_", " "),
            each.author or "the rules",
            each.reason,
            "" if each.version is None else str(each.version),
        )
        for each in shown.changes
    ]
    if not rows:
        return "\n".join(lines)
    columns = [
        Column("When", "name"),
        Column("What"),
        Column("Who"),
        Column("Why"),
        Column("Sent as version", "figure"),
    ]
    return "\n".join([*lines, "", table(columns, rows)])


def _mute_as_text(mute: Mute, zone: ZoneInfo) -> str:
    said = (
        f"{mute.kind} of {mute.subject.type} {mute.subject.id}, {zoned(mute.created_at, zone)} "
        f"until {zoned(mute.until, zone)}, by {mute.by}: {mute.reason}"
    )
    if mute.ended_at is None:
        return said
    if mute.ended_by is None:
        return f"{said}; its date came"
    when = zoned(mute.ended_at, zone)
    return f"{said}; ended {when} by {mute.ended_by}: {mute.ended_reason}"


def open_flags(count: int) -> str:
    """Say how many open flags a mute, or its end, is about."""
    return {0: "no flag of it is open", 1: "one flag of it is open"}.get(
        count, f"{count} flags of it are open"
    )


def flag_as_json(flag: Flag) -> dict[str, Any]:
    """Return a flag as its messages have it, with the mute that lasts."""
    event = flag.event.model_dump(mode="json", by_alias=True)
    return {**event, "mute": None if flag.mute is None else mute_as_json(flag.mute)}


def mute_as_json(mute: Mute) -> dict[str, Any]:
    """Return a mute as a program reads it."""
    about = mute.subject.model_dump(mode="json")
    return {"kind": mute.kind, "subject": about, **_mute_words(mute)}


def _mute_words(mute: Mute) -> dict[str, Any]:
    return {
        name: getattr(mute, name)
        for name in ("until", "by", "reason", "created_at", "ended_at", "ended_by", "ended_reason")
    }


def shown_as_json(shown: Shown) -> dict[str, Any]:
    """Return flags and all that happened to them as a program reads them."""
    flags = [
        {**flag_as_json(each.flag), "changes": [asdict(change) for change in each.changes]}
        for each in shown.flags
    ]
    return {"flags": flags, "mutes": [mute_as_json(each) for each in shown.mutes]}
