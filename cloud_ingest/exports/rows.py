# SPDX-License-Identifier: MIT
"""A closed month as rows: one for each unit, service and meter, so that every column adds up.

A number of several meters has a row for each; what is of the whole number (`total`, its bounds)
stands in the first of them alone. A number that is missing has one row, without a meter.

In: a month. Out: titles and cells. Pure.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.words import REASONS
from cloud_ingest.exports.cells import Cell
from shared_schema.events import SubjectType
from shared_schema.export import ExportedMeter, ExportedNumber, MonthExport


class NumberRow(NamedTuple):
    """A row of the numbers; the names of its fields are the titles of the columns."""

    society: Cell
    month: Cell
    tower: Cell
    subject_type: Cell
    subject: Cell
    service: Cell
    source: Cell
    meter_maker: Cell
    meter_serial: Cell
    opening_at: Cell
    opening_register: Cell
    opening_origin: Cell
    closing_at: Cell
    closing_register: Cell
    closing_origin: Cell
    quantity: Cell
    """Of this meter."""
    total: Cell
    """Of the number, in its first row."""
    unit: Cell
    status: Cell
    quality: Cell
    reasons: Cell
    why: Cell
    """The reasons in words."""
    version: Cell
    covers_since: Cell
    lower: Cell
    """The truth lies from here, where the number is not exact."""
    upper: Cell
    estimate: Cell
    """What a number that is withheld probably is; it is in no sum."""
    held_change: Cell
    """What the number would become, where a change waits for a person."""
    opening_dial: Cell
    closing_dial: Cell


TITLES: Final = NumberRow._fields
_Registers = tuple[Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell, Cell]
_NO_METER: Final[_Registers] = (None, None, None, None, None, None, None, None, None, None)


def number_rows(found: MonthExport) -> Iterator[NumberRow]:
    """Give the rows of all numbers."""
    zone = ZoneInfo(found.zone)
    for number in found.numbers:
        yield from _rows(found, number, zone)


def units(found: MonthExport) -> MonthExport:
    """Return a month with its units' numbers alone."""
    own = tuple(e for e in found.numbers if e.subject.type is SubjectType.UNIT)
    return found.model_copy(update={"numbers": own})


def commons(found: MonthExport) -> MonthExport:
    """Return a month with the numbers of its common areas alone."""
    own = tuple(e for e in found.numbers if e.subject.type is not SubjectType.UNIT)
    return found.model_copy(update={"numbers": own})


def why_of(number: ExportedNumber) -> str:
    """Return the reasons of a number in words."""
    return "; ".join(REASONS[each] for each in number.reasons)


def _rows(found: MonthExport, number: ExportedNumber, zone: ZoneInfo) -> Iterator[NumberRow]:
    bounds, estimate, held = number.bounds, number.estimate, number.held
    becomes = None if held is None else held.quantity if held.quantity is not None else "withdrawn"
    subject = number.subject
    parts: Sequence[ExportedMeter | None] = number.meters or (None,)
    for place, part in enumerate(parts):
        is_first = place == 0
        yield NumberRow(
            found.society,
            found.month,
            number.tower if part is None else part.tower or number.tower,
            subject.type.value,
            subject.id,
            number.service.value,
            *(_NO_METER if part is None else _registers(part, zone)),
            number.quantity if is_first else None,
            str(number.unit),
            number.status.value,
            number.quality.value,
            " ".join(each.value for each in number.reasons),
            why_of(number),
            number.version,
            number.since,
            bounds.lower if bounds and is_first else None,
            bounds.upper if bounds and is_first else None,
            estimate.quantity if estimate and is_first else None,
            becomes if is_first else None,
            None if part is None else part.opening_dial,
            None if part is None else part.closing_dial,
        )


def _registers(part: ExportedMeter, zone: ZoneInfo) -> _Registers:
    opening, closing = part.opening, part.closing
    return (
        part.source,
        part.meter.manufacturer,
        part.meter.serial,
        opening.at.astimezone(zone),
        opening.register_value,
        opening.origin.value,
        closing.at.astimezone(zone),
        closing.register_value,
        closing.origin.value,
        part.quantity,
    )
