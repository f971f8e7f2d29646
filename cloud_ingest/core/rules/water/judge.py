# SPDX-License-Identifier: MIT
"""The door of the water rules: readings in, events out.

Each reading is taken in once, in the order of time. What comes out depends on the readings
alone, never on how they were grouped into calls, nor on when they came: a replay of files and the
evaluation of what arrives are the same function.
"""

from collections.abc import Iterable, Sequence

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.events import settle
from cloud_ingest.core.rules.water.hours import LAST_RAW, LAST_S
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State


def advance(
    state: State, readings: Sequence[tuple[int, int]], meter: WaterMeter, point: Point
) -> list[Episode]:
    """Take in the readings that are later than the newest known one.

    Args:
        state: What is remembered of this meter; it is changed.
        readings: (seconds since 1970, raw register), ascending in time. What is not later than
            `state.newest_s` is passed over.
        meter: The parameters of the meter.
        point: The operating point.

    Returns:
        The events that were raised, updated or cleared, in this order of time: an event that
        runs is told again with each hour; see `as_they_stand`.
    """
    litres_per_count = float(meter.litres_per_count)
    most_l_per_h = meter.most_l_per_h
    newest_s = state.newest_s or 0
    told: list[Episode] = []
    for reading in readings:
        ts, raw = reading
        if not (newest_s < ts <= LAST_S and 0 <= raw <= LAST_RAW):
            continue
        state.newest_s = newest_s = ts
        for hour in state.cutter.take(reading, litres_per_count, most_l_per_h):
            supplied = state.with_supply(meter, hour)
            verdict = state.memory_for(supplied).take(hour, supplied, point)
            told += settle(state.events, verdict, hour)
    return told


def as_they_stand(told: Iterable[Episode]) -> list[Episode]:
    """Return each event once, as it was told last, in the order in which they were raised."""
    return list({each.raised_s: each for each in told}.values())
