# SPDX-License-Identifier: MIT
"""Which bulk meter stands above a meter: the tree of a society's meters, by its list of units.

A line names its parent as the list calls it: the label of a bulk line, or tower and label. A bulk
meter with a parent is a sub-bulk. No parent means the tower's own bulk meter.

In: what a list says and what is known besides. Out: the places with their parents, or every line
whose parent is none: it does not exist, it ends too early, it stands above itself. Pure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from cloud_ingest.core.unit_list import Place, overlap
from shared_schema.catalogue import Service

NO_PARENT = "none"
"""A line that says so takes its parent away; an empty field leaves the one that is known."""

_Numbered = tuple[int, Place]
"""A line's number; 0: it is known, and no line says it again."""
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
    bulks: defaultdict[Service, list[_Numbered]] = defaultdict(list)
    everything = [*((0, place) for place in silent), *sorted(places.items())]
    for number, place in everything:
        if place.subject_type == "bulk":
            bulks[place.service].append((number, place))
    bad: list[str] = []
    found = dict(places)
    for number, text in named.items():
        try:
            parent = _resolved(places[number], text, bulks[places[number].service])
        except ValueError as error:
            bad.append(f"line {number}: {error}")
            parent = None
        found[number] = replace(places[number], parent=parent)
    for service in bulks:
        bulks[service] = [(number, found.get(number, place)) for number, place in bulks[service]]
    for number, place in everything:
        bad += _orphans(number, found.get(number, place), bulks[place.service])
    return Parented(found, bad)


def _resolved(child: Place, text: str, bulks: Sequence[_Numbered]) -> str | None:
    if text == NO_PARENT:
        return None
    alike = [
        bulk
        for _, bulk in bulks
        if text in {bulk.subject, bulk.label, f"{bulk.tower}/{bulk.label}"} and overlap(bulk, child)
    ]
    near = {bulk.subject for bulk in alike if bulk.tower == child.tower}
    names = near or {bulk.subject for bulk in alike}
    if not names:
        raise ValueError(_no_such(child, text, bulks))
    if len(names) > 1:
        raise ValueError(f"parent {text!r} may be {' or '.join(sorted(names))}: name one of them")
    return names.pop()


def _no_such(child: Place, text: str, bulks: Sequence[_Numbered]) -> str:
    close = get_close_matches(text, {bulk.label for _, bulk in bulks}, n=1)
    hint = f": did you mean {close[0]!r}?" if close and close[0] != text else ""
    return (
        f"parent {text!r} of {child} is no bulk meter of {child.service} at that time{hint}"
        f"{'' if hint else ': it wants a line with the subject_type bulk'}"
    )


def _orphans(number: int, child: Place, bulks: Sequence[_Numbered]) -> Iterator[str]:
    """Say where what is above a meter ends before it, or is the meter itself."""
    if child.parent is None:
        return
    above = [bulk for _, bulk in bulks if bulk.subject == child.parent and overlap(bulk, child)]
    blamed = number or max((line for line, _ in bulks), default=0)
    if not blamed:
        return  # it was so before this list
    end = _last_end(above)
    if not above or (end is not None and (child.valid_to is None or child.valid_to > end)):
        since = "" if end is None else f" from {end:%Y-%m-%d %H:%M} UTC on"
        yield (
            f"line {blamed}: {child} has the parent {child.parent}, which is no bulk meter of "
            f"{child.service}{since}: name another in its line, or {NO_PARENT}"
        )
    elif child.subject_type == "bulk" and number and _is_above_itself(child, bulks):
        yield f"line {number}: {child} would stand above itself by its parent {child.parent}"


def _last_end(places: Sequence[Place]) -> datetime | None:
    """Return when the last of them ends; None: one does not end, or there is none."""
    ends = [place.valid_to for place in places if place.valid_to is not None]
    return max(ends) if ends and len(ends) == len(places) else None


def _is_above_itself(child: Place, bulks: Sequence[_Numbered]) -> bool:
    """Say whether the way up comes back to a subject at one time."""
    ways: list[_Way] = [(child, child.valid_from, child.valid_to, frozenset({child.subject}))]
    while ways:
        place, start, end, seen = ways.pop()
        for _, bulk in bulks:
            if bulk.subject != place.parent:
                continue
            since = max(start, bulk.valid_from)
            until = min((at for at in (end, bulk.valid_to) if at is not None), default=None)
            if until is not None and until <= since:
                continue
            if bulk.subject == child.subject:
                return True
            if bulk.subject not in seen:
                ways.append((bulk, since, until, seen | {bulk.subject}))
    return False
