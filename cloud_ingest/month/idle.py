# SPDX-License-Identifier: MIT
"""Meters that serve nobody: what they counted from the last reading that was stated of them.

A meter whose last subject left counts on until it is removed or serves somebody again. What it
counts is stated month by month, as unassigned. A month opens where an earlier one told of the meter
last, for somebody or for nobody, and closes with the last reading where its end was not met: so
nothing is left out between two subjects, even where nobody read the meter meanwhile.

In: closed months, within one snapshot; a meter's cuts with their borders. Out: where the month
before ended for each meter, and what was counted beside the borders that are met. Never: a write.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from cloud_ingest.core.border_choice import register_at
from cloud_ingest.core.month import MICROSECOND, Month, months_back
from cloud_ingest.core.register import Register
from cloud_ingest.month.boundaries import (
    MONTHS_LOOKED_BACK,
    Closings,
    MeterRows,
    MeterService,
    Opening,
    closings,
)
from cloud_ingest.month.conservation import Borders, is_served, unassigned_between
from cloud_ingest.store import months
from cloud_ingest.store.connection import Connection
from cloud_ingest.store.manifests import is_closed, manifest_of
from cloud_ingest.store.readings_read import Window, boundary_readings
from shared_schema.billing import BoundaryReading, Unassigned, billing_exponent
from shared_schema.message import MeterId


@dataclass(frozen=True, slots=True)
class SocietyMonth:
    """A month of a society, and the store that has it."""

    conn: Connection
    society_id: int
    month: Month
    zone: ZoneInfo


def last_unassigned(found: Iterable[Unassigned]) -> Mapping[MeterService, BoundaryReading]:
    """Return where what meters counted for nobody ends; pure."""
    ends: dict[MeterService, BoundaryReading] = {}
    for each in found:
        key = MeterService(each.meter, each.service)
        if key not in ends or ends[key].at <= each.closing.at:
            ends[key] = each.closing
    return ends


def stated(before: Closings, unassigned: Iterable[Unassigned]) -> dict[MeterService, Opening]:
    """Return the last reading that a closed month states of each meter; pure.

    Args:
        before: Where it was closed for whom meters served.
        unassigned: What they counted for nobody.
    """
    found: dict[MeterService, Opening] = {}
    told: list[tuple[MeterService, Opening]] = [
        (MeterService(MeterId(manufacturer=key.manufacturer, serial=key.serial), key.service), end)
        for key, reading in before.items()
        for end in (Opening(key, reading),)
    ]
    told += [(meter, Opening(None, end)) for meter, end in last_unassigned(unassigned).items()]
    for meter, end in told:
        if meter not in found or found[meter].reading.at <= end.reading.at:
            found[meter] = end
    return found


def stated_in(
    conn: Connection, society_id: int, month: Month, before: Closings | None = None
) -> dict[MeterService, Opening]:
    """Return the last reading that a closed month states of each meter; none if it is open."""
    manifest = manifest_of(conn, society_id, str(month))
    if manifest is None:
        return {}
    if before is None:
        before = closings(months.current(conn, society_id, str(month)))
    return stated(before, manifest.unassigned)


def unassigned_at_ends(
    scope: SocietyMonth, meters: Iterable[tuple[MeterRows, Borders]]
) -> Iterator[Unassigned]:
    """Yield what meters counted for nobody at the ends of a month that no reading meets."""
    every = list(meters)
    last = _last_readings(scope, [rows for rows, borders in every if _ends_nowhere(rows, borders)])
    for rows, borders in every:
        ends = list(borders.values())
        for begin, end in pairwise(ends):
            if is_served(rows, begin, end) or (begin.chosen and end.chosen):
                continue
            closing = end.chosen
            if closing is None and end is ends[-1]:
                closing = last.get(MeterService(rows.meter, rows.service))
            opening = begin.chosen
            if opening is None and closing is not None and begin is ends[0]:
                opening = _stated_earlier(scope, rows)
            if opening is not None and closing is not None and opening.ts < closing.ts:
                found = unassigned_between(rows, begin.at, opening, closing)
                if found.quantity > 0:
                    yield found


def _ends_nowhere(rows: MeterRows, borders: Borders) -> bool:
    """Say whether a meter serves nobody at the end of a month, and was not read there."""
    *_, begin, end = borders.values()
    return end.chosen is None and not is_served(rows, begin, end)


def _last_readings(
    scope: SocietyMonth, meters: Iterable[MeterRows]
) -> dict[MeterService, Register]:
    """Return the last reading of each meter in the month since it serves nobody."""
    windows: dict[MeterService, list[Window]] = {}
    exponents: dict[int, int] = {}
    for rows in meters:
        since = rows.cuts[-2].at
        for each in rows.channels:
            exponent = billing_exponent(rows.service, each.unit, each.scaler)
            if exponent is not None:
                exponents[each.channel_id] = exponent
                window = Window(each.channel_id, since + MICROSECOND, scope.month.end)
                windows.setdefault(MeterService(rows.meter, rows.service), []).append(window)
    if not windows:
        return {}
    every = [window for own in windows.values() for window in own]
    read = boundary_readings(scope.conn, last_in=every, exponents=exponents)
    found: dict[MeterService, Register] = {}
    for meter, own in windows.items():
        readings = [each for window in own for each in read.get(window.channel_id, ())]
        if readings:
            found[meter] = max(readings, key=lambda each: (each.ts, -each.exponent))
    return found


def _stated_earlier(scope: SocietyMonth, rows: MeterRows) -> Register | None:
    """Return the last reading that the closed months right before state of a meter."""
    for month in months_back(scope.month, scope.zone, MONTHS_LOOKED_BACK):
        if not is_closed(scope.conn, scope.society_id, str(month)):
            return None
        told = stated_in(scope.conn, scope.society_id, month)
        end = told.get(MeterService(rows.meter, rows.service))
        if end is not None:
            at, value, origin = end.reading.at, end.reading.register_value, end.reading.origin
            return register_at(rows.known, at, value, origin)
    return None
