# SPDX-License-Identifier: GPL-2.0-only
"""An examination: how errors count, and which registers can be billed."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hdlc import Drop
from edge_agent.install.examination import LineCount
from edge_agent.install.examine import unbilled, unread
from edge_agent.install.shown import ShownValue
from edge_agent.meters.model import load
from edge_agent.poll.finding import FindingKind, finding
from shared_schema.catalogue import ACTIVE_IMPORT, ACTIVE_IMPORT_INTERVAL, WATER_VOLUME
from shared_schema.obis import Obis


def test_errors_of_a_line_over_all_sessions() -> None:
    one, two = Traffic(exchanges=100, resends=1), Traffic(exchanges=99)
    one.dropped[Drop.BAD_FCS] += 2
    one.dropped[Drop.ECHO] += 100
    two.dropped[Drop.TRUNCATED] += 1
    two.dropped[Drop.NOISE] += 7
    line = LineCount([one, two])
    assert (line.frames, line.errors, line.errors_per_1000) == (200, 3, 15.0)
    assert line.document()["damaged"] == {"bad_fcs": 2, "truncated": 1}
    assert LineCount().errors_per_1000 is None


@pytest.mark.parametrize(
    ("obis", "unit", "said"),
    [
        (WATER_VOLUME, "L", ""),
        (WATER_VOLUME, "m³", ""),
        (ACTIVE_IMPORT, "Wh", ""),
        (ACTIVE_IMPORT_INTERVAL, "", ""),
        (WATER_VOLUME, "", "says no unit: it counts pulses"),
        (WATER_VOLUME, "Wh", "is in Wh and not billed"),
        (ACTIVE_IMPORT, "", "says no unit"),
        (ACTIVE_IMPORT, "unit 99", "is in unit 99 and not billed"),
    ],
)
def test_a_billed_register_needs_a_billed_unit(obis: Obis, unit: str, said: str) -> None:
    found = unbilled((ShownValue(obis, "x", Decimal(5), unit),))
    assert [said in each.said and bool(each.advice) for each in found] == [True] * bool(said)


VOLTS = ShownValue(Obis.parse("1.0.12.7.0.255"), "voltage", Decimal(230), "V")


def test_a_meter_without_a_billed_register_is_told() -> None:
    (said,) = unread(load("generic"), (VOLTS,), ())
    assert said.kind is FindingKind.NOTHING_BILLED
    assert said.said.endswith("gives no 1.0.1.8.0.255 or 8.0.1.0.0.255")


def test_a_billed_register_that_a_finding_explains_is_told_once() -> None:
    null = finding(FindingKind.NO_VALUE, "A-1", obis=ACTIVE_IMPORT)
    assert not list(unread(load("generic"), (VOLTS,), (null,)))


@pytest.mark.parametrize(
    ("raw", "scaler", "said"),
    [
        (-1, 0, "is -1 Wh, which no dial shows"),
        (4189705, -128, "is 4.189705e-122 Wh, which no dial shows"),
        (4189705, 20, "e+26 Wh, which no dial shows"),
    ],
)
def test_a_number_that_no_dial_shows_is_told(raw: int, scaler: int, said: str) -> None:
    shown = ShownValue(ACTIVE_IMPORT, "x", Decimal(raw).scaleb(scaler), "Wh")
    (found,) = unbilled((shown,))
    assert found.kind is FindingKind.NOT_A_DIAL
    assert said in found.said


@given(st.integers(0, 2**63 - 1), st.integers(-9, 9))
def test_a_number_of_a_dial_is_no_trouble(raw: int, scaler: int) -> None:
    value = Decimal((0, tuple(map(int, str(raw))), scaler))
    assert not list(unbilled((ShownValue(ACTIVE_IMPORT, "x", value, "Wh"),)))
