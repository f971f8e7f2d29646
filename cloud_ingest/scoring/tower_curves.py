# SPDX-License-Identifier: MIT
"""Hourly curves of real households, for simulated towers.

In: the readings of a meter. Out: whole weeks of hours without a gap. Pure.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from cloud_ingest.replay.rows import ML
from cloud_ingest.scoring.tower_sim import WEEK_H, Curve

HOUR_S: Final = 3600
LONGEST_GAP_S: Final = 30 * HOUR_S
LEAST_WEEKS: Final = 20
MOST_L_PER_H: Final = 2500
"""What a flat's meter carries for long: a register that rises faster was replaced or misread."""


def curves_of(meters: Iterable[Sequence[tuple[int, int]]]) -> list[Curve]:
    """Return the curves of meters that are known for long enough, from (seconds, millilitres)."""
    return [curve for curve in map(curve_of, meters) if curve]


def curve_of(readings: Sequence[tuple[int, int]]) -> Curve:
    """Return a household's hours; a week that is not known is another one again, or none at all."""
    if not readings:
        return ()
    begin = -(-readings[0][0] // HOUR_S)
    hours: list[float | None] = [None] * max(0, readings[-1][0] // HOUR_S - begin)
    for (before_s, before_ml), (after_s, after_ml) in pairwise(readings):
        took_s, used = after_s - before_s, (after_ml - before_ml) / ML
        if not 0 < took_s <= LONGEST_GAP_S or not 0 <= used <= MOST_L_PER_H * took_s / HOUR_S:
            continue
        for hour in range(max(begin, before_s // HOUR_S), -(-after_s // HOUR_S)):
            overlap_s = min(after_s, (hour + 1) * HOUR_S) - max(before_s, hour * HOUR_S)
            if overlap_s > 0 and hour - begin < len(hours):
                known = hours[hour - begin] or 0.0
                hours[hour - begin] = known + used * overlap_s / took_s
    weeks = [hours[start : start + WEEK_H] for start in range(0, len(hours) - WEEK_H + 1, WEEK_H)]
    whole = [[each for each in week if each is not None] for week in weeks if None not in week]
    if len(whole) < LEAST_WEEKS:
        return ()
    spare = iter(whole * len(weeks))
    return [each or 0.0 for week in weeks for each in (week if None not in week else next(spare))]
