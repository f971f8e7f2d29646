# SPDX-License-Identifier: MIT
"""The list of units: which meter serves whom, from when to when, as unit management has it.

Dates are days of the society: a meter serves from 00:00 of ``valid_from`` until 00:00 of
``valid_to`` (or the time, if one is given: 2026-07-15T14:30). On the day of a replacement the old
line ends and the new one begins. More columns may say what the meter is (`core.unit_meter`), from
when on (``meter_from``), which bulk meter stands above it (``parent``), and which gateway reads it.

A line is a `Line`: it has a label, which two towers may use alike. What is known is a `Place`: its
subject has a name that is nobody else's. `core.unit_identity` leads from the one to the other, and
`core.unit_plan` says what an import does.

In: the text of a CSV file. Out: its lines by number, or every bad line. Pure.
"""

import csv
import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import cast
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import is_one_moment
from cloud_ingest.core.typed_text import label, typed_time
from cloud_ingest.core.unit_meter import RATING_COLUMNS, Meter, Rating, read_rating
from cloud_ingest.core.unit_source import DEFAULT_SOURCES
from cloud_ingest.errors import ImportRefused, TextRefused
from shared_schema.catalogue import Service
from shared_schema.text import LONGEST_LABEL

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
GATEWAY_COLUMN = "gateway"
"""It may be missing, and so may each value: who speaks for the meter first is bound to it."""
MORE_COLUMNS = (*RATING_COLUMNS, "meter_from", "parent", GATEWAY_COLUMN)
"""They may be missing, and so may each value: what is known stays."""
TOWER = "tower"
"""The subject_type of a line that names a tower; with one, no other line names an unknown tower."""
SUBJECT_TYPES = ("unit", "common", "bulk")
LEGACY_MAKER = "legacy"
MAX_LINES_SHOWN = 50

_YES = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}


def overlap(one: "Line | Place", other: "Line | Place") -> bool:
    """Say whether both serve at some time."""
    return (other.valid_to is None or one.valid_from < other.valid_to) and (
        one.valid_to is None or other.valid_from < one.valid_to
    )


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the list: which meter serves whom, as unit management calls it."""

    tower: str | None
    subject_type: SubjectKind
    label: str
    service: Service
    source: str
    meter: Meter | None
    """None: a legacy meter that has no number of its own."""
    legacy: bool
    valid_from: datetime
    valid_to: datetime | None
    rating: Rating
    rating_from: datetime | None = None
    """From when on the meter is so; None: that is not said."""
    gateway: str | None = None
    parent: str | None = None
    """The bulk meter above it, as unit management calls it; None: what is known stays."""

    def place(self, subject: str, meter: Meter) -> "Place":
        """Return what it says of a subject."""
        return Place(
            tower=self.tower,
            subject_type=self.subject_type,
            subject=subject,
            label=self.label,
            service=self.service,
            source=self.source,
            meter=meter,
            legacy=self.legacy,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )

    def __str__(self) -> str:
        where = f" in {self.tower}" if self.tower else ""
        return f"{self.label}{where} {self.service} ({self.source})"


@dataclass(frozen=True, slots=True)
class Place:
    """Which subject a meter serves, and from when to when."""

    tower: str | None
    subject_type: SubjectKind
    subject: str
    """Its name everywhere: the label, or tower/label where two towers have the label."""
    label: str
    service: Service
    source: str
    meter: Meter
    legacy: bool
    valid_from: datetime
    valid_to: datetime | None
    parent: str | None = None
    """The subject of the bulk or sub-bulk meter above it; None: the tower's own."""

    @property
    def role(self) -> tuple[str, str, Service, str]:
        """What the meter measures; one meter at a time does."""
        return (self.subject_type, self.subject, self.service, self.source)

    def __str__(self) -> str:
        return f"{self.subject} {self.service} ({self.source})"


def parse(text: str, zone: ZoneInfo) -> dict[int, Line]:
    """Return the lines of a CSV text by their numbers.

    Raises:
        ImportRefused: with one text for each bad line.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found: dict[int, Line] = {}
    towers: set[str] = set()
    bad: list[str] = []
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        if _header_faults(header):
            raise ImportRefused(
                "the first line must name the columns " + ",".join(COLUMNS),
                _header_faults(header),
            )
        reader.fieldnames = header
        for row in reader:
            try:
                field = _fields(row, len(header))
                if field["subject_type"] == TOWER:
                    towers.add(_tower(field))
                else:
                    found[reader.line_num] = read_line(field, zone)
            except ValueError as error:
                bad.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        number = reader.reader.line_num  # its own counts a line once it is read
        bad.append(f"line {number}: not CSV: {error}")
    if towers:
        bad += _strange_towers(found, towers)
    refuse(bad)
    return found


def _tower(field: Mapping[str, str]) -> str:
    """Return the tower that a line names, and nothing else."""
    if any(value for name, value in field.items() if name not in {"tower", "subject_type"}):
        raise ValueError("a line of a tower names the tower alone: leave the other columns empty")
    return _label(field, "tower")


def _strange_towers(lines: Mapping[int, Line], towers: Collection[str]) -> list[str]:
    return [
        f"line {number}: tower {line.tower!r} is none of the {len(towers)} towers of the list"
        for number, line in lines.items()
        if line.tower not in {None, *towers}
    ]


def _header_faults(header: Sequence[str]) -> list[str]:
    known = (*COLUMNS, *MORE_COLUMNS)
    missing = [f"line 1: column {name} is missing" for name in COLUMNS if name not in header]
    unknown = [f"line 1: {_unknown_column(name)}" for name in header if name not in known]
    if missing or unknown:
        return missing + unknown
    return ["line 1: a column stands there twice"] if len(set(header)) < len(header) else []


def _unknown_column(name: str) -> str:
    if ";" in name or "\t" in name:
        return "its columns are not apart by commas: save it as CSV with commas"
    close = get_close_matches(name[:40].casefold(), (*COLUMNS, *MORE_COLUMNS), n=1)
    return f"column {name[:40]!r} is not known{f': did you mean {close[0]!r}?' if close else ''}"


def _fields(row: Mapping[str | None, str | list[str] | None], width: int) -> Mapping[str, str]:
    if None in row or None in row.values():
        raise ValueError(f"it does not have {width} fields, as the first line has")
    return {str(name): str(value).strip(" \t") for name, value in row.items()}


def read_line(field: Mapping[str, str], zone: ZoneInfo) -> Line:
    """Return a line by its fields as texts.

    Raises:
        ValueError: with its first fault.
    """
    kind = field["subject_type"]
    if kind not in SUBJECT_TYPES:
        raise ValueError(f"subject_type {kind[:40]!r} is none of {', '.join(SUBJECT_TYPES)}")
    if field["service"] not in list(Service):
        raise ValueError(f"service {field['service'][:40]!r} is none of {', '.join(Service)}")
    service = Service(field["service"])
    if field["legacy"].lower() not in _YES:
        raise ValueError(f"legacy {field['legacy'][:40]!r} is neither yes nor no")
    legacy = _YES[field["legacy"].lower()]
    subject = _label(field, "subject")
    tower = _label(field, "tower") if field["tower"] else None
    source = _label(field, "source") if field["source"] else DEFAULT_SOURCES[service]
    start = _instant(field["valid_from"], "valid_from", zone)
    end = _optional_instant(field, "valid_to", zone)
    if end is not None and end <= start:
        raise ValueError(f"valid_to {field['valid_to']} is not after {field['valid_from']}")
    return Line(
        tower=tower,
        subject_type=cast("SubjectKind", kind),
        label=subject,
        service=service,
        source=source,
        meter=_meter(field, legacy=legacy),
        legacy=legacy,
        valid_from=start,
        valid_to=end,
        rating=read_rating(field, service),
        rating_from=_optional_instant(field, "meter_from", zone),
        gateway=_gateway(field, legacy=legacy),
        parent=_label(field, "parent") if field.get("parent") else None,
    )


def _meter(field: Mapping[str, str], *, legacy: bool) -> Meter | None:
    if legacy and not field["serial"] and not field["manufacturer"]:
        return None
    return (_label(field, "manufacturer"), _label(field, "serial"))


def _gateway(field: Mapping[str, str], *, legacy: bool) -> str | None:
    if legacy and field.get(GATEWAY_COLUMN):
        raise ValueError("a meter without a data port has no gateway: leave it empty")
    return field.get(GATEWAY_COLUMN) or None


def made_up_meter(subject_type: SubjectKind, subject: str, service: Service, source: str) -> Meter:
    """Return the name of a legacy meter that has no number: it is its subject's alone."""
    kind = "" if subject_type == "unit" else f"{subject_type} "
    own = "" if source == DEFAULT_SOURCES[service] else f":{source}"
    name = f"{kind}{subject}:{service}{own}"
    if len(name) > LONGEST_LABEL:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: LONGEST_LABEL - len(digest) - 1]}~{digest}"
    return (LEGACY_MAKER, name)


def _label(field: Mapping[str, str], name: str) -> str:
    try:
        return label(field[name], name)
    except TextRefused as error:
        raise ValueError(str(error)) from None


def _optional_instant(field: Mapping[str, str], name: str, zone: ZoneInfo) -> datetime | None:
    return _instant(field[name], name, zone) if field.get(name) else None


def _instant(text: str, name: str, zone: ZoneInfo) -> datetime:
    try:
        found = typed_time(text)
        at = (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
        at.astimezone(zone)  # it is shown in the society's time
    except (ValueError, OverflowError):
        raise ValueError(f"{name} {text[:40]!r} is not a date: write it as 2026-07-01") from None
    if found.tzinfo is None and not is_one_moment(found, zone):
        raise ValueError(
            f"{name} {text[:40]!r} is none or two times in {zone.key}: give its offset"
        )
    return at


def refuse(bad: Sequence[str]) -> None:
    """Refuse a list that has bad lines.

    Raises:
        ImportRefused: there is one.
    """
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
