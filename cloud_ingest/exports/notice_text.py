# SPDX-License-Identifier: MIT
"""What the notice board says of a month: sentences and rows, before anything is drawn.

In: a month, and whether the society wants its flats' amounts on the board. Out: texts. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cloud_ingest.core.month_name import MONTHS
from cloud_ingest.core.words import REASONS
from shared_schema.balance import Reconciliation
from shared_schema.billing import BILLING_UNITS
from shared_schema.catalogue import Service
from shared_schema.events import SubjectType
from shared_schema.export import ExportedNumber, ExportedStatus, MonthExport
from shared_schema.quality import Reason

WITH_THE_MANAGER: Final = "The whole list is with the manager."
TOWER_TITLES: Final = ("Tower", "", "Bulk meter", "Flats", "Common", "Not accounted for")


@dataclass(frozen=True, slots=True)
class Notice:
    """The texts of the page."""

    society: str
    title: str
    sentences: tuple[str, ...]
    towers: tuple[tuple[str, ...], ...]
    """Cells under `TOWER_TITLES`."""
    missing: tuple[str, ...]
    flat_titles: tuple[str, ...]
    flats: tuple[tuple[str, ...], ...]
    """Each a flat and its amount of each service; none where the board has no amounts."""
    small_print: tuple[str, ...]


def notice_of(found: MonthExport, *, amounts: bool) -> Notice:
    """Return what the page says.

    Args:
        found: The month.
        amounts: Also what each flat used.
    """
    first = date.fromisoformat(f"{found.month}-01")
    services = [each for each in Service if any(n.service is each for n in found.numbers)]
    return Notice(
        society=found.society,
        title=f"{_names(services)} in {MONTHS[first.month - 1]} {first.year}",
        sentences=tuple(_sentences(found)),
        towers=tuple(_tower(each) for each in found.reconciliations),
        missing=tuple(_missing(each) for each in _not_final(found)),
        flat_titles=("Flat", *(f"{BILLING_UNITS[each]}" for each in services)),
        flats=tuple(_flats(found, services)) if amounts else (),
        small_print=tuple(_small_print(found, amounts=amounts)),
    )


def _names(services: list[Service]) -> str:
    return " and ".join(each.value for each in services).capitalize() or "Nothing"


def _sentences(found: MonthExport) -> Iterator[str]:
    count = dict.fromkeys(ExportedStatus, 0)
    for each in found.numbers:
        count[each.status] += 1
    said = f"{count[ExportedStatus.FINAL]} of {len(found.numbers)} numbers are final"
    more = [f"{n} {status.value}" for status, n in count.items() if n and status != "final"]
    yield f"{', '.join([said, *more])}."
    if found.approved is not None:
        day = found.approved.at.astimezone(ZoneInfo(found.zone))
        yield f"Approved by {found.approved.by} on {day.day} {MONTHS[day.month - 1]} {day.year}."
    held = sum(each.held is not None for each in found.numbers)
    if held:
        what = "A change of one number is" if held == 1 else f"Changes of {held} numbers are"
        yield f"{what} being looked at; what stands here was sent to billing."


def _tower(each: Reconciliation) -> tuple[str, ...]:
    bulk = "no meter" if Reason.NO_METER in each.reasons else _amount(each.bulk)
    share = "" if each.loss_percent is None else f" ({each.loss_percent:f} %)"
    loss = f"{_amount(each.loss)}{share}"
    if each.loss is None and each.unknown:
        meters = "1 meter" if len(each.unknown) == 1 else f"{len(each.unknown)} meters"
        loss = f"cannot say: {meters} unknown"
    return (
        each.tower,
        f"{each.service.value}, {each.unit}",
        bulk,
        _amount(each.units),
        "no meter" if each.common is None else _amount(each.common),
        loss,
    )


def _amount(value: Decimal | None) -> str:
    return "not known" if value is None else f"{value:f}"


def _not_final(found: MonthExport) -> list[ExportedNumber]:
    """Return what is not final, first what has no number."""
    own = (each for each in found.numbers if each.status is not ExportedStatus.FINAL)
    return sorted(own, key=lambda each: each.quantity is not None)


def _missing(each: ExportedNumber) -> str:
    why = f": {REASONS[each.reasons[0]]}" if each.reasons else ""
    status = "" if each.status is ExportedStatus.WITHHELD else f", {each.status.value}"
    return f"{each.subject.id}, {each.service.value}{status}{why}"


def _flats(found: MonthExport, services: list[Service]) -> Iterator[tuple[str, ...]]:
    """Give each flat with what it used of each service."""
    used: dict[str, dict[Service, str]] = {}
    for each in found.numbers:
        if each.subject.type is SubjectType.UNIT:
            mark = "" if each.status is ExportedStatus.FINAL else "*"
            text = each.status.value if each.quantity is None else f"{each.quantity:f}{mark}"
            used.setdefault(each.subject.id, {})[each.service] = text
    for flat, own in used.items():
        yield (flat, *(own.get(service, "-") for service in services))


def _small_print(found: MonthExport, *, amounts: bool) -> Iterator[str]:
    closed = found.closed_at.astimezone(ZoneInfo(found.zone))
    yield (
        f"As it was closed on {closed.day} {MONTHS[closed.month - 1]} {closed:%Y at %H:%M}. The "
        "month runs from 00:00 of its first day to 00:00 after its last one."
    )
    yield (
        "Bulk meter: what came into the tower. Not accounted for: what it counted beyond the "
        "flats and the common areas."
    )
    if not amounts:
        yield "What each flat used is not shown here. Ask the manager for your own number."
    if any(each.status is ExportedStatus.PROVISIONAL for each in found.numbers):
        yield f"{'* ' * amounts}Provisional: a final number follows."
