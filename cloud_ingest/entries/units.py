# SPDX-License-Identifier: MIT
"""The list of units and its corrections: dated assignments, as unit management has them.

Unit management is the record: `core.unit_list` says what its list means, and `core.unit_plan` what
it changes. An import is one transaction: nothing is taken unless all lines are good. A line that
was never true is taken back by a person. Every change is a version with author and reason.

In: a CSV file, or the assignment that a person names; who says so and why. Out: meters and versions
of assignments, or every bad line with its number; the closed months that a change touches.
Never: an assignment that is updated in place.

Raises: ImportRefused, TakeBackRefused, NotFound.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import month_of, next_month
from cloud_ingest.core.typed_text import remark
from cloud_ingest.core.unit_gateways import listed_gateways
from cloud_ingest.core.unit_identity import namesake_hint
from cloud_ingest.core.unit_list import Line, Place, parse
from cloud_ingest.core.unit_plan import Known, Plan, Stretch, make_plan, touched
from cloud_ingest.errors import ImportRefused, NotFound, TakeBackRefused
from cloud_ingest.store import assignment_versions as stored
from cloud_ingest.store import bindings
from cloud_ingest.store.assignment_versions import AssignmentVersion, Word
from cloud_ingest.store.assignments import Assignment, namesakes
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.ratings import ListedRatings, holding, meter_versions, rate_meters
from cloud_ingest.store.registry import ensure_society, find_society
from cloud_ingest.store.unjudged import mark_meters
from shared_schema.catalogue import Service

DEFAULT_AUTHOR = "unit management"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    added: int
    changed: int
    unchanged: int
    close_again: tuple[str, ...] = ()
    """The closed months in which it makes a difference."""


@dataclass(frozen=True, slots=True)
class Named:
    """The assignment that a person means."""

    subject: str
    service: Service
    subject_type: SubjectKind = "unit"
    serial: str | None = None
    source: str | None = None
    since: date | None = None
    """The day on which it begins."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An assignment that was taken back, or would be."""

    assignment: Assignment
    close_again: tuple[str, ...]
    """The closed months in which it makes a difference."""
    is_applied: bool


@translating
def import_units(
    conn: Connection,
    society: str,
    path: Path,
    *,
    now: datetime,
    by: str = DEFAULT_AUTHOR,
    reason: str | None = None,
    unique_labels: bool = False,
    restore: bool = False,
) -> Imported:
    """Import a CSV file in one transaction.

    Args:
        conn: The store.
        society: The society's name; it is added where it is new.
        path: The file.
        now: The time.
        by: Who says so.
        reason: Why; None names the file.
        unique_labels: No two towers of the society may share a label.
        restore: Take in again what was taken back.

    Raises:
        ImportRefused: the file cannot be read, or has bad lines; nothing was taken.
    """
    store = open_store(conn)
    if not by.strip():
        raise ImportRefused("say who imports the list: give --by", ())
    lines = parse(_read(path), store.zone)
    why = (reason or "").strip() or f"import of {path.name}"
    word = Word(remark(by, "--by"), remark(why, "--reason"), now)
    with conn.transaction():
        society_id = ensure_society(conn, society)
        held = stored.lock_assignments(conn, society_id)
        versions = stored.assignment_versions(conn, society_id)
        known = _known(held, versions, holding(meter_versions(conn, society_id)), store.zone)
        plan = make_plan(known, lines, unique_labels=unique_labels, restore=restore)
        _carry_out(conn, society_id, plan, word)
        _bind(conn, society_id, lines, word)
        mark_meters(conn, society_id, _meters(plan), now)
        months = closed_months(conn, society_id, _months(_stretches(known, plan), now, store.zone))
    return Imported(len(plan.add), plan.changed, plan.unchanged, tuple(months))


def _carry_out(conn: Connection, society_id: int, plan: Plan, word: Word) -> None:
    for assignment_id, place in plan.change:
        stored.change_assignment(conn, society_id, assignment_id, place, word)
    for place in plan.add:
        stored.add_assignment(conn, society_id, place, word)
    rate_meters(conn, society_id, plan.rate, word)


def _bind(conn: Connection, society_id: int, lines: Mapping[int, Line], word: Word) -> None:
    """Bind the meters whose lines name a gateway, where they are bound to nobody."""
    if any(line.gateway for line in lines.values()):
        bindings.lock_bindings(conn)
        bound = bindings.bound_meters(conn, society_id)
        enrolled = bindings.gateways_of(conn, society_id)
        bindings.bind_listed(conn, society_id, listed_gateways(lines, bound, enrolled), word)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ImportRefused(f"cannot read the units: {error.strerror}: {path}", ()) from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{path} is not UTF-8: save it as CSV UTF-8", ()) from None


def _known(
    held: Sequence[Assignment],
    versions: Iterable[AssignmentVersion],
    ratings: ListedRatings,
    zone: ZoneInfo,
) -> Known:
    former: list[Place] = []
    taken_back: dict[Place, str] = {}
    for version in versions:
        place = place_of(version.assignment)
        if version.taken_back:
            said = version.assignment
            taken_back[replace(place, parent=None)] = (
                f"on {said.recorded_at.astimezone(zone):%Y-%m-%d} by {said.author}: {said.reason}"
            )
        elif version.superseded_at is not None:
            former.append(place)
    return Known({each.assignment_id: place_of(each) for each in held}, former, taken_back, ratings)


def place_of(assignment: Assignment) -> Place:
    """Return what an assignment says, without who says it; pure."""
    return Place(
        tower=assignment.tower,
        subject_type=assignment.subject_type,
        subject=assignment.subject,
        label=assignment.label,
        service=assignment.service,
        source=assignment.source,
        meter=(assignment.meter.manufacturer, assignment.meter.serial),
        legacy=assignment.legacy,
        valid_from=assignment.valid_from,
        valid_to=assignment.valid_to,
        parent=assignment.parent,
    )


def _stretches(known: Known, plan: Plan) -> list[Stretch]:
    changes = [(known.places[own], place) for own, place in plan.change]
    added = [stretch for place in plan.add for stretch in touched(None, place)]
    return added + [stretch for before, after in changes for stretch in touched(before, after)]


def _meters(plan: Plan) -> set[tuple[str, str]]:
    """Return the meters of which a plan says something else than was known; pure."""
    places = (*plan.add, *(place for _, place in plan.change))
    return {place.meter for place in places} | {meter for meter, _ in plan.rate}


def _months(stretches: Iterable[Stretch], now: datetime, zone: ZoneInfo) -> set[str]:
    """Return the months until now that stretches of time lie in; pure."""
    found: set[str] = set()
    for start, end in stretches:
        until = now if end is None else min(end, now)
        first = start.astimezone(zone).date().replace(day=1)
        while (month := month_of(first.year, first.month, zone)).start < until:
            found.add(str(month))
            first = next_month(first)
    return found


@translating
def take_back(
    conn: Connection,
    society: str,
    named: Named,
    *,
    by: str,
    reason: str,
    now: datetime,
    apply: bool,
) -> TakenBack:
    """Show what taking an assignment back touches, and do it where that is asked.

    Args:
        conn: The store.
        society: Its name.
        named: Which assignment.
        by: Who says that it is not true.
        reason: Why.
        now: The time.
        apply: Do it; else nothing is written.

    Raises:
        TakeBackRefused: several are meant, or nobody says who and why.
        NotFound: there is none, or no such society.
    """
    store = open_store(conn)
    society_id = find_society(conn, society)
    if not by.strip() or not reason.strip():
        raise TakeBackRefused(f"{named.subject}: say who takes it back and why: --by, --reason")
    word = Word(remark(by, "--by"), remark(reason, "--reason"), now)
    with conn.transaction():
        held = stored.lock_assignments(conn, society_id)
        found = _the_one(conn, society_id, held, named, store.zone)
        place = place_of(found)
        if apply:
            stored.change_assignment(
                conn, society_id, found.assignment_id, place, word, taken_back=True
            )
        months = _months(touched(place, None), now, store.zone)
        return TakenBack(found, tuple(closed_months(conn, society_id, months)), apply)


def _the_one(
    conn: Connection, society_id: int, held: Iterable[Assignment], named: Named, zone: ZoneInfo
) -> Assignment:
    own = [
        each
        for each in held
        if (each.subject_type, each.subject, each.service)
        == (named.subject_type, named.subject, named.service)
    ]
    if not own:
        hint = namesake_hint(named.subject, namesakes(conn, society_id, named.subject))
        raise NotFound(
            f"{named.subject!r} has no {named.service} meter"
            f"{hint or ': look at its label and --subject-type (cloud-ingest units list)'}"
        )
    found = [
        each
        for each in own
        if named.serial in {None, each.meter.serial}
        and named.source in {None, each.source}
        and named.since in {None, each.valid_from.astimezone(zone).date()}
    ]
    if len(found) == 1:
        return found[0]
    which = f"{named.subject} {named.service}"
    listed = "; ".join(_said(each, zone) for each in found or own)
    if not found:
        raise NotFound(f"{which} has no such meter: there is {listed}")
    raise TakeBackRefused(
        f"{which} has {len(found)} lines: give --meter with the serial number, and --from where "
        f"it served twice: {listed}"
    )


def _said(each: Assignment, zone: ZoneInfo) -> str:
    since, until = (
        None if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
        for at in (each.valid_from, each.valid_to)
    )
    return f"{each.meter} ({each.source}) from {since} {'on' if until is None else f'to {until}'}"
