# SPDX-License-Identifier: MIT
"""A file's registers put through the production rules, one meter after the other.

In: rows of a meter. Out: its events, each as it stands at the end. Never: a rule of its own; what
judges is `core.rules.water.judge.advance`, as when readings arrive. Pure.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median_low
from zoneinfo import ZoneInfo

from cloud_ingest.core.rules.water.episode import Episode
from cloud_ingest.core.rules.water.judge import advance, as_they_stand
from cloud_ingest.core.rules.water.meter import WaterMeter
from cloud_ingest.core.rules.water.points import Point
from cloud_ingest.core.rules.water.state import State
from cloud_ingest.replay.file_clock import in_order, since_1970
from cloud_ingest.replay.rows import ML, MeterRows


def readings(rows: MeterRows, zone: ZoneInfo) -> list[tuple[int, int]]:
    """Return a meter's readings: (seconds since 1970, millilitres).

    Gaps and repeats stay, and a clock that was set back; rows in no order of time are sorted.
    """
    found = zip(since_1970(rows.clock_s, zone), rows.register_ml, strict=True)
    return list(found) if in_order(rows.clock_s) else sorted(found)


def usual_interval_s(meters: Iterable[MeterRows]) -> int:
    """Return how far apart readings are for the most part; 0 where no meter has two."""
    gaps = [
        median_low(later - earlier for earlier, later in pairwise(times))
        for rows in meters
        if len(times := sorted(set(rows.clock_s))) > 1
    ]
    return median_low(gaps) if gaps else 0


def counted(of_meter: Iterable[tuple[int, int]], meter: WaterMeter) -> list[tuple[int, int]]:
    """Return readings as the meter's register shows them: cut to whole counts."""
    step_ml = int(meter.litres_per_count * ML)
    return [(moment_s, register_ml // step_ml) for moment_s, register_ml in of_meter]


def events(of_meter: Sequence[tuple[int, int]], meter: WaterMeter, point: Point) -> list[Episode]:
    """Return the events of a meter, in the order in which they were raised."""
    return as_they_stand(advance(State(), counted(of_meter, meter), meter, point))
