# SPDX-License-Identifier: MIT
"""The hours of sound days: what is learnt of them, and what is left as noise."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.tower.hour_noise import Contrasts, HourNoise, Observed

days_of_hours = st.lists(st.floats(-500, 500), min_size=24, max_size=24)
NOTHING = [0.0] * 24


@given(days_of_hours, st.floats(-1000, 1000), st.floats(-0.49, 0))
def test_the_sum_of_a_day_says_nothing(day: list[float], level: float, opposed: float) -> None:
    contrasts = Contrasts.of([100.0] * 24, [100.0 * opposed] * 23)
    raised = [each + level for each in day]
    assert contrasts.distance(raised) == pytest.approx(contrasts.distance(day), abs=1e-3)


@given(days_of_hours)
def test_a_wilder_day_never_weighs_more(day: list[float]) -> None:
    contrasts = Contrasts.of([100.0] * 24, [-30.0] * 23)
    assert contrasts.weight([2 * each for each in day]) <= contrasts.weight(day) + 1e-9


def days_read_late(late: float) -> list[Observed]:
    """Days whose flats are read late: some of the next hour is counted in this one."""
    rng = Random(1)
    found = []
    for _ in range(28):
        bulk = [rng.uniform(0, 1000) for _ in range(24)]
        following = [*bulk[1:], bulk[-1]]
        residual = [
            rng.gauss(0, 10) - late * (after - now)
            for now, after in zip(bulk, following, strict=True)
        ]
        found.append(Observed(residual, bulk, NOTHING))
    return found


def test_late_readings_are_learnt_and_are_no_noise() -> None:
    noise = HourNoise.of(days_read_late(0.125), floor=1.0)
    assert noise.late == pytest.approx(-0.125, abs=0.02)
    assert max(noise.variances) < 300


def test_an_error_of_the_bulk_meter_is_learnt() -> None:
    sound = days_read_late(0.0)
    off = [
        Observed([r + 0.03 * b for r, b in zip(d.residual, d.bulk, strict=True)], d.bulk, NOTHING)
        for d in sound
    ]
    assert HourNoise.of(off, floor=1.0).gain == pytest.approx(0.03, abs=0.005)
