# SPDX-License-Identifier: MIT
"""What one hour says for a leak, or against it."""

import pytest

from cloud_ingest.core.rules.water.hypotheses import (
    REFILL,
    STEADY,
    floor_evidence,
    refill_evidence,
    strong_evidence,
)
from cloud_ingest.core.rules.water.use import Use, bin_of

NIGHT, EVENING = 3, 20
FIVE = next(band for band in STEADY if band[0] <= bin_of(5) <= band[1])
FOUR = next(band for band in REFILL if band[0] == bin_of(4))


def said(hour_of_day: int, litres: float, before: float) -> int:
    """Return the evidence of an hour for a steady leak of about 5 L/h."""
    use, earlier = Use(), bin_of(before)
    dry = use.dry_shares(hour_of_day)[earlier > FIVE[1]]
    return floor_evidence(FIVE, bin_of(litres), use.shares(hour_of_day, earlier), dry)


def test_the_floor_in_the_night_weighs_most() -> None:
    assert said(NIGHT, 5, before=5) > said(EVENING, 5, before=5) > 500


def test_plain_use_weighs_next_to_nothing() -> None:
    assert abs(said(EVENING, 80, before=60)) < 500


def test_no_hour_weighs_more_than_its_bound() -> None:
    hours = range(24)
    assert all(-3000 <= said(h, x, y) <= 2500 for h in hours for x in (5, 300) for y in (0, 300))


@pytest.mark.parametrize(("litres", "after_none"), [(4.0, True), (4.0, False), (9.0, True)])
def test_a_refill_in_the_night_speaks_for_one(litres: float, *, after_none: bool) -> None:
    use, before = Use(), 0 if after_none else bin_of(4)
    dry = use.dry_shares(NIGHT)[0]
    shares = use.shares(NIGHT, before)
    assert refill_evidence(FOUR, bin_of(litres), shares, dry, after_none=after_none) > 0


def test_a_dry_hour_speaks_against_a_refill() -> None:
    use = Use()
    dry, shares = use.dry_shares(NIGHT)[0], use.shares(NIGHT, bin_of(4))
    after_one = refill_evidence(FOUR, 0, shares, dry, after_none=False)
    after_none = refill_evidence(FOUR, 0, use.shares(NIGHT, 0), dry, after_none=True)
    assert after_none < after_one < 0


def test_strong_flow_is_rarer_in_the_night() -> None:
    night, evening = Use().shares(NIGHT, None), Use().shares(EVENING, None)
    assert strong_evidence(200, night) > strong_evidence(200, evening) > 0
    assert strong_evidence(200, evening) > strong_evidence(100, evening)
