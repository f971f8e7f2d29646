# SPDX-License-Identifier: GPL-2.0-only
"""An examination: how errors count, and which registers can be billed."""

from decimal import Decimal

import pytest

from edge_agent.dlms.exchange import Traffic
from edge_agent.dlms.hdlc import Drop
from edge_agent.install.examination import LineCount
from edge_agent.install.examine import unbilled
from edge_agent.install.shown import ShownValue
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
