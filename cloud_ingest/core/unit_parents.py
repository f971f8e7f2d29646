# SPDX-License-Identifier: MIT
"""Which bulk meter stands above a meter: the tree of a society's meters, by its list of units.

A line names its parent as the list calls it: the label of a bulk line, or tower and label. A bulk
meter with a parent is a sub-bulk. No parent means the tower's own bulk meter.

In: what a list says and what is known besides. Out: the places with their parents, or every line
whose parent is none: it does not exist, it is not there all the time, it stands above itself. Pure.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from cloud_ingest.core.balance import CHECK
from cloud_ingest.core.unit_list import MAX_LINES_SHOWN, Place, overlap
from shared_schema.catalogue import Service

NO_PARENT = "none"
"""A line that says so takes its parent away; an empty field leaves the one that is known."""

MOST_LEVELS = 12
"""Of bulk meters above each other; no building has so many."""

_Key = tuple[Service, str]
_Above = Mapping[_Key, Sequence[Place]]
"""Bulk meters by their service and a name of theirs."""
_Stretch = tuple[datetime, datetime | None]
_Way = tuple[Place, datetime, datetime | None, frozenset[str]]
"""The way up so far: where it is, from when to when, and by whom."""


@dataclass(frozen=True, slots=True)
class Parented:
    """What lines say with their parents, and the lines whose parent cannot be."""

    places: Mapping[int, Place]
    bad: Sequence[str]


def with_parents(
    places: Mapping[int, Place],
    named: Mapping[int, str],
    silent: Sequence[Place],
    known: Collection[Place] = (),
) -> Parented:
    """Give each line its parent.

    Args:
        places: By line; a line that says something again has the parent that is known.
        named: The parents as lines name them, of those that do.
        silent: What is known and no line says again.
        known: All that is known; what lacked a parent in it before this list is not refused.
    """
    everything = [*((0, place) for place in silent), *sorted(places.items())]
    bulks = [(number, place) for number, place in everything if _stands_above(place)]
    called: defaultdict[_Key, list[Place]] = defaultdict(list)
    last_line: defaultdict[Service, int] = defaultdict(int)
    for number, bulk in bulks:
        for name in {bulk.subject, bulk.label, f"{bulk.tower}/{bulk.label}"}:
            called[bulk.service, name].append(bulk)
        last_line[bulk.service] = max(last_line[bulk.service], number)
    bad: list[str] = []
    found = dict(places)
    for number, text in named.items():
        child, parent = places[number], None
        try:
            parent = _resolved(child, text, called)
        except ValueError as error:
            meant = _meant(child, text, called) if len(bad) < MAX_LINES_SHOWN else ""
            bad.append(f"line {number}: {error}{meant}")
        found[number] = replace(child, parent=parent)
    above = _by_subject(found.get(number, bulk) for number, bulk in bulks)
    above_before = _by_subject(filter(_stands_above, known))
    before = frozenset(known)
    for number, place in everything:
        child = found.get(number, place)
        lacking = _lacking(child, above)
        if lacking and not (child in before and lacking == _lacking(child, above_before)):
            if blamed := number or last_line[child.service]:
                bad.append(f"line {blamed}: {child} has {_orphaned(child, lacking)}")
        elif child.subject_type == "bulk" and number and (fault := _way_up_fault(child, above)):
            bad.append(f"line {number}: {child} {fault}")
    return Parented(found, bad)


def _stands_above(place: Place) -> bool:
    """Say whether it may be a parent: a check meter is in no balance."""
    return place.subject_type == "bulk" and place.source != CHECK


def _by_subject(bulks: Iterable[Place]) -> _Above:
    found: defaultdict[_Key, list[Place]] = defaultdict(list)
    for bulk in bulks:
        found[bulk.service, bulk.subject].append(bulk)
    return found


def _resolved(child: Place, text: str, called: _Above) -> str | None:
    if text == NO_PARENT:
        return None
    alike = [bulk for bulk in called.get((child.service, text), ()) if overlap(bulk, child)]
    near = {bulk.subject for bulk in alike if bulk.tower == child.tower}
    names = near or {bulk.subject for bulk in alike}
    if not names:
        raise ValueError(
            f"parent {text!r} of {child} is no bulk meter of {child.service} at that time"
        )
    if len(names) > 1:
        raise ValueError(f"parent {text!r} may be {' or '.join(sorted(names))}: name one of them")
    return names.pop()


def _meant(child: Place, text: str, called: _Above) -> str:
    """Say which bulk meter a name that is none was probably meant for."""
    if (child.service, text) in called:
        return ""
    labels: Collection[str] = {
        bulk.label
        for (service, _), own in called.items()
        if service == child.service
        for bulk in own
    }
    close = get_close_matches(text, labels, n=1)
    return (
        f": did you mean {close[0]!r}?" if close else ": it wants a line with the subject_type bulk"
    )


def _lacking(child: Place, above: _Above) -> _Stretch | None:
    """Return the first stretch in which what is above a meter is not there; None: there is none."""
    if child.parent is None:
        return None
    covered = child.valid_from
    own = [each for each in above.get((child.service, child.parent), ()) if overlap(each, child)]
    for bulk in sorted(own, key=lambda each: each.valid_from):
        if bulk.valid_from > covered:
            return covered, bulk.valid_from
        if bulk.valid_to is None:
            return None
        covered = max(covered, bulk.valid_to)
    if child.valid_to is not None and child.valid_to <= covered:
        return None
    return covered, child.valid_to


def _orphaned(child: Place, lacking: _Stretch) -> str:
    """Say from when to when the parent of a meter is none, and what to do."""
    start, end = lacking
    since = "" if start == child.valid_from else f" from {start:%Y-%m-%d %H:%M} UTC on"
    until = "" if end == child.valid_to or end is None else f" until {end:%Y-%m-%d %H:%M} UTC"
    remedy = f"name another in its line, or {NO_PARENT}"
    if until:
        remedy += ", or divide its line there"
    return (
        f"the parent {child.parent}, which is no bulk meter of {child.service}{since}{until}: "
        f"{remedy}"
    )


def _way_up_fault(child: Place, above: _Above) -> str | None:
    """Say whether the way up comes back to a subject at one time, or has no end."""
    ways: list[_Way] = [(child, child.valid_from, child.valid_to, frozenset({child.subject}))]
    while ways:
        place, start, end, seen = ways.pop()
        if len(seen) > MOST_LEVELS:
            return f"has more than {MOST_LEVELS} bulk meters above each other"
        for bulk in above.get((place.service, place.parent or ""), ()):
            since = max(start, bulk.valid_from)
            until = min((at for at in (end, bulk.valid_to) if at is not None), default=None)
            if until is not None and until <= since:
                continue
            if bulk.subject == child.subject:
                return f"would stand above itself by its parent {child.parent}"
            if bulk.subject not in seen:
                ways.append((bulk, since, until, seen | {bulk.subject}))
    return None
