# SPDX-License-Identifier: MIT
"""A unit's own month as ESPI (Green Button): an Atom feed that other programs of energy data read.

Of each meter the feed has its registers at both ends of the month, the month's use, and the use of
each day that is known; a day that is not known is left out. Values are whole numbers with a power
of ten, so that no digit is lost; each has its quality. Nothing in it is of any other unit.

Source: NAESB REQ.21 ESPI, version 4.0 (2023), ``espi.xsd`` of the Green Button Alliance under
Apache-2.0; RFC 4287 (Atom). In: a month with one subject, its days. Out: XML. Pure.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, midnight
from cloud_ingest.exports.formats import Days
from shared_schema.catalogue import Service
from shared_schema.export import ExportedMeter, ExportedNumber, MonthExport
from shared_schema.message import format_utc
from shared_schema.quality import ESPI_CODES, Origin, Quality

ATOM: Final = "http://www.w3.org/2005/Atom"
ESPI: Final = "http://naesb.org/espi"
ELECTRICITY_KIND, WATER_KIND = 0, 2
"""Of ``ServiceKind``."""
ENERGY, VOLUME = 12, 58
"""Of ``MeasurementKind``."""
WATT_HOURS, CUBIC_METRES = 72, 42
"""Of ``UnitSymbolKind``."""
BULK_QUANTITY, DELTA_DATA = 1, 4
"""Of ``AccumulationKind``: a register, and what was used in a time."""
FORWARD: Final = 1
"""Of ``FlowDirectionKind``: delivered to the unit."""
BILLING_PERIOD, DAILY = 8, 11
"""Of ``TimePeriodOfInterest``."""
MULTIPLIERS: Final = (0, -1, -2, -3, -6, -9, -12)
"""Of ``UnitMultiplierKind``, those up to one, the largest first."""
NO_DST: Final = "FFFFFFFF"
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ORIGIN_QUALITIES: Final = {
    Origin.EDIT: Quality.EDITED,
    Origin.METER: Quality.VALIDATED,
    Origin.SELF_READ: Quality.SELF_READ,
    Origin.IMPORTED: Quality.RAW,
    Origin.ESTIMATE: Quality.ESTIMATED,
}


class _Kind(NamedTuple):
    service: int
    commodity: int
    measurement: int
    uom: int
    exponent: int
    """Of kWh or kL in the unit of measure."""


KINDS: Final = {
    Service.ELECTRICITY: _Kind(ELECTRICITY_KIND, 1, ENERGY, WATT_HOURS, 3),
    Service.WATER: _Kind(WATER_KIND, 9, VOLUME, CUBIC_METRES, 0),
}
"""By service; its commodity is electricity at the meter, and drinkable water."""


class _Value(NamedTuple):
    """One value of a reading, in kWh or kL."""

    start: datetime
    duration: timedelta
    value: Decimal
    quality: Quality


class _Reading(NamedTuple):
    """The values of one kind that a meter has."""

    title: str
    behaviour: int
    """Of ``AccumulationKind``."""
    period: int
    """Of ``TimePeriodOfInterest``."""
    values: Sequence[_Value]


def unit_espi(found: MonthExport, days: Days) -> bytes:
    """Write a month that has one subject's numbers alone.

    Args:
        found: The month.
        days: What its meters counted by day.
    """
    register_namespace("", ATOM)
    register_namespace("espi", ESPI)
    feed: bytes = tostring(_Feed(found, days).element(), encoding="utf-8", xml_declaration=True)
    return feed


class _Feed:
    """Writes one feed."""

    def __init__(self, found: MonthExport, days: Days) -> None:
        self._found = found
        self._days = days
        self._zone = ZoneInfo(found.zone)
        self._feed = Element(f"{{{ATOM}}}feed")

    def element(self) -> Element:
        """Return the feed."""
        found = self._found
        label = found.numbers[0].subject.id
        self._head(self._feed, f"{found.society}, {label}, {found.month}", label)
        author = SubElement(self._feed, f"{{{ATOM}}}author")
        _put(author, ATOM, "name", found.society)
        time = self._time_parameters()
        meters = [(number, part) for number in found.numbers for part in number.meters]
        for place, (number, part) in enumerate(meters, 1):
            self._usage_point(f"UsagePoint/{place}", number, part, time)
        return self._feed

    def _head(self, element: Element, title: str, where: str) -> None:
        """Write what Atom wants of a feed and of each entry."""
        found = self._found
        own = f"{found.society}/{found.month}/{found.numbers[0].subject.id}/{where}"
        _put(element, ATOM, "id", f"urn:uuid:{uuid5(NAMESPACE_URL, own)}")
        _put(element, ATOM, "title", title)
        _put(element, ATOM, "updated", format_utc(found.closed_at))

    def _entry(self, where: str, title: str, related: Iterable[str] = ()) -> Element:
        """Write an entry and return its content."""
        entry = SubElement(self._feed, f"{{{ATOM}}}entry")
        self._head(entry, title, where)
        links = [("self", where), ("up", where.rpartition("/")[0])]
        for relation, target in [*links, *(("related", each) for each in related)]:
            SubElement(entry, f"{{{ATOM}}}link", {"rel": relation, "href": target})
        return SubElement(entry, f"{{{ATOM}}}content", {"type": "application/xml"})

    def _time_parameters(self) -> Sequence[str]:
        """Write the zone, if its clocks never change; return where it is."""
        year = int(self._found.month[:4])
        firsts = [datetime(year, month, 1, tzinfo=self._zone) for month in range(1, 13)]
        offsets = {first.utcoffset() or timedelta() for first in firsts}
        if len(offsets) > 1:
            return ()
        where = "LocalTimeParameters/1"
        content = self._entry(where, self._found.zone)
        told = SubElement(content, f"{{{ESPI}}}LocalTimeParameters")
        _put(told, ESPI, "dstEndRule", NO_DST)
        _put(told, ESPI, "dstOffset", 0)
        _put(told, ESPI, "dstStartRule", NO_DST)
        _put(told, ESPI, "tzOffset", int(offsets.pop().total_seconds()))
        return (where,)

    def _usage_point(
        self, where: str, number: ExportedNumber, part: ExportedMeter, time: Iterable[str]
    ) -> None:
        title = f"{number.subject.id} {number.service.value}, {part.source}"
        content = self._entry(where, title, [f"{where}/MeterReading", *time])
        told = SubElement(content, f"{{{ESPI}}}UsagePoint")
        category = SubElement(told, f"{{{ESPI}}}ServiceCategory")
        _put(category, ESPI, "kind", KINDS[number.service].service)
        readings = (
            _Reading("Register", BULK_QUANTITY, 0, _registers(part)),
            _Reading("Use of the month", DELTA_DATA, BILLING_PERIOD, [_use(number, part)]),
            _Reading("Use of each day", DELTA_DATA, DAILY, self._daily(part)),
        )
        for count, reading in enumerate((each for each in readings if each.values), 1):
            self._reading(f"{where}/MeterReading/{count}", KINDS[number.service], reading)

    def _daily(self, part: ExportedMeter) -> list[_Value]:
        known = self._days.get((part.meter.manufacturer, part.meter.serial), {})
        found: list[_Value] = []
        for day, used in sorted(known.items()):
            start, end = midnight(day, self._zone), midnight(day + DAY, self._zone)
            found.append(_Value(start, end - start, used, Quality.VALIDATED))
        return found

    def _reading(self, where: str, kind: _Kind, reading: _Reading) -> None:
        """Write a meter reading, its type, and its values."""
        type_at = f"ReadingType/{where.replace('/', '-')}"
        content = self._entry(where, reading.title, [type_at, f"{where}/IntervalBlock"])
        SubElement(content, f"{{{ESPI}}}MeterReading")
        values = reading.values
        power = _power([each.value for each in values], kind.exponent)
        content = self._entry(type_at, reading.title)
        told = SubElement(content, f"{{{ESPI}}}ReadingType")
        for name, value in (
            ("accumulationBehaviour", reading.behaviour),
            ("commodity", kind.commodity),
            ("flowDirection", FORWARD),
            ("intervalLength", int(values[0].duration.total_seconds())),
            ("kind", kind.measurement),
            ("powerOfTenMultiplier", power),
            ("timeAttribute", reading.period),
            ("uom", kind.uom),
        ):
            _put(told, ESPI, name, value)
        content = self._entry(f"{where}/IntervalBlock/1", reading.title)
        block = SubElement(content, f"{{{ESPI}}}IntervalBlock")
        end = values[-1].start + values[-1].duration
        _period(block, "interval", values[0].start, end - values[0].start)
        for each in values:
            row = SubElement(block, f"{{{ESPI}}}IntervalReading")
            code = ESPI_CODES[each.quality]
            if code is not None:
                quality = SubElement(row, f"{{{ESPI}}}ReadingQuality")
                _put(quality, ESPI, "quality", code)
            _period(row, "timePeriod", each.start, each.duration)
            _put(row, ESPI, "value", int(each.value.scaleb(kind.exponent - power)))


def _registers(part: ExportedMeter) -> list[_Value]:
    return [
        _Value(each.at, timedelta(), each.register_value, ORIGIN_QUALITIES[each.origin])
        for each in (part.opening, part.closing)
    ]


def _use(number: ExportedNumber, part: ExportedMeter) -> _Value:
    start, end = part.opening.at, part.closing.at
    return _Value(start, end - start, part.quantity, number.quality)


def _power(values: Iterable[Decimal], exponent: int) -> int:
    """Return the largest power of ten, at most 0, with which every value is a whole number."""
    least = min(
        found + exponent
        for each in values
        for found in (each.normalize().as_tuple().exponent if each else 0,)
        if isinstance(found, int)
    )
    return next((power for power in MULTIPLIERS if power <= least), MULTIPLIERS[-1])


def _period(element: Element, name: str, start: datetime, duration: timedelta) -> None:
    told = SubElement(element, f"{{{ESPI}}}{name}")
    _put(told, ESPI, "duration", int(duration.total_seconds()))
    _put(told, ESPI, "start", int(start.timestamp()))


def _put(element: Element, space: str, name: str, value: str | int) -> None:
    """Write a text that XML can hold; what it cannot is written as its code."""
    SubElement(element, f"{{{space}}}{name}").text = _NO_XML.sub(
        lambda found: f"\\u{ord(found[0]):04x}", str(value)
    )
