# SPDX-License-Identifier: MIT
"""The record of unit management as one document, which the API and the broker's topic bring.

Its meters are lines as a CSV file has them, counted from 1 on. Where it gives its towers, units or
common areas, a meter of another one is an orphan.

In: a `UnitList`. Out: its lines by number, or every bad one. Pure.
"""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from zoneinfo import ZoneInfo

from cloud_ingest.core.unit_list import Line, read_line, refuse
from shared_schema.units import ListedMeter, MeterServes, UnitList

_Where = tuple[str | None, str]
"""A tower and a label."""


def lines_of(listed: UnitList, zone: ZoneInfo) -> dict[int, Line]:
    """Return the lines of a document by their numbers.

    Raises:
        ImportRefused: with one text for each bad line.
    """
    found: dict[int, Line] = {}
    bad: list[str] = []
    places = _places(listed)
    for number, meter in enumerate(listed.meters, 1):
        try:
            found[number] = read_line(_fields(meter), zone)
        except ValueError as error:
            bad.append(f"line {number}: {error}")
        bad += [f"line {number}: {fault}" for fault in _orphan(meter, listed, places)]
    refuse(bad)
    return found


def _fields(meter: ListedMeter) -> Mapping[str, str]:
    return {name: _text(value) for name, value in meter.model_dump().items()}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case tuple():
            return " ".join(map(str, value)) or "none"
        case _:
            return str(value)


def _orphan(
    meter: ListedMeter, listed: UnitList, places: Mapping[MeterServes, Collection[_Where]]
) -> Iterator[str]:
    if listed.towers is not None and meter.tower not in {None, *listed.towers}:
        yield f"tower {meter.tower!r} is none of the {len(listed.towers)} towers of the list"
    own = places.get(meter.subject_type)
    if own is not None and (meter.tower, meter.subject) not in own:
        where = f" in {meter.tower}" if meter.tower else ""
        yield f"{meter.subject}{where} is none of the list's {meter.subject_type}s"


def _places(listed: UnitList) -> dict[MeterServes, Collection[_Where]]:
    """Return where the units and common areas stand, as far as a list says so."""
    said = {MeterServes.UNIT: listed.units, MeterServes.COMMON: listed.commons}
    return {
        kind: {(each.tower, each.label) for each in places}
        for kind, places in said.items()
        if places is not None
    }
