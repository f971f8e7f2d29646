# SPDX-License-Identifier: MIT
"""A society's month as the treasurer looks at it: a page of its units, what is missing first.

Of a closed month each number is the one that was sent, with how far it has got; of an open one it
is what was used so far.

In: a society, a month, what somebody chose, the time. Out: one value. Never: a number that was not
sent of a closed month, a write.

Raises: NotFound, CloseRefused.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.month import Month
from cloud_ingest.month.closing import SubjectKey, key_of
from cloud_ingest.month.report import Delivery, deliveries
from cloud_ingest.month.status import MissingNumber, MonthStatus
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.events import FlagNote
from cloud_ingest.store.month_rows import (
    SubjectOfMonth,
    newest_numbers,
    subjects_page,
    towers_of_month,
)
from cloud_ingest.store.outbox import billing_ack_key
from cloud_ingest.usage.so_far import month_usage
from cloud_ingest.views.month_standing import Society, Standing, month_standing
from shared_schema.billing import BILLING_UNITS, Held, MonthlyConsumption, NumberStatus
from shared_schema.catalogue import Service
from shared_schema.quality import Quality, Reason

ROWS: Final = 100
"""Of one page."""
Show = Literal["all", "missing", "held"]
Sort = Literal["missing", "unit", "electricity", "water"]


class State(StrEnum):
    """What is known of a number."""

    FINAL = "final"
    PROVISIONAL = "provisional"
    WITHHELD = "withheld"
    WITHDRAWN = "withdrawn"
    SO_FAR = "so_far"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody wants to see."""

    show: Show = "all"
    tower: str | None = None
    part: str | None = None
    """Of a label."""
    sort: Sort = "missing"
    page: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """A unit's number of one service."""

    service: Service
    unit: str
    state: State
    quantity: Decimal | None
    by_source: tuple[tuple[str, Decimal], ...]
    """Where it came by several ways: grid and generator."""
    quality: Quality | None
    reasons: tuple[Reason, ...]
    version: int | None
    delivery: Delivery | None
    """How far it has got to billing; None: the month is not closed."""
    is_held: bool
    """A change of it waits for a person."""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit, or a common area."""

    kind: SubjectKind
    subject: str
    tower: str | None
    cells: Mapping[Service, Cell]
    flags: tuple[FlagNote, ...]
    """That were open at any time of the month."""


@dataclass(frozen=True, slots=True)
class MonthPage:
    """A page of a month, and where the whole month stands."""

    standing: Standing
    chosen: Chosen
    rows: tuple[UnitRow, ...]
    total: int
    towers: tuple[str, ...]
    services: tuple[Service, ...]

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // ROWS))


def month_page(
    conn: Connection, society: Society, month: str, chosen: Chosen, now: datetime
) -> MonthPage:
    """Return a page of a month; the last one in place of one behind it."""
    standing = month_standing(conn, society, month, now)
    span, status = standing.span, standing.status
    subjects = _subjects(conn, society, span, chosen, status)
    if not subjects and chosen.page > 1:
        first = _subjects(conn, society, span, replace(chosen, page=1), status)
        last = -(-first[0].total // ROWS) if first else 1
        chosen = replace(chosen, page=last)
        subjects = _subjects(conn, society, span, chosen, status)
    cells = _cells(conn, society, span, status, subjects)
    flags: dict[tuple[str, str], list[FlagNote]] = {}
    for each in standing.flags:
        flags.setdefault((each.subject_type, each.subject), []).append(each)
    rows = tuple(
        UnitRow(
            each.subject_type,
            each.subject,
            each.tower,
            cells.get((each.subject_type, each.subject), {}),
            tuple(dict.fromkeys(flags.get((each.subject_type, each.subject), ()))),
        )
        for each in subjects
    )
    return MonthPage(
        standing=standing,
        chosen=chosen,
        rows=rows,
        total=subjects[0].total if subjects else 0,
        towers=tuple(towers_of_month(conn, society.society_id, span)),
        services=tuple(sorted({service for row in rows for service in row.cells})),
    )


def _subjects(
    conn: Connection, society: Society, span: Month, chosen: Chosen, status: MonthStatus
) -> list[SubjectOfMonth]:
    missing = {(each.subject_type, each.subject) for each in status.missing}
    held = {key_of(each)[:2] for each in status.held}
    only = {"all": None, "missing": missing, "held": held}[chosen.show]
    return subjects_page(
        conn,
        society.society_id,
        span,
        tower=chosen.tower,
        part=chosen.part,
        only=only,
        first=missing if chosen.sort == "missing" else (),
        service=chosen.sort if chosen.sort in set(Service) else None,
        limit=ROWS,
        offset=(chosen.page - 1) * ROWS,
    )


_Cells = dict[tuple[str, str], dict[Service, Cell]]


def _cells(
    conn: Connection,
    society: Society,
    span: Month,
    status: MonthStatus,
    subjects: Sequence[SubjectOfMonth],
) -> _Cells:
    if status.phase != "closed":
        return _so_far(conn, society, span, subjects)
    labels = {each.subject for each in subjects}
    missing = {each.key: each for each in status.missing if each.subject in labels}
    held = {(each.subject, each.service) for each in status.held}
    numbers = newest_numbers(conn, society.society_id, str(span), labels)
    sent = deliveries(conn, [billing_ack_key(each) for each in numbers])
    found: _Cells = {}
    for number in numbers:
        kind: SubjectKind = "unit" if number.subject.type.value == "unit" else "common"
        key = SubjectKey(kind, number.subject.id, number.service)
        if key not in missing:
            delivery = sent.get(billing_ack_key(number), "acknowledged")
            is_held = (number.subject, number.service) in held
            found.setdefault(key[:2], {})[number.service] = _sent(number, delivery, is_held=is_held)
    for key, lacks in missing.items():
        found.setdefault(key[:2], {})[key.service] = _missing(lacks, status.held)
    return found


def _sent(number: MonthlyConsumption, delivery: Delivery, *, is_held: bool) -> Cell:
    is_provisional = number.status is NumberStatus.PROVISIONAL
    return Cell(
        number.service,
        number.unit,
        State.PROVISIONAL if is_provisional else State.FINAL,
        number.quantity,
        _by_source((part.source, part.quantity) for part in number.parts),
        number.quality,
        number.reasons,
        number.version,
        delivery,
        is_held,
    )


def _missing(lacks: MissingNumber, held: Sequence[Held]) -> Cell:
    return Cell(
        lacks.service,
        BILLING_UNITS[lacks.service],
        State.WITHDRAWN if lacks.state == "withdrawn" else State.WITHHELD,
        None,
        (),
        None,
        lacks.reasons,
        None,
        "withheld",
        any(key_of(each) == lacks.key for each in held),
    )


def _so_far(
    conn: Connection, society: Society, span: Month, subjects: Sequence[SubjectOfMonth]
) -> _Cells:
    wanted = {(each.subject_type, each.subject) for each in subjects}
    parts: dict[tuple[SubjectKind, str, Service], list[tuple[str, Decimal | None]]] = {}
    labels = {each.subject for each in subjects}
    for usage in month_usage(
        conn, society.society_id, span, subjects=labels, self_read_window=society.window
    ):
        place = usage.place
        if (place.subject_type, place.subject) in wanted:
            key = (place.subject_type, place.subject, Service(place.service))
            parts.setdefault(key, []).append((place.source, usage.quantity))
    found: _Cells = {}
    for (kind, subject, service), own in parts.items():
        known = [(source, quantity) for source, quantity in own if quantity is not None]
        is_known = len(known) == len(own)
        with exactly():
            quantity = sum((each for _, each in known), Decimal(0)) if is_known else None
        found.setdefault((kind, subject), {})[service] = Cell(
            service,
            BILLING_UNITS[service],
            State.SO_FAR if is_known else State.NOT_KNOWN,
            quantity,
            _by_source(known) if is_known else (),
            quality=None,
            reasons=(),
            version=None,
            delivery=None,
            is_held=False,
        )
    return found


def _by_source(parts: Iterable[tuple[str, Decimal]]) -> tuple[tuple[str, Decimal], ...]:
    """Return what came by each source, where there are several."""
    found: dict[str, Decimal] = {}
    with exactly():
        for source, quantity in parts:
            found[source] = found.get(source, Decimal(0)) + quantity
    return tuple(sorted(found.items())) if len(found) > 1 else ()
