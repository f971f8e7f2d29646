# SPDX-License-Identifier: MIT
"""What an import of the list of units does to what is known.

A line that is known changes nothing, or corrects its dates, its tower, its parent, what its meter
is, or whether the meter has a data port; a line that is not there leaves what it once said. A meter
serves one role at a time, and a role has one meter at a time. What was taken back does not come
again with an old list.

In: what is known and the lines of a list. Out: a `Plan`, or every bad line with its number. Pure.

Raises: ImportRefused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cloud_ingest.core.typed_text import own_label
from cloud_ingest.core.unit_identity import BEFORE, identify
from cloud_ingest.core.unit_list import (
    LEGACY_MAKER,
    Line,
    Place,
    made_up_meter,
    overlap,
    refuse,
)
from cloud_ingest.core.unit_meter import Meter, RatingVersion
from cloud_ingest.core.unit_parents import with_parents
from cloud_ingest.core.unit_ratings import planned_ratings
from cloud_ingest.core.unit_source import is_source, source_fault
from cloud_ingest.errors import TextRefused
from shared_schema.catalogue import Service

Stretch = tuple[datetime, datetime | None]
"""Of time; None: without an end."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an import finds."""

    places: Mapping[int, Place] = field(default_factory=dict)
    """The assignments that hold, by id."""
    former: Sequence[Place] = ()
    """Those that held once."""
    taken_back: Mapping[Place, str] = field(default_factory=dict)
    """By whom, when and why each was taken back; without its parent."""
    ratings: Mapping[Meter, tuple[RatingVersion, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do."""

    add: tuple[Place, ...] = ()
    change: tuple[tuple[int, Place], ...] = ()
    """With the id of the assignment."""
    rate: tuple[tuple[Meter, RatingVersion], ...] = ()
    """Meters of which something is new or another."""
    changed: int = 0
    """Lines that correct what is known, of an assignment or of a meter."""
    unchanged: int = 0
    remarks: tuple[str, ...] = ()
    """On lines that are taken, though something about them is odd."""


def make_plan(
    known: Known,
    lines: Mapping[int, Line],
    *,
    unique_labels: bool = False,
    restore: bool = False,
    bad: Sequence[str] = (),
) -> Plan:
    """Decide what an import does to what is known.

    Args:
        known: What holds, and what held.
        lines: The lines of the file by their numbers.
        unique_labels: No two towers may share a label.
        restore: Take in again what was taken back.
        bad: What is wrong with lines already: all of it is said at once.

    Raises:
        ImportRefused: lines contradict each other or what is known.
    """
    said = identify(known.places, known.former, lines, unique_labels=unique_labels)
    bad = [*bad, *said.bad, *_new_names(known, lines)]
    numberless = _numberless(known.places)
    places = {
        number: replace(line.place(subject, _meter(line, subject, numberless)), parent=parent)
        for number, subject in said.subjects.items()
        for line in (lines[number],)
        for parent in (known.places[said.known[number]].parent if number in said.known else None,)
    }
    said_again = set(said.known.values())
    silent = [place for own, place in known.places.items() if own not in said_again]
    named = {number: lines[number].parent or "" for number in places if lines[number].parent}
    parented = with_parents(places, named, silent, known.places.values())
    places = dict(parented.places)
    bad += parented.bad
    add = {number: place for number, place in places.items() if number not in said.known}
    if not restore:
        bad += _taken_back(known, add)
    bad += _contradictions(places, silent)
    remarks = _sources(known, lines, bad)
    rated = planned_ratings(known.ratings, lines, {n: p.meter for n, p in places.items()})
    refuse(sorted([*bad, *rated.bad], key=_line_number))
    change = {
        number: (own, places[number])
        for number, own in said.known.items()
        if places[number] != known.places[own]
    }
    changed = change.keys() | (rated.lines - add.keys())
    return Plan(
        tuple(add[number] for number in sorted(add)),
        tuple(change[number] for number in sorted(change)),
        rated.say,
        len(changed),
        len(places.keys() - add.keys() - changed),
        remarks,
    )


def _line_number(text: str) -> int:
    return int(text.partition(":")[0].removeprefix("line "))


_Role = tuple[str, str, Service, str]


def _numberless(places: Mapping[int, Place]) -> dict[_Role, Meter]:
    """Return the newest legacy meter of each role whose number may be made up."""
    return {
        place.role: place.meter
        for place in sorted(places.values(), key=lambda place: place.valid_from)
        if place.legacy and place.meter[0] == LEGACY_MAKER
    }


def _meter(line: Line, subject: str, numberless: Mapping[_Role, Meter]) -> Meter:
    """Return the meter of a line; a legacy one without a number keeps the name that it has."""
    if line.meter is not None:
        return line.meter
    role = (line.subject_type, subject, line.service, line.source)
    return numberless.get(role) or made_up_meter(*role)


def _new_names(known: Known, lines: Mapping[int, Line]) -> list[str]:
    """Return the lines with a new label or tower that cannot be one; those that are known stay."""
    places = [*known.places.values(), *known.former]
    names = {place.label for place in places} | {place.tower for place in places} | {None}
    bad: list[str] = []
    for number, line in lines.items():
        for column, text in (("subject", line.label), ("tower", line.tower)):
            if text is None or text in names:
                continue
            try:
                own_label(text, column)
            except TextRefused as error:
                bad.append(f"line {number}: {error}")
    return bad


def _taken_back(known: Known, add: Mapping[int, Place]) -> list[str]:
    return [
        f"line {number}: {place} with {' '.join(place.meter)} was taken back "
        f"{known.taken_back[alone]}: leave the line out, or give --restore"
        for number, place in add.items()
        for alone in (replace(place, parent=None),)
        if alone in known.taken_back
    ]


def _sources(known: Known, lines: Mapping[int, Line], bad: list[str]) -> tuple[str, ...]:
    """Return remarks on sources that only this society knows; add the lines of new ones to bad."""
    own = {(place.service, place.source) for place in (*known.places.values(), *known.former)}
    remarks: list[str] = []
    for number, line in sorted(lines.items()):
        if not is_source(line.source, line.service):
            said = f"line {number}: {source_fault(line.source, line.service)}"
            if (line.service, line.source) in own:
                remarks.append(f"{said}; it stays, for it was imported before")
            else:
                bad.append(said)
    return tuple(remarks)


def _contradictions(lines: Mapping[int, Place], silent: Iterable[Place]) -> list[str]:
    """Return where a meter would serve twice at a time, or two meters one role."""
    bad: list[str] = []
    sharing: dict[object, list[tuple[int, Place]]] = {}
    everything = [*((0, place) for place in silent), *sorted(lines.items())]
    for number, place in everything:
        clash: str | None = None
        for key in (place.meter, place.role):
            for earlier, other in sharing.setdefault(key, []):
                if clash is None and number and overlap(place, other):
                    clash = _clash(place, other, earlier)
            sharing[key].append((number, place))
        if clash:
            bad.append(f"line {number}: {clash}")
    return bad


def _clash(place: Place, other: Place, earlier: int) -> str:
    where = f"line {earlier}" if earlier else BEFORE
    remedy = "give the former a valid_to" if earlier else _remedy(other)
    meter = " ".join(other.meter)
    if place.meter == other.meter:
        return (
            f"meter {meter} would serve {place} and, by {where}, {other} at the same time: {remedy}"
        )
    return (
        f"{place} would have two meters at the same time, {' '.join(place.meter)} and, by {where}, "
        f"{meter}: {remedy}"
    )


def _remedy(known: Place) -> str:
    """Say how a line that is known gives way."""
    kind = "" if known.subject_type == "unit" else f" --subject-type {known.subject_type}"
    return (
        "give the line of the former a valid_to, or, if it was never true, take it back "
        f"(cloud-ingest units take-back {known.subject} --service {known.service}{kind} "
        f"--meter {known.meter[1]})"
    )


def touched(before: Place | None, after: Place | None) -> list[Stretch]:
    """Return the stretches of time in which a change makes a difference."""
    if before is None or after is None:
        return [(place.valid_from, place.valid_to) for place in (before, after) if place]
    if replace(before, valid_from=after.valid_from, valid_to=after.valid_to) != after:
        return [(place.valid_from, place.valid_to) for place in (before, after)]
    found: list[Stretch] = []
    if before.valid_from != after.valid_from:
        starts = (before.valid_from, after.valid_from)
        found.append((min(starts), max(starts)))
    if before.valid_to != after.valid_to:
        ends = [place.valid_to for place in (before, after) if place.valid_to is not None]
        found.append((min(ends), max(ends) if len(ends) > 1 else None))
    return found
