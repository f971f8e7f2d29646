# SPDX-License-Identifier: MIT
"""Where a number comes from: the first lines of an explanation are the answer."""

from dataclasses import replace
from decimal import Decimal

from cloud_ingest.cli.explain_answer import answer_lines
from cloud_ingest.month.explanation import BilledMeter, Explanation
from shared_schema.billing import BoundaryReading, NumberStatus
from shared_schema.quality import Origin, Quality, Reason
from tests.support.explained import END, METER, START, border, explained, meter, read, shown
from tests.support.store import ZONE


def told(found: Explanation) -> list[str]:
    lines = list(answer_lines(found, ZONE))
    assert max(map(len, lines)) <= 80
    return lines


def billed(closing: str, used: str, source: str = "grid") -> BilledMeter:
    opening = BoundaryReading(at=START, register_value=Decimal(12345), origin=Origin.METER)
    ends = BoundaryReading(at=END, register_value=Decimal(closing), origin=Origin.SELF_READ)
    return BilledMeter(METER, source, opening, ends, Decimal(used))


def test_a_number_is_its_closing_less_its_opening_register() -> None:
    found = replace(explained(number=shown()), billed=(billed("12374.760", "29.760"),))
    assert told(found) == [
        "A-1 electricity, January 2026: 29.760 kWh",
        "",
        "    end    12374.760 kWh  1 Feb 00:00, read from the dial by a person",
        "  - start  12345 kWh  1 Jan 00:00, from the meter".replace("12345 ", "    12345 "),
        "  = used      29.760 kWh",
    ]


def test_a_provisional_number_says_so_at_once() -> None:
    first, *_ = told(explained(number=shown(status=NumberStatus.PROVISIONAL)))
    assert first == "A-1 electricity, January 2026: 29.760 kWh, provisional"


def test_what_began_anew_is_a_line_of_the_sum() -> None:
    found = replace(explained(number=shown()), billed=(billed("4.760", "87659.760"),))
    assert told(found)[-2:] == ["  + began anew  100000.000 kWh", "  = used         87659.760 kWh"]


def test_two_meters_stand_below_each_other() -> None:
    two = tuple(billed("12374.760", "29.760", source) for source in ("inlet-1", "inlet-2"))
    lines = told(replace(explained(number=shown()), billed=two))
    assert [line for line in lines if line.endswith(":")] == ["LNT 1, inlet-1:", "LNT 1, inlet-2:"]


def test_a_withheld_number_says_why_and_what_is_not_read() -> None:
    number = replace(shown(), state="withheld", quantity=None, version=None)
    number = replace(number, quality=Quality.MISSING, reasons=(Reason.NO_CLOSING,))
    lines = told(explained(meter(border(END, None), None), number=number))
    assert lines[0] == ("A-1 electricity, January 2026: withheld: no reading stands for the end")
    assert lines[2].split() == ["end", "not", "read"]


def test_an_open_month_has_its_number_so_far() -> None:
    first, *_ = told(explained(meter(border(END, read("12374.760")))))
    assert first == "A-1 electricity, January 2026: 29.760 kWh so far; the month is not closed"
