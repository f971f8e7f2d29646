# SPDX-License-Identifier: MIT
"""A unit's month as ESPI: the order, the codes and the numbers of espi.xsd (NAESB REQ.21, 4.0).

The schema itself is not among our files; the entries that this feed has were once held against it.
"""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_ingest.exports.espi import ATOM, ESPI, KINDS, MULTIPLIERS, unit_espi
from shared_schema.catalogue import Service
from shared_schema.export import MonthExport
from shared_schema.quality import ESPI_CODES, Quality
from tests.support.exported import month, number

ORDER = {
    "UsagePoint": ["ServiceCategory"],
    "LocalTimeParameters": ["dstEndRule", "dstOffset", "dstStartRule", "tzOffset"],
    "MeterReading": [],
    "ReadingType": [
        *("accumulationBehaviour", "commodity", "flowDirection", "intervalLength", "kind"),
        *("powerOfTenMultiplier", "timeAttribute", "uom"),
    ],
    "IntervalBlock": ["interval", "IntervalReading"],
    "IntervalReading": ["ReadingQuality", "timePeriod", "value"],
}
"""The children of each element, in the order of the schema."""
DAYS = {
    ("LNT", "A-1-0"): {date(2026, 10, 1): Decimal("0.4"), date(2026, 10, 3): Decimal("1.25")},
    ("LNT", "B-9-0"): {date(2026, 10, 1): Decimal(77)},
}


def own(service: Service = Service.ELECTRICITY, used: str = "173.348") -> MonthExport:
    found = month(number("A-1", service, used))
    return found.model_copy(update={"numbers": found.numbers[:1], "reconciliations": ()})


def feed(found: MonthExport) -> Element:
    return fromstring(unit_espi(found, DAYS))  # noqa: S314 - we wrote it


def name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def named(root: Element, tag: str) -> list[Element]:
    return root.findall(f".//{{{ESPI}}}{tag}")


def values(block: Element) -> list[int]:
    return [int(each.text or "") for each in block.iter(f"{{{ESPI}}}value")]


def test_children_stand_in_the_order_of_the_schema() -> None:
    for element in feed(own()).iter():
        if name(element) in ORDER:
            found = list(dict.fromkeys(name(child) for child in element))
            order = ORDER[name(element)]
            assert found == [each for each in order if each in found], name(element)


def test_each_entry_is_an_entry_of_atom() -> None:
    root = feed(own())
    entries = root.findall(f"{{{ATOM}}}entry")
    for entry in entries:
        assert [name(child) for child in entry][:3] == ["id", "title", "updated"]
        (content,) = entry.findall(f"{{{ATOM}}}content")
        assert len(content) == 1
        assert content[0].tag.startswith(f"{{{ESPI}}}")
    ids = [entry.findtext(f"{{{ATOM}}}id") for entry in entries]
    assert len(set(ids)) == len(ids)


def test_related_links_lead_somewhere() -> None:
    links = {(each.get("rel"), each.get("href")) for each in feed(own()).iter(f"{{{ATOM}}}link")}
    places = {href for _, href in links} - {""}
    related = {href for rel, href in links if rel == "related"}
    assert related <= places
    for href in related:
        assert ("self", href) in links or ("up", href) in links


@pytest.mark.parametrize(
    ("service", "codes"),
    [(Service.ELECTRICITY, ("0", "1", "12", "72")), (Service.WATER, ("2", "9", "58", "42"))],
)
def test_a_service_has_its_commodity_and_unit(service: Service, codes: tuple[str, ...]) -> None:
    root = feed(own(service))
    (category,) = named(root, "ServiceCategory")
    first, *_ = named(root, "ReadingType")
    told = [
        category[0].text,
        *(first.findtext(f"{{{ESPI}}}{each}") for each in ("commodity", "kind", "uom")),
    ]
    assert tuple(told) == codes


def test_registers_use_and_days_are_three_readings() -> None:
    registers, used, days = named(feed(own()), "IntervalBlock")
    assert values(registers) == [12345678, 12519026]
    assert values(used) == [173348]
    assert values(days) == [400, 1250]
    assert [each.text for each in used.iter(f"{{{ESPI}}}quality")] == [
        str(ESPI_CODES[Quality.SELF_READ])
    ]
    starts = [int(e.text or "") for e in days.iter(f"{{{ESPI}}}start")][1:]
    assert [later - earlier for earlier, later in pairwise(starts)] == [2 * 86400]


def test_nothing_of_another_unit_is_in_it() -> None:
    text = unit_espi(own(), DAYS).decode()
    assert "B-9" not in text
    assert "77" not in [each.text for each in named(feed(own()), "value")]


@given(st.decimals(0, 10**6, places=6))
@settings(max_examples=50)
def test_no_digit_of_a_quantity_is_lost(used: Decimal) -> None:
    root = feed(own(Service.WATER, f"{used:f}"))
    kind, block = named(root, "ReadingType")[1], named(root, "IntervalBlock")[1]
    power = int(kind.findtext(f"{{{ESPI}}}powerOfTenMultiplier") or "")
    assert power in MULTIPLIERS
    (value,) = values(block)
    assert Decimal(value).scaleb(power) == used.scaleb(KINDS[Service.WATER].exponent)


def test_a_text_that_xml_cannot_hold_is_its_code() -> None:
    found = month(number("A\ufffe<&")).model_copy(update={"reconciliations": ()})
    title = feed(found).findtext(f"{{{ATOM}}}title") or ""
    assert "A\\ufffe<&" in title


def test_a_zone_whose_clocks_change_is_left_out() -> None:
    found = own().model_copy(update={"zone": "Europe/Paris"})
    assert named(feed(found), "LocalTimeParameters") == []
    assert named(feed(own()), "tzOffset")[0].text == "19800"
