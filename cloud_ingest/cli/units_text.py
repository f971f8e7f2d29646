# SPDX-License-Identifier: MIT
"""How the difference of a list of units is shown, and what was said of a meter.

In: a preview, versions of meters. Out: lines of 80 columns, fields for JSON. Never: a decision.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from cloud_ingest.cli.published import close_again_lines
from cloud_ingest.cli.say import cut
from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.cli.table import local
from cloud_ingest.core.unit_diff import (
    Change,
    Fields,
    Value,
    change_fields,
    plain_value,
    rating_fields,
)
from cloud_ingest.entries.unit_import import Preview
from cloud_ingest.store.ratings import MeterVersion

MOST_SHOWN = 40
"""Changes of a kind; the others are counted."""


def difference_lines(preview: Preview, zone: ZoneInfo) -> Iterator[str]:
    """Say each change in a sentence, what is odd, and which closed months it touches."""
    told: Counter[str] = Counter()
    kinds = Counter(change.kind for change in preview.changes)
    for change in preview.changes:
        told[change.kind] += 1
        if told[change.kind] <= MOST_SHOWN:
            yield from wrapped(f"{change.kind}: {_sentence(change, zone)}", hang=2)
        elif told[change.kind] == kinds[change.kind]:
            more = kinds[change.kind] - MOST_SHOWN
            yield f"{change.kind}: … and {more} more (--json shows all)"
    for remark in preview.done.remarks:
        yield from wrapped(f"odd: {remark}", hang=2)
    yield counted(preview)
    if preview.done.close_again:
        yield from wrapped(f"closed months that it touches: {', '.join(preview.done.close_again)}")


def counted(preview: Preview) -> str:
    """Count a difference."""
    kinds = Counter(change.kind for change in preview.changes)
    ended = [f"{kinds['ended']} ended"] if kinds["ended"] else []
    parts = [
        f"{preview.done.added} added",
        f"{preview.done.changed - kinds['ended']} changed",
        *ended,
        f"{preview.done.unchanged} unchanged",
    ]
    return ", ".join(parts)


def outcome_lines(preview: Preview, society: str) -> Iterator[str]:
    """Say whether it was applied, and what to do next."""
    if preview.is_applied:
        yield "applied"
        yield from close_again_lines(preview.done.close_again, society)
    elif preview.changes:
        yield "nothing is written yet: give --yes to apply it"
    else:
        yield "nothing is to be written"


def _sentence(change: Change, zone: ZoneInfo) -> str:
    meter = f"meter {' '.join(change.meter)}"
    serves = change.serves
    if serves is None:
        since = "" if change.since is None else f", from {local(change.since, zone)} on"
        return f"{meter}: {_differences(change, zone)}{since}"
    who = f"{serves.subject} {serves.service} ({serves.source}), {meter}"
    if change.kind == "added":
        return f"{who}, {_whole(change.after, zone)}"
    if change.kind == "ended":
        return f"{who}, on {_value(change.after['valid_to'], zone)}"
    return f"{who}: {_differences(change, zone)}"


def _whole(fields: Fields, zone: ZoneInfo) -> str:
    until = fields["valid_to"]
    end = "on" if until is None else f"to {_value(until, zone)}"
    parts = [
        *([f"in {fields['tower']}"] if fields["tower"] else []),
        *([f"below {fields['parent']}"] if fields["parent"] else []),
        *(["without a data port"] if fields["legacy"] else []),
        f"from {_value(fields['valid_from'], zone)} {end}",
    ]
    return ", ".join(parts)


def _differences(change: Change, zone: ZoneInfo) -> str:
    return ", ".join(
        f"{name} {_value(value, zone)}"
        if change.before[name] is None and change.kind == "meter"
        else f"{name} from {_value(change.before[name], zone)} to {_value(value, zone)}"
        for name, value in change.after.items()
    )


def _value(value: Value, zone: ZoneInfo) -> str:
    if isinstance(value, datetime):
        return local(value, zone)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else cut(value)


def preview_fields(preview: Preview) -> dict[str, object]:
    """Return a preview for JSON."""
    done = preview.done
    return {
        "added": done.added,
        "changed": done.changed,
        "unchanged": done.unchanged,
        "changes": [plain_value(change_fields(change)) for change in preview.changes],
        "close_again": list(done.close_again),
        "remarks": list(done.remarks),
        "preview": preview.token,
        "applied": preview.is_applied,
    }


def meter_history(versions: Iterable[MeterVersion], zone: ZoneInfo) -> Iterator[str]:
    """Say what was said of each meter, a sentence for each version."""
    heading: object = None
    ordered = sorted(versions, key=lambda each: (each.meter, each.entry_order))
    for each in ordered:
        if each.meter != heading:
            heading = each.meter
            yield f"meter {' '.join(each.meter)}"
        since = "ever" if each.since is None else local(each.since, zone)
        held = (
            "it holds"
            if each.superseded_at is None
            else f"it held until {local(each.superseded_at, zone)}"
        )
        yield from wrapped(
            f"from {since} on: {_known(rating_fields(each.rating), zone)}: {held}; said on "
            f"{local(each.recorded_at, zone)} by {cut(each.author)}: {cut(each.reason)}",
            2,
        )


def _known(fields: Mapping[str, Value], zone: ZoneInfo) -> str:
    said = (f"{name} {_value(value, zone)}" for name, value in fields.items() if value is not None)
    return ", ".join(said)


def meter_fields(version: MeterVersion) -> dict[str, object]:
    """Return what was said of a meter for JSON."""
    return {
        "manufacturer": version.meter[0],
        "serial": version.meter[1],
        "meter_from": version.since,
        **rating_fields(version.rating),
        "author": version.author,
        "reason": version.reason,
        "recorded_at": version.recorded_at,
        "superseded_at": version.superseded_at,
    }
