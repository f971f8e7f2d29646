# SPDX-License-Identifier: MIT
"""Conservation: what a meter counted for its subjects and for nobody is what its register moved.

Every cut of a month has one border for both of its sides, so that the stretches between the cuts
add up by construction. It is checked all the same at each close, to the last count: two assignments
of one meter that overlap would charge the same use twice.

In: a meter's cuts with their borders, whom it served, what was counted. Out: what it counted while
it served nobody. Pure.

Raises: NotConserved.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from cloud_ingest.core.border import Border
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.register import Register, normalised
from cloud_ingest.errors import NotConserved
from cloud_ingest.month.boundaries import MeterRows, boundary_reading
from cloud_ingest.store.assignments import Assignment
from shared_schema.billing import BILLING_UNITS, Unassigned

Borders = Mapping[datetime, Border]
"""Of one meter, by the moment of each cut, ascending."""


def unassigned_of(rows: MeterRows, borders: Borders) -> Iterator[Unassigned]:
    """Yield what a meter counted in each stretch of a month in which it served nobody.

    A stretch with an end that is not known is left out, and so is one in which nothing was counted.
    """
    for begin, end in pairwise(borders.values()):
        if is_served(rows, begin, end):
            continue
        opening, closing = begin.chosen, end.chosen
        if opening is None or closing is None:
            continue
        quantity = _moved(rows, opening, closing)
        if quantity:
            yield unassigned_between(rows, begin.at, opening, closing)


def unassigned_between(
    rows: MeterRows, at: datetime, opening: Register, closing: Register
) -> Unassigned:
    """Return what a meter counted for nobody between two readings.

    Args:
        rows: What is known of the meter.
        at: When it began to serve nobody, or the month in which it did so.
        opening: The first reading.
        closing: The last one.
    """
    return Unassigned(
        meter=rows.meter,
        tower=_hung_in(rows.served, at),
        service=rows.service,
        unit=BILLING_UNITS[rows.service],
        opening=boundary_reading(opening),
        closing=boundary_reading(closing),
        quantity=_moved(rows, opening, closing),
    )


def require_conserved(
    month: str,
    rows: MeterRows,
    borders: Borders,
    counted: Iterable[Decimal | None],
    unassigned: Iterable[Unassigned],
) -> None:
    """Hold what a meter's stretches counted against what its register moved.

    Args:
        month: ``YYYY-MM``.
        rows: What is known of the meter.
        borders: Of its cuts.
        counted: For each of its assignments, before anything is held against it.
        unassigned: While it served nobody.

    Raises:
        NotConserved: they differ.
    """
    quantities = list(counted)
    ends = list(borders.values())
    opening, closing = ends[0].chosen, ends[-1].chosen
    if opening is None or closing is None or any(end.chosen is None for end in ends):
        return
    if any(quantity is None for quantity in quantities):
        return
    moved = _moved(rows, opening, closing)
    with exactly():
        told = sum((each for each in quantities if each is not None), Decimal(0))
        told += sum((each.quantity for each in unassigned), Decimal(0))
    if told != moved:
        unit = BILLING_UNITS[rows.service]
        raise NotConserved(
            f"{month} is not closed: the register of {rows.meter.manufacturer} {rows.meter.serial} "
            f"moved {moved:f} {unit}, but its assignments and what is assigned to nobody add up to "
            f"{told:f} {unit}: look for assignments that overlap, correct the list of units, and "
            "close again"
        )


def is_served(rows: MeterRows, begin: Border, end: Border) -> bool:
    """Say whether a meter served somebody from one cut to the next."""
    return any(_covers(each, begin.at, end.at) for each in rows.served)


def _covers(assignment: Assignment, start: datetime, end: datetime) -> bool:
    ends_at = assignment.valid_to
    return assignment.valid_from <= start and (ends_at is None or ends_at >= end)


def _hung_in(served: Sequence[Assignment], at: datetime) -> str | None:
    """Return the tower in which a meter hung last before a moment, else that of its next place."""
    before = [each for each in served if each.valid_from < at]
    return (before or list(served[:1]))[-1].tower


def _moved(rows: MeterRows, opening: Register, closing: Register) -> Decimal:
    epochs = rows.known.epochs
    with exactly():
        return normalised(closing, epochs) - normalised(opening, epochs)
