# SPDX-License-Identifier: MIT
"""The water rules as a whole: what comes out depends on the readings alone."""

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from tests.support.water_registers import START_S, Readings, registers

HOUR = 3600
METER = WaterMeter(litres_per_count=Decimal(1), zone=ZoneInfo("Asia/Kolkata"))


def hourly(litres: Sequence[int | None]) -> Readings:
    """Readings each hour; None: this one is missing, and nothing passed."""
    raw = 1000
    readings = [(START_S, raw)]
    for index, each in enumerate(litres, start=1):
        raw += each or 0
        if each is not None:
            readings.append((START_S + index * HOUR, raw))
    return readings


def judged(readings: Readings, point: Point = Point.CAREFUL) -> list[Episode]:
    """Return how each event stands at the end of the readings."""
    newest = {each.raised_s: each for each in advance(State(), readings, METER, point)}
    return list(newest.values())


@given(registers(), st.sampled_from(Point), st.data())
def test_grouping_of_readings_changes_nothing(
    readings: Readings, point: Point, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(readings)), max_size=4)))
    whole, state = State(), State()
    expected = advance(whole, readings, METER, point)
    told: list[Episode] = []
    for first, last in zip([0, *cuts], [*cuts, len(readings)], strict=True):
        told += advance(state, readings[first:last], METER, point)
        state = State.unpack(state.pack())
    assert told == expected
    assert state.pack() == whole.pack()


@given(st.lists(st.tuples(st.integers(), st.integers()), max_size=30), st.sampled_from(Point))
def test_no_readings_ever_raise_an_error(readings: Readings, point: Point) -> None:
    state = State()
    advance(state, readings, METER, point)
    assert len(state.pack()) <= 2000


def test_a_steady_leak_is_told_within_a_day() -> None:
    [leak] = judged(hourly([0] * 48 + [5] * 30))
    assert leak.since_s == START_S + 48 * HOUR
    assert leak.raised_s <= START_S + 72 * HOUR
    assert leak.detail["least_l_per_h"] == 5.0


def test_two_dry_hours_end_it() -> None:
    [leak] = judged(hourly([0] * 48 + [5] * 30 + [0, 0]))
    assert leak.cleared_s == START_S + 80 * HOUR


def test_the_same_leak_again_is_the_same_event() -> None:
    [leak] = judged(hourly([0] * 48 + [5] * 30 + [0] * 20 + [5] * 30))
    assert leak.cleared_s is None
