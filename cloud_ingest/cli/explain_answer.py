# SPDX-License-Identifier: MIT
"""The answer to "where does it come from": a number as its closing less its opening register.

In: an explanation. Out: lines of 80 columns, before everything else is told. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.cli.sentences import wrapped
from cloud_ingest.core.exact import exactly
from cloud_ingest.core.local_time import short_time
from cloud_ingest.core.month import parse_month
from cloud_ingest.core.month_name import MONTHS
from cloud_ingest.core.words import ORIGINS, REASONS
from cloud_ingest.month.explanation import BilledMeter, ExplainedMeter, Explanation
from shared_schema.billing import BoundaryReading, NumberStatus


@dataclass(frozen=True, slots=True)
class _Sum:
    """What one meter counted: its two registers, and the difference."""

    name: str
    opening: BoundaryReading | None
    closing: BoundaryReading | None
    quantity: Decimal | None


def answer_lines(found: Explanation, zone: ZoneInfo) -> Iterator[str]:
    """Say what a number is, and from which registers."""
    yield from wrapped(f"{_whose(found, zone)}: {_what(found)}")
    sums = _sums(found)
    for each in sums:
        yield ""
        if len(sums) > 1:
            yield from wrapped(f"{each.name}:")
        yield from _sum_lines(each, found.unit, zone)


def _whose(found: Explanation, zone: ZoneInfo) -> str:
    first = parse_month(found.month, zone).first
    kind = {"unit": "", "common": " (common area)", "bulk": " (bulk meter)"}[found.subject_type]
    return f"{found.subject}{kind} {found.service.value}, {MONTHS[first.month - 1]} {first.year}"


def _what(found: Explanation) -> str:
    number, now = found.number, found.now
    if number is None:
        if found.closed_at is not None:
            return "nothing was published of it"
        if now is None or now.quantity is None:
            return "no number so far"
        return f"{now.quantity:f} {found.unit} so far; the month is not closed"
    if number.quantity is None:
        why = f": {REASONS[number.reasons[0]]}" if number.reasons else ""
        return f"{number.state}{why}"
    waits = ", provisional" if number.status is NumberStatus.PROVISIONAL else ""
    return f"{number.quantity:f} {found.unit}{waits}"


def _sums(found: Explanation) -> list[_Sum]:
    """Return what was billed by meter; where nothing was, what is known."""
    if found.billed:
        return [_billed(each) for each in found.billed]
    return [_known(each) for each in found.meters]


def _billed(each: BilledMeter) -> _Sum:
    return _Sum(f"{each.meter}, {each.source}", each.opening, each.closing, each.quantity)


def _known(each: ExplainedMeter) -> _Sum:
    ends = [None if side is None else side.taken for side in (each.begin, each.end)]
    opening, closing = (
        None
        if told is None
        else BoundaryReading(at=told.at, register_value=told.value, origin=told.origin)
        for told in ends
    )
    return _Sum(f"{each.meter}, {each.source}", opening, closing, each.quantity)


def _sum_lines(each: _Sum, unit: str, zone: ZoneInfo) -> Iterator[str]:
    """Write the registers below each other, the closing one first, and what they come to."""
    rows = [_register("  end", each.closing, zone), _register("- start", each.opening, zone)]
    if each.quantity is not None and each.opening is not None and each.closing is not None:
        with exactly():
            moved = each.closing.register_value - each.opening.register_value
            added = each.quantity - moved
        if added:
            rows.append(("+ began anew", f"{added:f}", ""))
        rows.append(("= used", f"{each.quantity:f}", ""))
    yield from _aligned(rows, unit)


def _register(name: str, told: BoundaryReading | None, zone: ZoneInfo) -> tuple[str, str, str]:
    if told is None:
        return name, "", "not read"
    return name, f"{told.register_value:f}", f"{short_time(told.at, zone)}, {ORIGINS[told.origin]}"


def _aligned(rows: Sequence[tuple[str, str, str]], unit: str) -> Iterator[str]:
    names = max(len(name) for name, _, _ in rows)
    figures = max(len(figure) for _, figure, _ in rows)
    for name, figure, told in rows:
        measure = unit if figure else " " * len(unit)
        yield f"  {name:<{names}}  {figure:>{figures}} {measure}  {told}".rstrip()
