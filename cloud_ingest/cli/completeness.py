# SPDX-License-Identifier: MIT
"""``cloud-ingest completeness``: which channels lack intervals in a month, and which numbers.

In: a month, perhaps a label. Out: a table or JSON. Never: a decision.
"""

import json as json_format
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from cloud_ingest.cli.group import new_group
from cloud_ingest.cli.options import (
    Config,
    Dsn,
    Json,
    Month,
    OfUnit,
    Society,
    SubjectType,
    opened_store,
)
from cloud_ingest.cli.published import number_as_json, number_line, state_line
from cloud_ingest.cli.say import say
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import Column, counted, local, table
from cloud_ingest.errors import NotFound
from cloud_ingest.month.published import ShownStates, shown_states
from cloud_ingest.month.to_show import month_to_show
from cloud_ingest.store.readings_read import Gap
from cloud_ingest.store.registry import find_society
from cloud_ingest.store.rollups_read import ChannelCompleteness
from cloud_ingest.views import completeness as view

app = new_group()


@dataclass(frozen=True, slots=True)
class Lacks:
    """The channels of a month, and from when to when readings of theirs are missing."""

    channels: Sequence[ChannelCompleteness]
    gaps: Sequence[Gap]
    zone: ZoneInfo
    month: str
    states: ShownStates | None
    """Of a closed month."""
    asked: Sequence[view.AskedAgain] = ()

    def places(self) -> dict[int, tuple[str, str]]:
        """Return the label and the OBIS code of each channel, by its number."""
        return {one.channel_id: (one.subject, one.obis) for one in self.channels}


@app.command("completeness")
def completeness(
    *,
    society: Society,
    month: Month,
    unit: OfUnit = None,
    subject_type: SubjectType = "unit",
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Also from when to when readings are missing.")
    ] = False,
    json: Json = False,
    dsn: Dsn = None,
    config: Config = None,
) -> None:
    """Show which channels lack intervals in a month, and which numbers a closed one lacks.

    Example: cloud-ingest completeness --society "Lake View" --month 2026-07 --unit A-1204 --gaps
    """
    with opened_store(dsn, config) as opened:
        conn, zone = opened.conn, opened.zone
        now = datetime.now(UTC)
        society_id = find_society(conn, society)
        span = month_to_show(conn, society_id, month, zone, now)
        kind = None if unit is None else subject_type
        states = shown_states(conn, society_id, span, subject_type=kind, subject=unit)
        until = span.end if states is not None else min(span.end, now)
        try:
            channels = view.completeness(
                conn, society_id, span, zone, until, subject_type=kind, subject=unit
            )
        except NotFound:  # a dial that a resident reads has no channel that is due
            if states is None or not states.published + len(states.others):
                raise
            channels = []
        stretches = view.missing(conn, channels, zone, until) if gaps else ()
        asked = view.asked_again(conn, society_id, channels, span, zone)
        found = Lacks(channels, stretches, zone, str(span), states, asked)
    say(_as_json(found) if json else _as_tables(found))


def _as_tables(found: Lacks) -> str:
    lacking = [one for one in found.channels if one.lacking]
    complete = len(found.channels) - len(lacking)
    parts = [
        "\n".join(_state_lines(found)),
        f"{complete} of {len(found.channels)} channels are complete",
    ]
    if lacking:
        columns = [
            Column("Unit"),
            Column("Service"),
            Column("Meter"),
            Column("OBIS", "name"),
            Column("Present", "figure"),
            Column("", "figure"),
            Column("Days that lack", "figure"),
        ]
        rows = [
            (
                one.subject,
                one.service,
                f"{one.manufacturer} {one.serial}",
                one.obis,
                f"{one.present} of {one.expected}",
                f"{100 * one.present / one.expected:.1f} %",
                str(len(one.lacking)),
            )
            for one in lacking
        ]
        parts.append(table(columns, rows))
    if found.asked:
        parts.append("\n".join(["Asked for again", *_asked_lines(found)]))
    if found.gaps:
        places = found.places()
        columns = [
            Column("Unit"),
            Column("OBIS", "name"),
            Column("Last before", "name"),
            Column("First after", "name"),
        ]
        missing = [
            (*places[gap.channel_id], local(gap.start, found.zone), local(gap.end, found.zone))
            for gap in found.gaps
        ]
        parts.append(table(columns, missing))
    return "\n\n".join(parts)


def _asked_lines(found: Lacks) -> Iterator[str]:
    for each in found.asked:
        said = each.outcome or "no answer yet"
        yield from wrapped(
            f"{each.meter}: {counted(each.days, 'day')}, {counted(each.times, 'time')}, last at "
            f"{local(each.last_at, found.zone)}: {said}{f', {each.said}' if each.said else ''}",
            2,
        )


def _state_lines(found: Lacks) -> Iterator[str]:
    """Say how many numbers of a closed month stand, and which do not."""
    states = found.states
    yield state_line(found.month, None if states is None else states.closed_at, found.zone)
    if states is not None:
        total = states.published + len(states.others)
        is_or_are = "is" if total == 1 else "are"
        yield f"{states.published} of {counted(total, 'number')} {is_or_are} published"
        for each in states.others:
            yield from wrapped(f"{each.subject} {number_line(each)}", 2)


def _as_json(found: Lacks) -> str:
    channels = [
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
        for one in found.channels
    ]
    places = found.places()
    gaps = [
        {
            "subject": places[gap.channel_id][0],
            "obis": places[gap.channel_id][1],
            "start": gap.start.astimezone(found.zone).isoformat(),
            "end": gap.end.astimezone(found.zone).isoformat(),
        }
        for gap in found.gaps
    ]
    states = found.states
    document = {
        "month": found.month,
        "state": "open" if states is None else "closed",
        "closed_at": None
        if states is None
        else states.closed_at.astimezone(found.zone).isoformat(),
        "published": None if states is None else states.published,
        "others": [] if states is None else [number_as_json(each) for each in states.others],
        "channels": channels,
        "gaps": gaps,
        "asked_again": [
            {
                "meter": str(each.meter),
                "days": each.days,
                "times": each.times,
                "last_at": each.last_at.astimezone(found.zone).isoformat(),
                "outcome": each.outcome,
                "said": each.said,
            }
            for each in found.asked
        ],
    }
    return json_format.dumps(document, indent=2)
