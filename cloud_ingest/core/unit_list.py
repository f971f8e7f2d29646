# SPDX-License-Identifier: MIT
"""The list of units: which meter serves whom, from when to when, as unit management has it.

Dates are days of the society: a meter serves from 00:00 of ``valid_from`` until 00:00 of
``valid_to`` (or the time, if one is given: 2026-07-15T14:30). On the day of a replacement the old
line ends and the new one begins. A line that is known changes nothing, or corrects its dates; a
line that is not there leaves what it once said. A meter serves one role at a time, and a role has
one meter at a time.

In: the text of a CSV file, and what is known. Out: what an import would do, or every bad line with
its number. Pure.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.errors import ImportRefused
from shared_schema.catalogue import Service
from shared_schema.message import Label

COLUMNS = (
    "tower",
    "subject_type",
    "subject",
    "service",
    "source",
    "manufacturer",
    "serial",
    "legacy",
    "valid_from",
    "valid_to",
)
SUBJECT_TYPES = ("unit", "common", "bulk")
DEFAULT_SOURCES = {Service.ELECTRICITY: "grid", Service.WATER: "main"}
LEGACY_MAKER = "legacy"
MAX_LINES_SHOWN = 50

_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}
_LABEL = TypeAdapter[str](Label)

Meter = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Which subject a meter serves, and from when to when."""

    tower: str | None
    subject_type: SubjectKind
    subject: str
    label: str
    """What the list calls the subject."""
    service: Service
    source: str
    meter: Meter
    """Manufacturer and serial number."""
    legacy: bool
    valid_from: datetime
    valid_to: datetime | None

    @property
    def role(self) -> tuple[str, str, Service, str]:
        """What the meter measures; one meter at a time does."""
        return (self.subject_type, self.subject, self.service, self.source)

    def overlaps(self, other: "Place") -> bool:
        """Say whether both serve at some time."""
        return (other.valid_to is None or self.valid_from < other.valid_to) and (
            self.valid_to is None or other.valid_from < self.valid_to
        )

    def __str__(self) -> str:
        return f"{self.subject} {self.service} ({self.source})"


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do."""

    add: tuple[Place, ...] = ()
    change: tuple[tuple[int, Place], ...] = ()
    """With the id of the assignment."""
    unchanged: int = 0


def parse(text: str, zone: ZoneInfo) -> dict[int, Place]:
    """Return the places of a CSV text by line number.

    Raises:
        ImportRefused: with one text for each bad line.
    """
    reader = csv.DictReader(text.splitlines(), strict=True)
    found: dict[int, Place] = {}
    bad: list[str] = []
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        if sorted(header) != sorted(COLUMNS):
            raise ImportRefused(
                "the first line must name the columns " + ",".join(COLUMNS),
                _header_faults(header),
            )
        reader.fieldnames = header
        for row in reader:
            try:
                found[reader.line_num] = _place(row, zone)
            except ValueError as error:
                bad.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        bad.append(f"line {reader.line_num}: not CSV: {error}")
    _raise(bad)
    return found


def _header_faults(header: Sequence[str]) -> list[str]:
    missing = [f"line 1: column {name} is missing" for name in COLUMNS if name not in header]
    unknown = [f"line 1: column {name!r} is not known" for name in header if name not in COLUMNS]
    return missing + unknown or ["line 1: a column stands there twice"]


def _place(row: Mapping[str | None, str | list[str] | None], zone: ZoneInfo) -> Place:
    if None in row or None in row.values():
        raise ValueError(f"it does not have {len(COLUMNS)} fields, as the first line has")
    field = {str(name): str(value).strip() for name, value in row.items()}
    kind = field["subject_type"]
    if kind not in SUBJECT_TYPES:
        raise ValueError(f"subject_type {kind!r} is none of {', '.join(SUBJECT_TYPES)}")
    if field["service"] not in list(Service):
        raise ValueError(f"service {field['service']!r} is none of {', '.join(Service)}")
    service = Service(field["service"])
    if field["legacy"].lower() not in _YES:
        raise ValueError(f"legacy {field['legacy']!r} is neither yes nor no")
    legacy = _YES[field["legacy"].lower()]
    subject = _label(field, "subject")
    tower = _label(field, "tower") if field["tower"] else None
    if tower is None and kind == "bulk":
        raise ValueError("a bulk meter needs its tower")
    source = _label(field, "source") if field["source"] else DEFAULT_SOURCES[service]
    start = _instant(field["valid_from"], "valid_from", zone)
    end = _instant(field["valid_to"], "valid_to", zone) if field["valid_to"] else None
    if end is not None and end <= start:
        raise ValueError(f"valid_to {field['valid_to']} is not after {field['valid_from']}")
    return Place(
        tower=tower,
        subject_type=cast("SubjectKind", kind),
        subject=subject,
        label=subject,
        service=service,
        source=source,
        meter=_meter(field, service, source, legacy=legacy),
        legacy=legacy,
        valid_from=start,
        valid_to=end,
    )


def _meter(field: Mapping[str, str], service: Service, source: str, *, legacy: bool) -> Meter:
    if legacy and not field["serial"] and not field["manufacturer"]:
        own = "" if source == DEFAULT_SOURCES[service] else f":{source}"
        return (LEGACY_MAKER, f"{field['subject']}:{service}{own}"[:64])
    return (_label(field, "manufacturer"), _label(field, "serial"))


def _label(field: Mapping[str, str], name: str) -> str:
    try:
        return _LABEL.validate_python(field[name])
    except ValidationError:
        what = "is missing" if not field[name] else "has not 1 to 64 printable characters"
        raise ValueError(f"{name} {what}") from None


def _instant(text: str, name: str, zone: ZoneInfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            found = found.replace(tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} {text[:40]!r} is not a date: write it as 2026-07-01") from None


def make_plan(known: Mapping[int, Place], lines: Mapping[int, Place]) -> Plan:
    """Decide what an import does to what is known.

    A line is the one that is known with the same role and meter and the same beginning, or
    the only one of that role and meter that it overlaps.

    Args:
        known: The assignments of the society by their ids.
        lines: The places of the file by their line numbers.

    Raises:
        ImportRefused: lines contradict each other or what is known.
    """
    after: dict[int, Place] = dict(known)
    line_of: dict[int, int] = {}
    add: dict[int, Place] = {}
    bad: list[str] = []
    for number, place in lines.items():
        own = _same_place(known, place)
        if own is None:
            add[number] = place
        elif own in line_of:
            bad.append(f"line {number}: {place} says the same meter again as line {line_of[own]}")
        else:
            line_of[own] = number
            after[own] = place
    by_line = {line_of.get(own, 0): place for own, place in after.items() if own in line_of} | add
    silent = [place for own, place in after.items() if own not in line_of]
    bad += _contradictions(by_line, silent)
    _raise(bad)
    changed = tuple((own, after[own]) for own in line_of if after[own] != known[own])
    return Plan(tuple(add.values()), changed, len(line_of) - len(changed))


def _same_place(known: Mapping[int, Place], place: Place) -> int | None:
    alike = [
        own
        for own, other in known.items()
        if other.role == place.role and other.meter == place.meter
    ]
    for own in alike:
        if known[own].valid_from == place.valid_from:
            return own
    overlapping = [own for own in alike if known[own].overlaps(place)]
    return overlapping[0] if len(overlapping) == 1 else None


def _contradictions(lines: Mapping[int, Place], silent: Iterable[Place]) -> list[str]:
    """Return where a meter would serve twice at a time, or two meters one role."""
    bad: list[str] = []
    sharing: dict[object, list[tuple[int, Place]]] = {}
    everything = [*((0, place) for place in silent), *sorted(lines.items())]
    for number, place in everything:
        clash: str | None = None
        for key in (place.meter, place.role):
            for earlier, other in sharing.setdefault(key, []):
                if clash is None and number and place.overlaps(other):
                    clash = _clash(place, other, earlier)
            sharing[key].append((number, place))
        if clash:
            bad.append(f"line {number}: {clash}")
    return bad


def _clash(place: Place, other: Place, earlier: int) -> str:
    where = f"line {earlier}" if earlier else "what was imported before"
    meter = " ".join(other.meter)
    if place.meter == other.meter:
        return (
            f"meter {meter} would serve {place} and, by {where}, {other} at the same time: "
            "give the former a valid_to"
        )
    return (
        f"{place} would have two meters at the same time, {' '.join(place.meter)} and, by {where}, "
        f"{meter}: give the line of the former a valid_to"
    )


def _raise(bad: Sequence[str]) -> None:
    if not bad:
        return
    shown = list(bad[:MAX_LINES_SHOWN])
    if len(bad) > len(shown):
        shown.append(f"… and {len(bad) - len(shown)} more")
    raise ImportRefused(
        f"nothing was imported: {len(bad)} bad line{'s' if len(bad) > 1 else ''}; "
        "correct the list and import it again",
        shown,
    )
