# SPDX-License-Identifier: MIT
"""The difference that an import makes: what a person sees before it is applied.

In: what is known, and a plan. Out: its changes as values, each field from what to what. Pure.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.meter_status import bits_of
from cloud_ingest.core.unit_list import Place
from cloud_ingest.core.unit_meter import Meter, Rating, rating_at
from cloud_ingest.core.unit_plan import Known, Plan
from shared_schema.catalogue import Service
from shared_schema.message import format_utc

ChangeKind = Literal["added", "ended", "changed", "meter"]
"""A new line; one that ends; one that says something else; something about a meter itself."""
Value = str | bool | datetime | None
Fields = Mapping[str, Value]

_FIELDS = ("tower", "parent", "legacy", "valid_from", "valid_to")


@dataclass(frozen=True, slots=True)
class Serves:
    """Whom a changed line is about."""

    subject_type: SubjectKind
    subject: str
    service: Service
    source: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of what is known."""

    kind: ChangeKind
    meter: Meter
    serves: Serves | None
    """None: it is about the meter itself."""
    since: datetime | None
    """From when on a meter is so; None: from when it was there. Of a line always None."""
    before: Fields
    """What differs, as it is known; empty: nothing is."""
    after: Fields
    """The same fields as they would be."""


def difference(known: Known, plan: Plan) -> tuple[Change, ...]:
    """Return what a plan changes, in its order: lines first, then meters."""
    added = [_line("added", place, {}, _of_place(place)) for place in plan.add]
    changed = [_changed(known.places[own], place) for own, place in plan.change]
    order: dict[ChangeKind, int] = {"added": 0, "ended": 1, "changed": 2, "meter": 3}
    found = sorted([*added, *changed], key=lambda each: order[each.kind])
    for meter, version in plan.rate:
        versions = known.ratings.get(meter, ())
        before = dict(versions).get(version.since) or rating_at(versions, version.since)
        was, will = _apart(rating_fields(before), rating_fields(version.rating))
        found.append(Change("meter", meter, None, version.since, was, will))
    return tuple(found)


def _changed(before: Place, after: Place) -> Change:
    was, will = _apart(_of_place(before), _of_place(after))
    ends = list(will) == ["valid_to"] and will["valid_to"] is not None
    return _line("ended" if ends else "changed", after, was, will)


def _line(kind: ChangeKind, place: Place, before: Fields, after: Fields) -> Change:
    serves = Serves(place.subject_type, place.subject, place.service, place.source)
    return Change(kind, place.meter, serves, None, before, after)


def _apart(before: Fields, after: Fields) -> tuple[Fields, Fields]:
    names = [name for name in after if before[name] != after[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}


def _of_place(place: Place) -> Fields:
    return {name: getattr(place, name) for name in _FIELDS}


def rating_fields(rating: Rating) -> Fields:
    """Return what is known of a meter as texts, None where it is not known."""
    return {name: _text(name, value) for name, value in rating._asdict().items()}


def _text(name: str, value: object) -> str | None:
    match value:
        case None:
            return None
        case int() if name.endswith("_bits"):
            return " ".join(map(str, bits_of(value))) or "none"
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case _:
            return str(value)


def fingerprint(changes: Sequence[Change], months: Collection[str]) -> str:
    """Return a hash of a difference and of the closed months that it touches."""
    told = [[_plain(each) for each in changes], sorted(months)]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _plain(change: Change) -> dict[str, object]:
    return {key: plain_value(value) for key, value in change_fields(change).items()}


def change_fields(change: Change) -> dict[str, object]:
    """Return a change as fields for JSON."""
    serves = change.serves
    told: dict[str, object] = {"kind": change.kind}
    if serves is not None:
        told |= {
            "subject_type": serves.subject_type,
            "subject": serves.subject,
            "service": serves.service.value,
            "source": serves.source,
        }
    told |= {"manufacturer": change.meter[0], "serial": change.meter[1]}
    if serves is None:
        told["meter_from"] = change.since
    return told | {"before": dict(change.before), "after": dict(change.after)}


def plain_value(value: object) -> object:
    """Return a value as JSON has it, a time in UTC."""
    if isinstance(value, datetime):
        return format_utc(value)
    if isinstance(value, dict):
        return {name: plain_value(each) for name, each in value.items()}
    return value
