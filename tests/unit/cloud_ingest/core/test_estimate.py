# SPDX-License-Identifier: MIT
"""Borders that nobody read: within their bounds, ascending, and adding up to the count."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cloud_ingest.core.estimate import (
    PlacedRegister,
    place,
    use_between,
)
from cloud_ingest.core.gap import Gap, KnownRegister
from cloud_ingest.core.month import midnight, month_of
from cloud_ingest.core.placing import Interval
from cloud_ingest.core.use_pattern import Evidence
from shared_schema.billing import EstimateMethod

ZONE = ZoneInfo("Asia/Kolkata")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
WH = Decimal("0.001")
FEBRUARY, MARCH, APRIL = (month_of(2026, month, ZONE).start for month in (2, 3, 4))


def known(at: datetime, kwh: str) -> KnownRegister:
    return KnownRegister(at, Decimal(kwh))


def gap(before: KnownRegister | None, after: KnownRegister | None, step: Decimal = WH) -> Gap:
    return Gap(before, after, Decimal(72), step)


def days(first: date, *used: str) -> dict[date, Decimal]:
    return {first + n * DAY: Decimal(each) for n, each in enumerate(used)}


def one(found: tuple[PlacedRegister, ...]) -> PlacedRegister:
    (placed,) = found
    return placed


def test_time_alone_shares_a_gap() -> None:
    """By hand: 3 of 4 days lie before the border; three quarters of 8 kWh are 6."""
    across = gap(known(FEBRUARY - 3 * DAY, "100"), known(FEBRUARY + DAY, "108"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE)))
    assert (placed.counted, placed.method) == (Decimal("106.000"), EstimateMethod.LINEAR)
    assert (placed.lower, placed.upper) == (Decimal(100), Decimal(108))


def test_the_ceiling_narrows_the_bounds() -> None:
    """By hand: 72 kW for 61 minutes and a step are 73.201 kWh."""
    across = gap(known(FEBRUARY - HOUR, "0"), known(FEBRUARY + HOUR, "100"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE)))
    assert (placed.lower, placed.upper) == (Decimal("26.799"), Decimal("73.201"))


def test_good_days_share_a_gap_across_two_months() -> None:
    """By hand: 2 days of 3 kWh and 2 of 1 kWh share 4 kWh as 3 and 1."""
    across = gap(known(FEBRUARY - 2 * DAY, "100"), known(FEBRUARY + 2 * DAY, "104"))
    own = {**days(date(2026, 1, 1), "2", "3", "4"), **days(date(2026, 2, 10), "1", "1", "1")}
    placed = one(place(across, [FEBRUARY], Evidence(ZONE, own)))
    assert (placed.counted, placed.method) == (Decimal("103.000"), EstimateMethod.GOOD_DAYS)


def test_weekdays_share_a_gap_without_a_good_day() -> None:
    """By hand: each day used its weekday's number, 0 on Mondays.

    The gap begins with Friday 30 January 2026, and January's good days use 3 kWh on average: 6 for
    two days. February has none: Sunday 6, Monday to Thursday 0 to 3 are 12. Of 42 kWh a third.
    """
    first = date(2026, 1, 2)
    own = {
        first + n * DAY: Decimal((first + n * DAY).weekday())
        for n in range(28)
        if first + n * DAY < date(2026, 1, 30)
    }
    begin = midnight(date(2026, 1, 30), ZONE)
    across = gap(known(begin, "0"), known(begin + 7 * DAY, "42"))
    evidence = Evidence(ZONE, own)
    placed = one(place(across, [FEBRUARY], evidence))
    assert placed.method is EstimateMethod.WEEKDAYS
    assert placed.counted == Decimal("14.000")


def test_what_others_used_shapes_a_gap() -> None:
    """By hand: the others used 1 before the border and 3 after it."""
    across = gap(known(FEBRUARY - DAY, "0"), known(FEBRUARY + DAY, "8"))
    others = days(date(2026, 1, 31), "100", "300")
    placed = one(place(across, [FEBRUARY], Evidence(ZONE, others_days=others)))
    assert (placed.counted, placed.method) == (Decimal("2.000"), EstimateMethod.SOCIETY)


def test_the_usual_share_of_what_others_used_goes_on() -> None:
    """By hand: 2 of 100 is the usual share; the others used 300 on the last day."""
    others = days(date(2026, 1, 28), "100", "100", "100", "300")
    own = days(date(2025, 12, 28), "2", "2", "2")
    beside = {**others, **days(date(2025, 12, 28), "100", "100", "100")}
    onwards = gap(known(FEBRUARY - DAY, "50"), None)
    placed = one(place(onwards, [FEBRUARY], Evidence(ZONE, own, others_days=beside)))
    assert (placed.counted, placed.method) == (Decimal("56.000"), EstimateMethod.SOCIETY)


def test_intervals_that_cover_a_gap_fix_its_border() -> None:
    """By hand: 3 hours of 2 kWh before the border, 1 after it; the sum check agrees."""
    start = FEBRUARY - 3 * HOUR
    intervals = [Interval(start + n * HOUR, start + (n + 1) * HOUR, Decimal(2)) for n in range(4)]
    across = gap(known(start, "100"), known(start + 4 * HOUR, "108"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE, intervals=intervals)))
    assert (placed.counted, placed.method) == (Decimal("106.000"), EstimateMethod.INTERVALS)
    assert (placed.lower, placed.upper) == (Decimal("105.998"), Decimal("106.002"))


@pytest.mark.parametrize("is_before", [True, False])
def test_intervals_on_one_side_reach_the_border(is_before: bool) -> None:
    """By hand: 5 kWh before the border, or the 3 kWh after it, of 8 kWh."""
    side = (
        Interval(FEBRUARY - HOUR, FEBRUARY, Decimal(5))
        if is_before
        else Interval(FEBRUARY, FEBRUARY + DAY, Decimal(3))
    )
    across = gap(known(FEBRUARY - HOUR, "100"), known(FEBRUARY + DAY, "108"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE, intervals=[side])))
    assert (placed.counted, placed.method) == (Decimal("105.000"), EstimateMethod.INTERVALS)
    assert (placed.lower, placed.upper) == (Decimal(100), Decimal(108))


def test_intervals_that_contradict_the_register_are_not_taken() -> None:
    """By hand: 9 kWh by interval, 8 by register; by time the border lies in the middle."""
    intervals = [Interval(FEBRUARY - DAY, FEBRUARY + DAY, Decimal(9))]
    across = gap(known(FEBRUARY - DAY, "100"), known(FEBRUARY + DAY, "108"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE, intervals=intervals)))
    assert (placed.counted, placed.method) == (Decimal("104.000"), EstimateMethod.LINEAR)


def test_a_gap_without_an_end_goes_on_by_good_days() -> None:
    """By hand: 3 kWh a day for 2 days; 72 kW for 48 hours and a minute bound it."""
    onwards = gap(known(FEBRUARY - 2 * DAY, "100"), None)
    placed = one(place(onwards, [FEBRUARY], Evidence(ZONE, days(date(2026, 1, 1), "2", "3", "4"))))
    assert (placed.counted, placed.method) == (Decimal("106.000"), EstimateMethod.GOOD_DAYS)
    assert (placed.lower, placed.upper) == (Decimal(100), Decimal("3557.201"))


def test_nothing_is_said_of_a_meter_that_told_nothing() -> None:
    assert place(gap(known(FEBRUARY - DAY, "100"), None), [FEBRUARY], Evidence(ZONE)) == ()
    assert place(gap(None, None), [FEBRUARY], Evidence(ZONE)) == ()


def test_nothing_is_placed_across_a_fall() -> None:
    across = gap(known(FEBRUARY - DAY, "100"), known(FEBRUARY + DAY, "99.999"))
    assert place(across, [FEBRUARY], Evidence(ZONE)) == ()


def test_a_missed_month_is_bounded_by_the_whole_gap() -> None:
    """By hand: 60 kWh over 30 days, 28 of them February's; all may have been used in it."""
    across = gap(known(FEBRUARY - DAY, "0"), known(MARCH + DAY, "60"))
    opening, closing = place(across, [MARCH, FEBRUARY], Evidence(ZONE))
    use = use_between(opening, closing)
    assert (use.quantity, use.lower, use.upper) == (Decimal(56), Decimal(0), Decimal(60))


def test_a_placed_and_a_known_border_bound_a_use() -> None:
    across = gap(known(FEBRUARY - DAY, "100"), known(FEBRUARY + DAY, "108"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE)))
    use = use_between(placed, known(MARCH, "150"))
    assert (use.quantity, use.lower, use.upper) == (Decimal(46), Decimal(42), Decimal(50))
    assert use.method is EstimateMethod.LINEAR


def test_a_border_lies_on_a_whole_step() -> None:
    across = gap(known(FEBRUARY - DAY, "0.0"), known(FEBRUARY + 2 * DAY, "0.1"), Decimal("0.1"))
    placed = one(place(across, [FEBRUARY], Evidence(ZONE)))
    assert placed.counted in (Decimal("0.0"), Decimal("0.1"))


COUNTS = st.integers(0, 400_000)
QUANTITIES = st.integers(0, 50_000).map(lambda raw: Decimal(raw) * WH)
BORDERS = (FEBRUARY, MARCH, APRIL)


@st.composite
def gaps(draw: st.DrawFn) -> tuple[Gap, Decimal]:
    first = FEBRUARY - draw(st.integers(1, 60 * 24)) * HOUR
    last = APRIL + draw(st.integers(1, 60 * 24)) * HOUR
    begin, used = draw(COUNTS), draw(COUNTS)
    before = KnownRegister(first, Decimal(begin) * WH)
    after = KnownRegister(last, Decimal(begin + used) * WH)
    sides = draw(st.sampled_from(["both", "before", "after"]))
    across = gap(
        None if sides == "after" else before,
        None if sides == "before" else after,
        draw(st.sampled_from([WH, Decimal("0.01"), Decimal("0.5")])),
    )
    return across, Decimal(used) * WH


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    some_days = st.dictionaries(st.dates(date(2025, 12, 1), date(2026, 6, 1)), QUANTITIES)
    hours = draw(st.lists(st.tuples(st.integers(-1500, 3000), st.integers(1, 48), QUANTITIES)))
    intervals = [
        Interval(FEBRUARY + start * HOUR, FEBRUARY + (start + length) * HOUR, quantity)
        for start, length, quantity in hours
    ]
    return Evidence(ZONE, draw(some_days), intervals, draw(some_days))


@given(gaps(), evidences())
def test_borders_ascend_within_their_bounds(made: tuple[Gap, Decimal], known: Evidence) -> None:
    across, _ = made
    placed = place(across, BORDERS, known)
    for each in placed:
        assert each.lower <= each.counted <= each.upper
        assert each.counted % across.step == 0
    assert [each.at for each in placed] == sorted(each.at for each in placed)
    for earlier, later in pairwise(placed):
        assert earlier.counted <= later.counted
        use = use_between(earlier, later)
        assert use.lower <= use.quantity <= use.upper


@given(gaps(), evidences())
def test_uses_across_a_gap_add_up(made: tuple[Gap, Decimal], known: Evidence) -> None:
    across, used = made
    if across.before is None or across.after is None:
        return
    placed = place(across, BORDERS, known)
    assert len(placed) == len(BORDERS)
    points: list[KnownRegister | PlacedRegister] = [across.before, *placed, across.after]
    uses = [use_between(earlier, later) for earlier, later in pairwise(points)]
    assert sum(use.quantity for use in uses) == used


@given(gaps(), evidences(), st.permutations(BORDERS))
def test_the_order_does_not_matter(
    made: tuple[Gap, Decimal], known: Evidence, borders: list[datetime]
) -> None:
    across, _ = made
    turned = Evidence(
        ZONE,
        dict(sorted(known.own_days.items(), reverse=True)),
        list(reversed(known.intervals)),
        dict(sorted(known.others_days.items(), reverse=True)),
    )
    assert place(across, borders, turned) == place(across, BORDERS, known)


@given(gaps(), evidences(), st.data())
def test_the_truth_lies_within_the_bounds(
    made: tuple[Gap, Decimal], known: Evidence, data: st.DataObject
) -> None:
    """Any course that the meter can have taken: it never falls and is never faster than it can."""
    across, used = made
    if across.before is None or across.after is None:
        return
    shares = sorted(data.draw(st.lists(st.integers(0, 1000), min_size=3, max_size=3)))
    truth = [across.before.counted + used * share / 1000 for share in shares]
    course = [
        (across.before.at, across.before.counted),
        *zip(BORDERS, truth, strict=True),
        (across.after.at, across.after.counted),
    ]
    for (begin, before), (end, after) in pairwise(course):
        assume(after - before <= across.most_per_hour * Decimal((end - begin) / HOUR))
    without = Evidence(ZONE, known.own_days, (), known.others_days)
    for each, register in zip(place(across, BORDERS, without), truth, strict=True):
        assert each.lower <= register <= each.upper
