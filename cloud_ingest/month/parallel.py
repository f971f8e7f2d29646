# SPDX-License-Identifier: MIT
"""One month of a notebook beside ours: unit by unit, with the likely cause of each difference.

Of a closed month ours is what was published, of an open one what is known so far. The registers of
each day around the month's borders tell what explains a difference; `core.notebook_cause` judges.

In: a notebook, a society, a month. Out: a line for each unit of the notebook. Never: a write.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import CHECK
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month, next_month
from cloud_ingest.core.notebook_cause import Verdict, judge
from cloud_ingest.core.notebook_course import REACH, Unit
from cloud_ingest.core.notebook_page import Noted, Page
from cloud_ingest.core.notebook_table import Notebook
from cloud_ingest.entries.notebook import MAIN_SOURCES, Flats, Way, strange_columns, used_of
from cloud_ingest.errors import ImportRefused
from cloud_ingest.month.parallel_courses import read_courses
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.published import published_month
from cloud_ingest.usage.so_far import month_usage
from shared_schema.billing import BILLING_UNITS, MonthlyConsumption
from shared_schema.catalogue import Service

NEAR: Final = 10
"""Days: a reading that far from a border is not the border's."""
AROUND: Final = timedelta(days=REACH + 8)


@dataclass(frozen=True, slots=True)
class Line:
    """A unit of the notebook beside ours."""

    unit: str
    page: Page
    ours: Decimal | None
    """What we say that it used; None: it is not known."""
    verdict: Verdict

    @property
    def difference(self) -> Decimal | None:
        """How much more the notebook has."""
        says = self.page.says
        if says is None or self.ours is None:
            return None
        with exactly():
            return says - self.ours


@dataclass(frozen=True, slots=True)
class Compared:
    """A month of a notebook beside ours."""

    month: Month
    service: Service
    unit: str
    is_closed: bool
    lines: tuple[Line, ...]
    lacking: tuple[str, ...]
    """Units of ours that the notebook does not have."""
    faults: tuple[str, ...]
    """Cells that are not understood, and flats that are not known."""


def compare(
    conn: Connection, society_id: int, notebook: Notebook, way: Way, *, month: Month, zone: ZoneInfo
) -> Compared:
    """Hold a month of a notebook beside ours.

    Raises:
        ImportRefused: the notebook says nothing of the month.
    """
    flats = Flats(conn, society_id, way.service)
    pages, faults = _pages(notebook, flats, month)
    if not pages:
        raise ImportRefused(
            f"the notebook has no reading within {NEAR} days of a border of {month}, and no use: "
            "see cloud-ingest notebook read",
            faults[:20],
        )
    used, is_closed = _used(conn, society_id, month, way.service)
    units = dict(_units(conn, society_id, way, month=month, zone=zone, used=used))
    known = {label: page for label, page in pages.items() if label in units}
    faults += [f"{label}: no meter of it served then" for label in pages.keys() - units.keys()]
    verdicts = judge(known, units)
    lines = tuple(
        Line(label, known[label], units[label].used, verdicts[label]) for label in sorted(known)
    )
    lacking = tuple(sorted(units.keys() - known.keys()))
    unit = BILLING_UNITS[way.service].value
    return Compared(month, way.service, unit, is_closed, lines, lacking, tuple(faults))


def _pages(notebook: Notebook, flats: Flats, month: Month) -> tuple[dict[str, Page], list[str]]:
    """Return what the notebook says of each unit in the month."""
    faults = [*notebook.faults, *strange_columns(notebook, flats.service)]
    noted: dict[str, dict[date, Noted]] = {}
    twice: set[str] = set()
    for reading in notebook.readings:
        subject = flats.subject_of(reading.who)
        if subject is None:
            faults.append(f"{reading.where}: {flats.unknown(reading.who)}")
        else:
            told = Noted(reading.day, reading.value)
            before = noted.setdefault(subject, {}).setdefault(reading.day, told)
            if before != told and subject not in twice:
                twice.add(subject)
                faults.append(
                    f"{reading.where}: {subject} shows {told.value:f} and {before.value:f} on "
                    f"{reading.day:%Y-%m-%d}: it is not compared"
                )
    used = dict(used_of(notebook, month.first, flats))
    last = next_month(month.first)
    pages: dict[str, Page] = {}
    for subject in (noted.keys() | used.keys()) - twice:
        own = noted.get(subject, {}).values()
        page = Page(_nearest(own, month.first), _nearest(own, last), used.get(subject))
        if page.says is not None:
            pages[subject] = page
    return pages, faults


def _nearest(own: Iterable[Noted], day: date) -> Noted | None:
    found = min(own, key=lambda each: (abs(each.day - day), each), default=None)
    return found if found and abs(found.day - day) <= timedelta(days=NEAR) else None


def _used(
    conn: Connection, society_id: int, month: Month, service: Service
) -> tuple[dict[tuple[str, str], Decimal], bool]:
    """Return what each unit used, by its label and source, and whether the month is closed."""
    found: dict[tuple[str, str], Decimal] = {}
    closed = published_month(conn, society_id, str(month), subject_type="unit")
    if closed is None:
        told = [
            (each.place.subject, each.place.source, each.quantity)
            for each in month_usage(conn, society_id, month, subject_type="unit")
            if each.place.service == service and each.quantity is not None
        ]
    else:
        told = [part for number in closed.numbers for part in _parts(number, service)]
    with exactly():
        for subject, source, quantity in told:
            found[subject, source] = found.get((subject, source), Decimal(0)) + (quantity or 0)
    return found, closed is not None


def _parts(number: MonthlyConsumption, service: Service) -> Iterator[tuple[str, str, Decimal]]:
    if number.service is service and number.since is None:
        for part in number.parts:
            yield number.subject.id, part.source, part.quantity


def _units(
    conn: Connection,
    society_id: int,
    way: Way,
    *,
    month: Month,
    zone: ZoneInfo,
    used: Mapping[tuple[str, str], Decimal],
) -> Iterator[tuple[str, Unit]]:
    """Yield each unit that had a meter of the service in the month, with its registers."""
    stretch = month.start - AROUND, month.end + AROUND
    by_unit: dict[str, list[Assignment]] = {}
    for each in assignments_between(conn, society_id, *stretch, subject_type="unit"):
        if each.service is way.service and each.source != CHECK:
            by_unit.setdefault(each.subject, []).append(each)
    courses = read_courses(conn, society_id, chain.from_iterable(by_unit.values()), stretch, zone)
    for label, own in by_unit.items():
        if not any(_serves(each, month) for each in own):
            continue
        own.sort(key=lambda each: each.valid_from)
        source = way.source or min(
            (each.source for each in own), key=lambda name: (name not in MAIN_SOURCES, name)
        )
        yield (
            label,
            Unit(
                label,
                tuple(courses[each.assignment_id] for each in own if each.source == source),
                tuple(courses[each.assignment_id] for each in own if each.source != source),
                used.get((label, source)),
                (month.first, next_month(month.first)),
            ),
        )


def _serves(each: Assignment, month: Month) -> bool:
    return each.valid_from < month.end and (each.valid_to is None or each.valid_to > month.start)
