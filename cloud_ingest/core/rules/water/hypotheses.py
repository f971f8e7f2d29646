# SPDX-License-Identifier: MIT
"""What a leak would look like: the bins of flow that each hypothesis explains, and the evidence.

A leak is a floor under uneven use. A hypothesis is a band of flow: if the leak alone runs, the
hour lies in the band; if people use water as well, above it; below it the leak is refuted. Each
hour weighs by a likelihood ratio. Over it: how often this flat is dry at this time, which is when
a leak would show its bare floor. Under it: how often this flat, with no leak, has a flow in the
band. So an hour at the floor in the night weighs much, and an hour of plain use nearly nothing.

* steady: three neighbouring bins wide, from 1.5 L/h up;
* uneven: five bins, for a cistern that refills once or twice in an hour;
* refill: three bins, and an hour below the band refutes nothing unless a second one follows.

Pure.
"""

import math
from collections.abc import Sequence

from cloud_ingest.core.rules.water.use import BINS, bin_of

Band = tuple[int, int]
"""The first and the last bin."""
STEADY: tuple[Band, ...] = tuple((first, first + 2) for first in range(2, 15))
UNEVEN: tuple[Band, ...] = tuple((first, first + 4) for first in range(3, 6))
REFILL: tuple[Band, ...] = tuple((first, first + 2) for first in range(3, 10))
REFILLS = 0.6
"""The share of hours in which a slow refill shows, after an hour with one."""
REFILLS_AFTER_NONE = 0.95
LEAST_NATS, MOST_NATS = -3.0, 2.5
MOST_BURST_NATS = 6.0
"""No single hour weighs more: people do odd things."""


def floor_evidence(band: Band, hour_bin: int, shares: Sequence[float], dry: float) -> int:
    """Return what an hour in or above a band says for a leak, in thousandths of a nat.

    Args:
        band: The bins of the hypothesis.
        hour_bin: The bin of the hour; a short hour may be below the band by its rounding.
        shares: The share of hours below each bin, if there is no leak.
        dry: The share of hours in which nobody uses water.
    """
    first, last = band
    if hour_bin <= last:
        return _nats(dry, shares[last + 1] - shares[first])
    return _nats(1.0 - dry, shares[BINS] - shares[last + 1])


def refill_evidence(
    band: Band, hour_bin: int, shares: Sequence[float], dry: float, *, after_none: bool
) -> int:
    """Return what an hour says for a slow refill; `after_none`: the one before showed none."""
    first, last = band
    refills = REFILLS_AFTER_NONE if after_none else REFILLS
    if hour_bin < first:
        return _nats(1.0 - refills, shares[first])
    if hour_bin <= last:
        return _nats(refills * dry, shares[last + 1] - shares[first])
    return _nats(refills * (1.0 - dry), shares[BINS] - shares[last + 1])


def burst_evidence(rate: float, shares: Sequence[float]) -> int:
    """Return how rare a flow of at least so many litres an hour is for the flat, for a burst."""
    return _nats(1.0, 1.0 - shares[bin_of(rate)], 0.0, MOST_BURST_NATS)


def strong_evidence(rate: float, shares: Sequence[float]) -> int:
    """Return how rare so strong a flow is for the flat at this time of day, for a run-on.

    Args:
        rate: Litres an hour, above 90.
        shares: The share of hours below each bin, whatever the hour before was.
    """
    if rate >= 170.0:
        return _nats(0.3, 1.0 - shares[BINS - 1], 0.0, 4.0)
    return _nats(0.3, 1.0 - shares[BINS - 3], 0.0, 2.0) // 2


def _nats(over: float, under: float, least: float = LEAST_NATS, most: float = MOST_NATS) -> int:
    """Return the logarithm of a likelihood ratio in thousandths of a nat, within bounds."""
    return round(1000 * max(least, min(most, math.log(over / under))))
