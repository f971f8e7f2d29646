# SPDX-License-Identifier: GPL-2.0-only
"""The commissioning sheet: which meter may go into service, and what the page shows."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.exchange import Traffic
from edge_agent.install.examination import Examination, LineCount, Trouble
from edge_agent.install.meter_list import ListedMeter, parse_list
from edge_agent.install.sheet import Entry, judge
from edge_agent.install.sheet_page import html
from edge_agent.install.shown import ShownProfile
from edge_agent.poll.finding import FindingKind, finding
from shared_schema.message import MeterId
from shared_schema.obis import Obis
from shared_schema.text import label_fault
from tests.unit.edge_agent.install.samples import AT, examined, module, sheet

_TEXTS = st.text(min_size=1, max_size=60).filter(str.isprintable)


@pytest.mark.parametrize(
    ("found", "level", "reason"),
    [
        (examined(), "green", ""),
        (None, "red", "did not answer"),
        (examined(meter=None), "red", "no register"),
        (examined(registers=()), "red", "no register"),
        (examined(clock_offset_s=None), "amber", "no valid time"),
        (examined(clock_offset_s=-61.0), "amber", "-61 s off"),
        (examined(troubles=(Trouble("reading", "lost", "try"),)), "amber", "lost"),
        (
            examined(line=LineCount([Traffic(exchanges=98, resends=2)])),
            "amber",
            "20.0 errors in 1000 frames",
        ),
        (examined(line=LineCount([Traffic(exchanges=995, resends=5)])), "green", ""),
    ],
)
def test_verdicts(found: Examination | None, level: str, reason: str) -> None:
    verdict = judge(ListedMeter("A-1", 17), found)
    assert verdict.level == level
    assert reason in " ".join(verdict.reasons)
    assert bool(verdict.reasons) == (level != "green")


def test_a_clock_found_wrong_is_told_once() -> None:
    clock_off = finding(FindingKind.CLOCK_OFF)
    trouble = Trouble("reading", "off", "try", finding=clock_off)
    found = examined(clock_offset_s=499.0, troubles=(trouble,))
    assert judge(ListedMeter("A-1", 17), found).reasons == ("off",)


def test_a_machine_without_time_judges_no_clock() -> None:
    entry = Entry(ListedMeter("A-1", 17), examined(), is_time_known=False)
    assert entry.verdict.level == "amber"
    assert entry.verdict.reasons == (
        "its clock cannot be judged: this machine's own is not synchronised",
    )
    far_off = Entry(ListedMeter("A-1", 17), examined(clock_offset_s=900.0), is_time_known=False)
    assert far_off.verdict.reasons == entry.verdict.reasons
    written = sheet(Entry(ListedMeter("A-1", 17), examined()))
    assert written.is_green
    unsure = replace(written, clock_synchronised=False)
    assert not unsure.is_green
    assert not unsure.document()["green"]


def test_a_meter_without_a_port_is_self_read() -> None:
    assert judge(ListedMeter("A-1", None), None).level == "self-read"
    assert sheet(Entry(ListedMeter("A-1", None))).is_green


@given(_TEXTS.filter(lambda text: label_fault(text) is None))
def test_no_text_of_a_meter_is_markup(text: str) -> None:
    page = html(sheet(Entry(ListedMeter(text, 17), examined(text))))
    empty = html(sheet(Entry(ListedMeter("", 17), examined("x"))))
    assert page.count("<") == empty.count("<")


def test_what_hides_in_a_serial_number_is_shown() -> None:
    page = html(
        sheet(
            Entry(
                ListedMeter("A-1", 17),
                examined(meter=MeterId(manufacturer="LNT", serial="12\u202e34")),
            )
        )
    )
    assert "12\\u202e34" in page


@pytest.mark.parametrize(("value", "unit"), [("2500", "L"), ("2.500", "m³")])
def test_the_sheet_shows_the_dial_beside_its_module(value: str, unit: str) -> None:
    (listed,) = parse_list("label,address,dial\nA-1 water,19,123.4567\n", "list.csv")
    assert listed.dial == Decimal("123.4567")
    entry = Entry(listed, module(value, unit), dial=listed.dial)
    assert entry.verdict.level == "green"
    written = sheet(entry)
    assert "123.4567 m³" in html(written)
    assert entry.dial_document() == {
        "at": AT.isoformat(),
        "dial_m3": "123.4567",
        "register_m3": "2.500",
    }
    assert Entry(listed, module(value, unit)).dial_document() is None


@pytest.mark.parametrize("unit", ["", "Wh", "unit 99"])
def test_a_register_in_another_unit_is_no_volume(unit: str) -> None:
    assert Entry(ListedMeter("A-1", 19), module("2500", unit)).volume is None


def test_the_sheet_names_the_seals() -> None:
    found = sheet(Entry(ListedMeter("A-1", 17, seals=("S-1", "S<2")), examined()))
    assert "'seals': ['S-1', 'S<2']" in str(found.document())
    assert "sealed S-1, S&lt;2" in html(found)


def test_a_dial_without_a_module_is_said() -> None:
    listed = ListedMeter("A-1", 17, dial=Decimal(7))
    verdict = judge(listed, examined())
    assert verdict.level == "amber"
    assert "no volume of water was read beside it" in verdict.reasons[0]


def test_every_time_on_the_page_has_its_year_and_zone() -> None:
    india = timezone(timedelta(minutes=330))
    oldest = datetime(2025, 12, 31, 23, 45, tzinfo=india)
    profile = ShownProfile(Obis.parse("1.0.99.1.0.255"), "load profile", 900, oldest, ())
    page = html(sheet(Entry(ListedMeter("A-1", 17), examined(profiles=(profile,)))))
    assert "10 March 2026, 06:37 UTC" in page
    assert "31 Dec 2025 <span class=why>23:45 UTC+05:30</span>" in page
