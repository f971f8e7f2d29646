# SPDX-License-Identifier: MIT
"""Corrections of the list of units: a line that was never true is taken back by a person.

Unit management is the record; `entries.unit_import` takes its list.

In: the assignment that a person names; who says so and why. Out: a version that says so; the closed
months that it touches. Never: an assignment that is updated in place.

Raises: TakeBackRefused, NotFound.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.month import month_of, next_month
from cloud_ingest.core.typed_text import remark
from cloud_ingest.core.unit_identity import namesake_hint
from cloud_ingest.core.unit_list import Place
from cloud_ingest.core.unit_plan import Stretch, touched
from cloud_ingest.errors import NotFound, TakeBackRefused
from cloud_ingest.store import assignment_versions as stored
from cloud_ingest.store.assignment_versions import Word
from cloud_ingest.store.assignments import Assignment, namesakes
from cloud_ingest.store.connection import Connection, translating
from cloud_ingest.store.manifests import closed_months
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service

DEFAULT_AUTHOR = "unit management"


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


def months_of(stretches: Iterable[Stretch], now: datetime, zone: ZoneInfo) -> set[str]:
    """Return the months until now that stretches of time lie in; pure."""
    found: set[str] = set()
    for start, until in _apart((start, min(end or now, now)) for start, end in stretches):
        first = start.astimezone(zone).date().replace(day=1)
        while (month := month_of(first.year, first.month, zone)).start < until:
            found.add(str(month))
            first = next_month(first)
    return found


def _apart(stretches: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return stretches of time with those that meet as one: a thousand lines say the same."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
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
        months = months_of(touched(place, None), now, store.zone)
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
