# SPDX-License-Identifier: MIT
"""Which bulk meter stands above a meter: the tree of a society's meters, by its list of units.

A line names its parent as the list calls it: the label of a bulk line, or tower and label. A bulk
meter with a parent is a sub-bulk. No parent means the tower's own bulk meter.

In: what a list says and what is known besides. Out: the places with their parents, or every line
whose parent is none: it does not exist, it ends too early, it stands above itself. Pure.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from cloud_ingest.core.unit_list import MAX_LINES_SHOWN, Place, overlap
from shared_schema.catalogue import Service

NO_PARENT = "none"
"""A line that says so takes its parent away; an empty field leaves the one that is known."""

MOST_LEVELS = 12
"""Of bulk meters above each other; no building has so many."""

_Key = tuple[Service, str]
_Above = Mapping[_Key, Sequence[Place]]
"""Bulk meters by their service and a name of theirs."""
_Way = tuple[Place, datetime, datetime | None, frozenset[str]]
"""The way up so far: where it is, from when to when, and by whom."""


@dataclass(frozen=True, slots=True)
class Parented:
    """What lines say with their parents, and the lines whose parent cannot be."""

    places: Mapping[int, Place]
    bad: Sequence[str]


def with_parents(
    places: Mapping[int, Place], named: Mapping[int, str], silent: Sequence[Place]
) -> Parented:
    """Give each line its parent.

    Args:
        places: By line; a line that says something again has the parent that is known.
        named: The parents as lines name them, of those that do.
        silent: What is known and no line says again.
    """
    everything = [*((0, place) for place in silent), *sorted(places.items())]
    bulks = [(number, place) for number, place in everything if place.subject_type == "bulk"]
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
    above: defaultdict[_Key, list[Place]] = defaultdict(list)
    for number, bulk in bulks:
        above[bulk.service, bulk.subject].append(found.get(number, bulk))
    for number, place in everything:
        blamed = number or last_line[place.service]
        bad += _orphans(number, blamed, found.get(number, place), above)
    return Parented(found, bad)


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


def _orphans(number: int, blamed: int, child: Place, above: _Above) -> Iterator[str]:
    """Say where what is above a meter ends before it, or is the meter itself."""
    if child.parent is None or not blamed:
        return  # it is the tower's own, or it was so before this list
    own = [each for each in above.get((child.service, child.parent), ()) if overlap(each, child)]
    end = _last_end(own)
    if not own or (end is not None and (child.valid_to is None or child.valid_to > end)):
        since = "" if end is None else f" from {end:%Y-%m-%d %H:%M} UTC on"
        yield (
            f"line {blamed}: {child} has the parent {child.parent}, which is no bulk meter of "
            f"{child.service}{since}: name another in its line, or {NO_PARENT}"
        )
    elif child.subject_type == "bulk" and number and (fault := _way_up_fault(child, above)):
        yield f"line {number}: {child} {fault}"


def _last_end(places: Sequence[Place]) -> datetime | None:
    """Return when the last of them ends; None: one does not end, or there is none."""
    ends = [place.valid_to for place in places if place.valid_to is not None]
    return max(ends) if ends and len(ends) == len(places) else None


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
