# SPDX-License-Identifier: MIT
"""Registers of water meters: of any rhythm, with gaps, falls and leaks, in any groups."""

from itertools import accumulate

from hypothesis import strategies as st

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State

START_S = 1_700_000_000
Readings = list[tuple[int, int]]


@st.composite
def registers(draw: st.DrawFn) -> Readings:
    """Readings of any rhythm, with gaps, falls and leaks."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from([1, 60, 900, 2400, 3599, 3600, 3601, 7200, 30_000, 100_000]),
                st.sampled_from([-5000, 0, 0, 1, 4, 5, 6, 90, 200, 100_000]),
                st.integers(1, 40),
            ),
            max_size=12,
        )
    )
    flat = [(gap_s, litres) for gap_s, litres, times in steps for _ in range(times)]
    times = accumulate((gap_s for gap_s, _ in flat), initial=START_S)
    raws = accumulate((litres for _, litres in flat), initial=10_000)
    return [(ts, max(raw, 0)) for ts, raw in zip(times, raws, strict=True)]


def assert_grouping_changes_nothing(
    readings: Readings, meter: WaterMeter, point: Point, data: st.DataObject
) -> None:
    """Judge readings in any groups, the state packed between two, and all of them at once."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(readings)), max_size=4)))
    whole, state = State(), State()
    expected = advance(whole, readings, meter, point)
    told: list[Episode] = []
    for first, last in zip([0, *cuts], [*cuts, len(readings)], strict=True):
        told += advance(state, readings[first:last], meter, point)
        state = State.unpack(state.pack())
    assert told == expected
    assert state.pack() == whole.pack()
