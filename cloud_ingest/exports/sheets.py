# SPDX-License-Identifier: MIT
"""The sheets beside the numbers: towers, what is missing, what nobody is charged for, and about.

In: a month. Out: titles and rows. Pure.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.words import ORIGINS, QUALITIES, REASONS
from cloud_ingest.exports.cells import Cell
from cloud_ingest.exports.rows import why_of
from shared_schema.billing import BILLING_UNITS
from shared_schema.export import ExportedStatus, MonthExport

Sheet = tuple[Sequence[str], Iterator[Sequence[Cell]]]
MISSING: Final = frozenset({ExportedStatus.WITHHELD, ExportedStatus.WITHDRAWN})


def tower_rows(found: MonthExport) -> Sheet:
    """Return each tower's bulk meter against its units and common areas."""
    titles = (
        *("tower", "service", "bulk", "units", "common", "loss", "loss_percent", "unit"),
        *("units_known", "units_total", "quality", "why", "in_words"),
    )
    return titles, (
        (
            each.tower,
            each.service.value,
            each.bulk,
            each.units,
            each.common,
            each.loss,
            each.loss_percent,
            str(each.unit),
            each.units_known,
            each.units_total,
            each.quality.value,
            "; ".join(REASONS[reason] for reason in each.reasons),
            each.sentence or None,
        )
        for each in found.reconciliations
    )


def missing_rows(found: MonthExport) -> Sheet:
    """Return what is withheld or was taken back, and why."""
    titles = ("subject", "service", "tower", "status", "why", "probably", "lower", "upper", "unit")
    return titles, (
        (
            each.subject.id,
            each.service.value,
            each.tower,
            each.status.value,
            why_of(each),
            each.estimate.quantity if each.estimate else None,
            each.estimate.bounds.lower if each.estimate else None,
            each.estimate.bounds.upper if each.estimate else None,
            str(each.unit),
        )
        for each in found.numbers
        if each.status in MISSING
    )


def unassigned_rows(found: MonthExport) -> Sheet:
    """Return what meters counted while they served nobody."""
    zone = ZoneInfo(found.zone)
    titles = (
        *("meter_maker", "meter_serial", "tower", "service", "opening_at", "opening_register"),
        *("closing_at", "closing_register", "quantity", "unit"),
    )
    return titles, (
        (
            each.meter.manufacturer,
            each.meter.serial,
            each.tower,
            each.service.value,
            each.opening.at.astimezone(zone),
            each.opening.register_value,
            each.closing.at.astimezone(zone),
            each.closing.register_value,
            each.quantity,
            str(BILLING_UNITS[each.service]),
        )
        for each in found.unassigned
    )


def about_rows(found: MonthExport) -> Sheet:
    """Return what the file is, and what its words mean."""
    return ("what", "meaning"), _about(found)


def _about(found: MonthExport) -> Iterator[Sequence[Cell]]:
    closed_at = found.closed_at.astimezone(ZoneInfo(found.zone))
    final = sum(each.status is ExportedStatus.FINAL for each in found.numbers)
    yield "society", found.society
    yield "month", found.month
    yield "closed at", f"{closed_at:%Y-%m-%d %H:%M}"
    if found.approved is not None:
        yield "approved by", found.approved.by
    yield "numbers", f"{final} of {len(found.numbers)} final"
    yield "times", f"of {found.zone}, as the clock on the wall shows them"
    yield "kWh, kL", "kilowatt-hours of electricity; kilolitres of water, 1,000 litres each"
    yield "quantity", "what one meter counted: its closing register less its opening register"
    yield "total", "the number that is billed; in the first row of a unit and service alone"
    yield "estimate, probably", "shown, not billed: in no sum"
    for status in ExportedStatus:
        yield status.value, _STATUS[status]
    for quality, said in QUALITIES.items():
        yield quality.value, said
    for origin, said in ORIGINS.items():
        yield f"origin {origin.value}", said
    for reason, said in REASONS.items():
        yield reason.value, said


_STATUS: Final = {
    ExportedStatus.FINAL: "sent, and it holds",
    ExportedStatus.PROVISIONAL: "sent before all was known; a final one follows",
    ExportedStatus.WITHHELD: "cannot be proved, and was not sent",
    ExportedStatus.WITHDRAWN: "sent, and taken back",
}
