# SPDX-License-Identifier: MIT
"""A replay is the production rule, whatever the order of a file's rows."""

from array import array
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.replay.rows import MeterRows
from cloud_ingest.replay.run import counted, events, readings

UTC = ZoneInfo("UTC")
HOUR_S = 3600
START_S = 1_460_000_000 // HOUR_S * HOUR_S
METER = WaterMeter(Decimal(1), UTC)


def leaking(days: int = 12) -> MeterRows:
    """A flat that is dry at night, until water runs for five days."""
    rows, ml = MeterRows("A"), 1_000_400
    for hour in range(24 * days):
        leaks = 4 * 24 <= hour < 9 * 24
        ml += 40_000 * (hour % 24 in {7, 19}) + 9000 * leaks
        rows.clock_s.append(START_S + hour * HOUR_S)
        rows.register_ml.append(ml)
    return rows


def fed_row_by_row(rows: MeterRows) -> list[Episode]:
    state, told = State(), dict[int, Episode]()
    for reading in counted(readings(rows, UTC), METER):
        for each in advance(state, [reading], METER, Point.CAREFUL):
            told[each.raised_s] = each
        state = State.unpack(state.pack())
    return list(told.values())


def test_a_replay_is_the_rule_fed_row_by_row() -> None:
    rows = leaking()
    found = events(readings(rows, UTC), METER, Point.CAREFUL)
    assert found == fed_row_by_row(rows)
    assert [each.severity for each in found] == ["alarm"]
    assert found[0].cleared_s is not None


def test_rows_in_another_order_are_sorted() -> None:
    rows = leaking()
    turned = MeterRows("A", array("q", rows.clock_s[::-1]), array("q", rows.register_ml[::-1]))
    assert readings(turned, UTC) == readings(rows, UTC)


def test_a_clock_set_back_an_hour_keeps_its_order() -> None:
    rows = MeterRows("A", array("q", [START_S, START_S - HOUR_S]), array("q", [1, 2]))
    assert readings(rows, UTC) == [(START_S, 1), (START_S - HOUR_S, 2)]


@pytest.mark.parametrize(("step", "counts"), [("1", 1999), ("10", 199), ("0.1", 19999)])
def test_a_finer_register_is_cut_to_its_step(step: str, counts: int) -> None:
    meter = WaterMeter(Decimal(step), UTC)
    assert counted([(START_S, 1_999_999)], meter) == [(START_S, counts)]
