# SPDX-License-Identifier: MIT
"""Which subject a line of the list means: a subject is a tower and a label.

Where a label stands in one tower at a time, it names its subject. It may stand in another tower at
another time: then the subject has moved. Where it stands in two towers at the same time, it is two
subjects, whatever their services or sources are. They are called ``T1/101`` and ``T2/101``
everywhere. A subject that is known by its plain label keeps it, for published numbers name it; the
newcomer of the other tower is called by its tower.

A line is known if it says the same meter of the same label, service and source again: from the
same time on, or else of one stretch of time that it overlaps.

In: what is known, what was known once, and lines. Out: the known place and the subject of each
line, or why there is none. Pure; the order of the lines means nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from cloud_ingest.core.unit_list import LEGACY_MAKER, Line, Place, overlap
from shared_schema.text import LONGEST_LABEL

BEFORE = "what was imported before"

_Named = tuple[str, str]
"""The kind of a subject and its label."""


@dataclass(frozen=True, slots=True)
class Identities:
    """The subjects of the lines of a list."""

    known: Mapping[int, int]
    """By line: the id of the place that it says again."""
    subjects: Mapping[int, str]
    """By line."""
    bad: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where and when a label stands, by what is known or by a line."""

    said: Line | Place
    line: int = 0
    """0: it is known, and no line says it again."""
    subject: str | None = None
    """None: it is not decided."""
    before: Place | None = None
    """As it is known."""

    @property
    def where(self) -> str:
        """Who says so."""
        return f"line {self.line}" if self.line else BEFORE


def identify(
    known: Mapping[int, Place],
    former: Iterable[Place],
    lines: Mapping[int, Line],
    *,
    unique_labels: bool = False,
) -> Identities:
    """Say which known place and which subject each line means.

    Args:
        known: What holds, by id.
        former: What held once: its names are given again to the same tower and label.
        lines: The lines by their numbers.
        unique_labels: The society says that no two towers share a label: a list where they do is
            bad.
    """
    labels: defaultdict[_Named, list[int]] = defaultdict(list)
    for number, line in lines.items():
        labels[line.subject_type, line.label].append(number)
    places: defaultdict[_Named, dict[int, Place]] = defaultdict(dict)
    for own, place in known.items():
        places[place.subject_type, place.label][own] = place
    past: defaultdict[_Named, list[Place]] = defaultdict(list)
    for place in former:
        past[place.subject_type, place.label].append(place)
    again: dict[int, int] = {}
    subjects: dict[int, str] = {}
    bad: list[str] = []
    for named, numbers in labels.items():
        group = {number: lines[number] for number in numbers}
        said_again = _lines_again(places[named], group)
        stands = _stands(places[named], past[named], group, said_again)
        again |= said_again
        subjects |= {
            stand.line: stand.subject
            for stand in stands
            if stand.line and stand.subject is not None
        }
        bad += (unique_labels and _two_towers(stands)) or _faults(stands)
    bad += _shared_names(known, lines, again, subjects)
    return Identities(again, subjects, bad)


def _lines_again(known: Mapping[int, Place], lines: Mapping[int, Line]) -> dict[int, int]:
    """Return the known place that each line of a label says again; others say something new."""
    found: dict[int, int] = {}
    for same_tower in (True, False):
        for same_start in (True, False):
            taken = set(found.values())
            free = {own: place for own, place in known.items() if own not in taken}
            for number, line in sorted(lines.items(), key=lambda each: _order(each[1])):
                if number in found:
                    continue
                alike = [
                    own
                    for own, place in free.items()
                    if _is_alike(place, line)
                    and (place.tower == line.tower) is same_tower
                    and (
                        place.valid_from == line.valid_from if same_start else overlap(place, line)
                    )
                    and (same_tower or _has_moved(place, line, known, lines))
                ]
                if len(alike) == 1:
                    found[number] = alike[0]
                    del free[alike[0]]
    return found


def _order(line: Line) -> tuple[object, ...]:
    end = line.valid_to
    return (
        line.valid_from,
        end is None,
        end or line.valid_from,
        line.tower or "",
        line.meter or (),
    )


def _is_alike(place: Place, line: Line) -> bool:
    """Say whether both name the same meter of one label's service and source."""
    if (place.service, place.source) != (line.service, line.source):
        return False
    if line.meter is None:
        return place.legacy and place.meter[0] == LEGACY_MAKER
    return place.meter == line.meter


def _has_moved(
    place: Place, line: Line, known: Mapping[int, Place], lines: Mapping[int, Line]
) -> bool:
    """Say whether a line may correct the tower of a place.

    It may not if another subject of the label is known in its tower, or if the list still has the
    label in the former tower: then they are two subjects.
    """
    return not any(
        other.tower == line.tower and other.subject != place.subject and overlap(other, line)
        for other in known.values()
    ) and not any(other.tower == place.tower and overlap(other, line) for other in lines.values())


def _stands(
    known: Mapping[int, Place],
    former: Sequence[Place],
    lines: Mapping[int, Line],
    again: Mapping[int, int],
) -> list[_Stand]:
    """Return where a label stands after the import, and which subject stands there."""
    said_again = set(again.values())
    stands = [
        _Stand(place, 0, place.subject, place)
        for own, place in known.items()
        if own not in said_again
    ]
    stands += [
        _Stand(lines[number], number, known[own].subject, known[own])
        for number, own in again.items()
    ]
    new = [_Stand(line, number) for number, line in lines.items() if number not in again]
    for naming in (_same_time, _same_tower(former)):
        named = [replace(stand, subject=naming(stand, stands)) for stand in new]
        settled = [stand for stand in named if stand.subject and not _is_torn(stand, named)]
        stands += settled
        lines_settled = {stand.line for stand in settled}
        new = [stand for stand in new if stand.line not in lines_settled]
    return stands + _newcomers(new, stands)


_Naming = Callable[[_Stand, Sequence[_Stand]], str | None]


def _same_time(new: _Stand, stands: Sequence[_Stand]) -> str | None:
    """Return the subject that stands in the same tower at the same time."""
    return _only(
        stand.subject
        for stand in stands
        if stand.said.tower == new.said.tower and overlap(stand.said, new.said)
    )


def _same_tower(former: Sequence[Place]) -> _Naming:
    """Return a naming by who stood in the same tower at another time, and is not elsewhere now."""

    def naming(new: _Stand, stands: Sequence[_Stand]) -> str | None:
        there = {stand.subject for stand in _elsewhere(new, stands)}
        here = (stand.subject for stand in stands if stand.said.tower == new.said.tower)
        once = (place.subject for place in former if place.tower == new.said.tower)
        return _only(name for name in here if name not in there) or _only(
            name for name in once if name not in there
        )

    return naming


def _only(names: Iterable[str | None]) -> str | None:
    found = {name for name in names if name is not None}
    return found.pop() if len(found) == 1 else None


def _is_torn(stand: _Stand, others: Iterable[_Stand]) -> bool:
    """Say whether its subject would stand in two towers at the same time."""
    return any(other.subject == stand.subject for other in _elsewhere(stand, others))


def _elsewhere(stand: _Stand, others: Iterable[_Stand]) -> Iterator[_Stand]:
    """Yield where else the label stands at the same time."""
    for other in others:
        if other.said.tower != stand.said.tower and overlap(other.said, stand.said):
            yield other


def _newcomers(new: Sequence[_Stand], stands: Sequence[_Stand]) -> list[_Stand]:
    """Name what is new: a subject that has moved, the label itself, or tower and label."""
    names = {stand.subject for stand in stands if stand.subject is not None}
    everywhere = [*stands, *new]
    is_shared = len(names) > 1 or any(any(_elsewhere(stand, everywhere)) for stand in new)
    moved = _only(names)
    return [replace(stand, subject=_name(stand.said, moved, is_shared=is_shared)) for stand in new]


def _name(said: Line | Place, moved: str | None, *, is_shared: bool) -> str | None:
    if not is_shared:
        return moved or said.label
    return f"{said.tower}/{said.label}" if said.tower else None


def _two_towers(stands: Sequence[_Stand]) -> list[str]:
    """Return the lines whose label stands in another tower at the same time."""
    return [
        f"line {stand.line}: {stand.said.label} is in {_tower(stand)} and, by {other.where}, in "
        f"{_tower(other)} at the same time, and labels are unique here (setting unique_labels): "
        "give one of them another label"
        for stand in stands
        for other in list(_elsewhere(stand, stands))[:1]
        if stand.line
    ]


def _faults(stands: Sequence[_Stand]) -> list[str]:
    """Return the lines that have no name, one that is too long, or one that is torn."""
    return [
        f"line {stand.line}: {fault}"
        for stand in stands
        if stand.line and (fault := _fault(stand, stands))
    ]


def _fault(stand: _Stand, stands: Sequence[_Stand]) -> str | None:
    label = stand.said.label
    if stand.subject is None:
        return f"{label} is in several towers, and this line names none: give its tower"
    if len(stand.subject) > LONGEST_LABEL:
        return (
            f"two towers have {label}, so that its name is {stand.subject}: that is longer than "
            f"{LONGEST_LABEL} characters: shorten its label or its tower's name"
        )
    for other in stands:
        if other is stand or not overlap(other.said, stand.said) or _was_so(stand, other):
            continue
        is_here = other.said.tower == stand.said.tower
        if other.subject == stand.subject and not is_here:
            return (
                f"{stand.subject} would be in {_tower(stand)} and, by {other.where}, in "
                f"{_tower(other)} at the same time: correct all of its lines in one list"
            )
        if is_here and other.subject not in {stand.subject, None}:
            return (
                f"{label} in {_tower(stand)} would be {stand.subject} and, by {other.where}, "
                f"{other.subject} at the same time: correct the dates of its lines"
            )
    return None


def _was_so(one: _Stand, other: _Stand) -> bool:
    """Say whether two stands were imported as they are, before towers told subjects apart."""
    return (
        one.before is not None
        and other.before is not None
        and (one.before.tower, other.before.tower) == (one.said.tower, other.said.tower)
        and overlap(one.before, other.before)
    )


def _tower(stand: _Stand) -> str:
    return stand.said.tower or "no tower"


def _shared_names(
    known: Mapping[int, Place],
    lines: Mapping[int, Line],
    again: Mapping[int, int],
    subjects: Mapping[int, str],
) -> list[str]:
    """Return the lines whose subject is called as one of another label is."""
    said_again = set(again.values())
    named = {
        (place.subject_type, place.subject): (place.label, 0)
        for own, place in known.items()
        if own not in said_again
    }
    bad: list[str] = []
    for number, subject in sorted(subjects.items()):
        line = lines[number]
        label, earlier = named.setdefault((line.subject_type, subject), (line.label, number))
        if label != line.label:
            where = f"line {earlier}" if earlier else BEFORE
            bad.append(
                f"line {number}: {line.label} would be called {subject}, which by {where} is the "
                f"name of {label}: change one of the labels"
            )
    return bad


def namesake_hint(subject: str, names: Sequence[str]) -> str:
    """Return the end of a sentence that says no subject is called so: who has the label."""
    others = [name for name in names if name != subject]
    return f": that label is of {' and '.join(others)}" if others else ""
