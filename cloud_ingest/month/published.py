# SPDX-License-Identifier: MIT
"""A closed month, shown by meter, by day and by tower as it was published.

What the society's commands show of a closed month is what was published, so that they never
disagree: the numbers and what is withheld come from the manifest, the towers from the
reconciliations. A bulk meter has no number of its own: its borders are counted as closing counts
them, and shown if they give what was published of its tower.

In: a society and a month. Out: values, or None for a month that is open: `cloud_ingest.views` has
that one. Never: a number that was not published, a write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.border import SELF_READ_WINDOW
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month
from cloud_ingest.core.nearest import nearest_labels
from cloud_ingest.errors import NotFound
from cloud_ingest.month.balance_message import bulk_published
from cloud_ingest.month.count import Counted, count_assigned
from cloud_ingest.month.published_parts import (
    MeterPart,
    counted_part,
    kind_of,
    parts_of,
    place_of,
    with_days,
)
from cloud_ingest.store import months
from cloud_ingest.store.assignments import Assignment, assignments_between
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.published import (
    Balanced,
    PublishedMonth,
    published_month,
    published_states,
)
from cloud_ingest.usage.so_far import DayUsage, may_balance
from shared_schema.billing import BILLING_UNITS, Bounds, Estimate, Held, MonthShare, NumberStatus
from shared_schema.catalogue import Service
from shared_schema.message import DecimalText
from shared_schema.quality import Quality, Reason

NumberState = Literal["published", "withheld", "withdrawn"]


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """What a closed month says of one subject and service."""

    subject_type: SubjectKind
    subject: str
    service: Service
    state: NumberState
    quantity: DecimalText | None
    """None: withheld, withdrawn, or of a bulk meter that is not known."""
    unit: str
    version: int | None = None
    """None: withheld, or of a bulk meter: it has no number of its own."""
    status: NumberStatus | None = None
    """None: not published, or sent before numbers had one."""
    quality: Quality = Quality.MISSING
    reasons: tuple[Reason, ...] = ()
    bounds: Bounds | None = None
    since: str | None = None
    """The first month that a catch-up covers."""
    shares: tuple[MonthShare, ...] = ()
    """Of the months that a catch-up covers."""
    estimate: Estimate | None = None
    """Beside a number that is withheld."""
    held: Held | None = None
    """A change that waits for a person."""


@dataclass(frozen=True, slots=True)
class ShownMonth:
    """A closed month by number and by meter."""

    closed_at: datetime
    numbers: tuple[ShownNumber, ...]
    usages: tuple[DayUsage, ...]


@dataclass(frozen=True, slots=True)
class ShownStates:
    """How many numbers of a closed month stand, and which do not."""

    closed_at: datetime
    published: int
    others: tuple[ShownNumber, ...]
    """What is withheld or withdrawn."""


def shown_states(
    conn: Connection,
    society_id: int,
    month: Month,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
) -> ShownStates | None:
    """Return how many numbers stand, of all subjects or of one; None: the month is open."""
    if subject is None:
        states = published_states(conn, society_id, str(month))
        if states is None:
            return None
        others = PublishedMonth(states.closed_at, (), states.withheld, states.withdrawn, ())
        return ShownStates(states.closed_at, states.published, tuple(_shown_numbers(others)))
    found = published_month(
        conn, society_id, str(month), subject_type=subject_type, subject=subject
    )
    if found is None:
        return None
    numbers = _shown_numbers(found)
    others_of = tuple(each for each in numbers if each.state != "published")
    return ShownStates(found.closed_at, len(numbers) - len(others_of), others_of)


def shown_month(
    conn: Connection,
    society_id: int,
    month: Month,
    zone: ZoneInfo,
    *,
    subject_type: SubjectKind | None = None,
    subject: str | None = None,
    tower: str | None = None,
    self_read_window: timedelta = SELF_READ_WINDOW,
) -> ShownMonth | None:
    """Return a closed month, or one subject's part of it; None: it is open.

    With a tower it is what may be in its balance, and nothing else.

    Raises:
        NotFound: the month says nothing of the subject.
    """
    assigned = assignments_between(
        conn,
        society_id,
        month.start,
        month.end,
        subject_type=subject_type,
        subject=subject,
        tower=tower,
    )
    found = published_month(
        conn,
        society_id,
        str(month),
        subject_type=subject_type,
        subject=subject,
        balanced=None if tower is None else Balanced(tower, {each.subject for each in assigned}),
    )
    if found is None:
        return None
    parts = [part for number in found.numbers for part in parts_of(number)]
    numbers = _shown_numbers(found)
    if subject_type in {None, "bulk"}:
        own = _bulk_parts(conn, society_id, month, zone, self_read_window)
        own = [part for part in own if subject is None or part.place.subject == subject]
        parts += own
        numbers += _bulk_numbers(own)
    parts += _unproved(assigned, numbers)
    if subject is not None and not numbers:
        every = published_month(conn, society_id, str(month), subject_type=subject_type) or found
        told = nearest_labels(subject, sorted({each.subject for each in _shown_numbers(every)}))
        raise NotFound(
            f"{subject!r} had no meter in {month} when it was closed: look at its label and "
            f"--subject-type; {told}; if its meter was imported since, close the month again"
        )
    if tower is not None:
        fed = {each.subject: each.parent for each in assigned if each.parent is not None}
        parts = [
            each for each in parts if may_balance(tower, each.place, fed.get(each.place.subject))
        ]
    shown = tuple(sorted(numbers, key=lambda each: (each.subject, each.service)))
    return ShownMonth(found.closed_at, shown, tuple(with_days(conn, society_id, parts, zone)))


def _shown_numbers(found: PublishedMonth) -> list[ShownNumber]:
    """Return what a closed month says of its units and common areas; pure."""
    held = {(each.subject, each.service): each for each in found.held}
    unproved = {(each.subject, each.service): each for each in found.withheld}
    shown = [
        ShownNumber(
            kind_of(number.subject),
            number.subject.id,
            number.service,
            "published",
            number.quantity,
            number.unit,
            version=number.version,
            status=number.status,
            quality=number.quality,
            reasons=number.reasons,
            bounds=number.bounds,
            since=number.since,
            shares=number.shares,
            held=held.get((number.subject, number.service)),
        )
        for number in found.numbers
    ]
    stands = {(number.subject, number.service) for number in found.numbers}
    taken_back = {(each.subject, each.service): each.version for each in found.withdrawn}
    for key in dict.fromkeys([*taken_back, *unproved]):
        if key in stands:
            continue
        subject, service = key
        withheld = unproved.get(key)
        shown.append(
            ShownNumber(
                kind_of(subject),
                subject.id,
                service,
                "withdrawn" if key in taken_back else "withheld",
                None,
                BILLING_UNITS[service],
                version=taken_back.get(key),
                reasons=() if withheld is None else withheld.reasons,
                estimate=None if withheld is None else withheld.estimate,
                held=held.get(key),
            )
        )
    return shown


def _unproved(assigned: Iterable[Assignment], numbers: Iterable[ShownNumber]) -> list[MeterPart]:
    """Return the meters of numbers that do not stand: what they counted is not known; pure."""
    wanted = {
        (each.subject_type, each.subject, each.service)
        for each in numbers
        if each.state != "published" and each.subject_type != "bulk"
    }
    return [
        MeterPart(place_of(each))
        for each in assigned
        if (each.subject_type, each.subject, each.service) in wanted
    ]


def _bulk_parts(
    conn: Connection, society_id: int, month: Month, zone: ZoneInfo, self_read_window: timedelta
) -> list[MeterPart]:
    """Return what bulk meters counted, where that is what was published of them."""
    assigned = assignments_between(conn, society_id, month.start, month.end, subject_type="bulk")
    if not assigned:
        return []
    counted = count_assigned(
        conn, assigned, month, zone, before={}, self_read_window=self_read_window
    )
    said = months.reconciliations(conn, society_id, str(month))
    by_subject: dict[tuple[str, Service], list[Counted]] = {}
    for one in counted:
        by_subject.setdefault((one.assignment.subject, one.assignment.service), []).append(one)
    return [
        part
        for (subject, service), own in by_subject.items()
        for towers in ({each.assignment.tower for each in own},)
        for part in (
            _as_published(own, bulk_published(said, subject, service, towers))
            if towers != {None}
            else map(counted_part, own)  # nobody is told of the society's own meters
        )
    ]


def _as_published(counted: Sequence[Counted], published: Decimal | None) -> list[MeterPart]:
    """Return the parts of a bulk meter; without borders where they give another sum; pure."""
    parts = [counted_part(each) for each in counted]
    if published is not None and _total(parts) == published:
        return parts
    alone = published if len(counted) == 1 else None
    return [MeterPart(place_of(each.assignment), quantity=alone) for each in counted]


def _bulk_numbers(parts: Iterable[MeterPart]) -> list[ShownNumber]:
    """Return what bulk meters counted, by subject and service; pure."""
    found: dict[tuple[str, Service], list[MeterPart]] = {}
    for part in parts:
        found.setdefault((part.place.subject, Service(part.place.service)), []).append(part)
    return [
        ShownNumber(
            "bulk",
            subject,
            service,
            "withheld" if quantity is None else "published",
            quantity,
            BILLING_UNITS[service],
        )
        for (subject, service), own in found.items()
        for quantity in (_total(own),)
    ]


def _total(parts: Iterable[MeterPart]) -> Decimal | None:
    found = Decimal(0)
    with exactly():
        for part in parts:
            if part.quantity is None:
                return None
            found += part.quantity
    return found
