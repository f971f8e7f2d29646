# SPDX-License-Identifier: MIT
"""How good a month is."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.balance import SubjectKind
from cloud_ingest.core.consumption import Measured, days_of
from cloud_ingest.core.month import month_of
from cloud_ingest.core.plausible import usual_most_per_day
from cloud_ingest.core.quality import (
    DISPROOFS,
    Intervals,
    RegisterBreak,
    breaks_within,
    combined_quality,
    falls_within,
    is_implausible,
    is_rescaled,
    past_findings,
    quality_of,
    sum_check,
    with_findings,
)
from cloud_ingest.core.rating import UNRATED, Rating
from cloud_ingest.core.rating import most_per_day as rated_per_day
from cloud_ingest.core.register import DayRegister, Epoch, Register
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Quality, Reason
from tests.support.meter_month import month_of_meter

KOLKATA = ZoneInfo("Asia/Kolkata")
CHANNEL = 7
JULY = month_of(2026, 7, KOLKATA)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def reading(ts: datetime, raw: int, origin: Origin = Origin.METER) -> Register:
    return Register(CHANNEL, ts, raw, origin, -3)


@pytest.mark.parametrize(
    ("total", "count", "verdict"),
    [("10", 2976, True), ("10.031", 2976, True), ("10.1", 2976, False), ("10.1", 2975, None)],
)
def test_the_sum_check(total: str, count: int, verdict: bool | None) -> None:
    readings = [reading(JULY.start, 0), reading(JULY.end, 10_000)]
    measured = month_of_meter(readings, {}, JULY)
    intervals = Intervals(count, Decimal(total), 900, Decimal("0.001"))
    assert sum_check(measured, intervals, JULY, Decimal("0.001")) is verdict


def test_a_sum_is_as_good_as_its_parts() -> None:
    good, dial, bad = Quality.VALIDATED, Quality.SELF_READ, Quality.MISSING
    assert combined_quality([good, good]) is good
    assert combined_quality([good, dial]) is Quality.MIXED
    assert combined_quality([good, dial, bad]) is bad


def test_a_fall_within_shows_in_the_days() -> None:
    readings = [reading(JULY.start, 100), reading(JULY.end, 900)]
    measured = month_of_meter(readings, {}, JULY)
    ninth = DayRegister(CHANNEL, date(2026, 7, 9), JULY.start + 200 * HOUR, 0, -3)
    days = days_of(measured, [ninth], {}, KOLKATA)
    assert falls_within(days, Decimal("0.001"))
    assert sum(days.values()) == measured.quantity == Decimal("0.800")


def test_a_step_is_no_fall() -> None:
    days = {date(2026, 7, 9): Decimal(-1), date(2026, 7, 10): Decimal(5)}
    assert not falls_within(days, Decimal(1))
    assert falls_within({**days, date(2026, 7, 9): Decimal("-1.001")}, Decimal(1))


def counted(wh: int, length: timedelta = JULY.end - JULY.start) -> Measured:
    """What a register of 1 Wh a step counted from the 1st of July on."""
    ends = reading(JULY.start, 0), reading(JULY.start + length, wh)
    return Measured(*ends, Decimal(wh).scaleb(-3))


# By hand: 31 days of July * 500 kWh = 15,500 kWh; 31 * 50 kL = 1,550 kL; 200 times of that.
MOST_OF_JULY: dict[tuple[Service, SubjectKind], int] = {
    (Service.ELECTRICITY, "unit"): 15_500_000,
    (Service.ELECTRICITY, "common"): 3_100_000_000,
    (Service.ELECTRICITY, "bulk"): 3_100_000_000,
    (Service.WATER, "unit"): 1_550_000,
    (Service.WATER, "common"): 310_000_000,
    (Service.WATER, "bulk"): 310_000_000,
}


@pytest.mark.parametrize("whose", MOST_OF_JULY)
def test_a_month_is_implausible_one_count_above_its_limit(
    whose: tuple[Service, SubjectKind],
) -> None:
    most = MOST_OF_JULY[whose]
    assert not is_implausible(counted(most), usual_most_per_day(*whose))
    assert is_implausible(counted(most + 1), usual_most_per_day(*whose))


def test_four_gigawatt_hours_are_no_flats_month() -> None:
    assert is_implausible(counted(4_000_000_000), usual_most_per_day(Service.ELECTRICITY, "unit"))


@pytest.mark.parametrize(
    ("length", "most"),
    [
        (DAY * 31, 15_500_000),
        (DAY * 10, 5_000_000),
        (HOUR * 36, 750_000),
        (DAY, 500_000),
        (timedelta(minutes=15), 500_000),
    ],
)
def test_a_part_of_a_month_has_its_share(length: timedelta, most: int) -> None:
    per_day = usual_most_per_day(Service.ELECTRICITY, "unit")
    assert not is_implausible(counted(most, length), per_day)
    assert is_implausible(counted(most + 1, length), per_day)


def test_a_month_without_a_number_is_not_implausible() -> None:
    assert not is_implausible(Measured(None, None, None), Decimal(0))


BROKE = JULY.start + 10 * DAY
JUMP = RegisterBreak(BROKE - HOUR, BROKE, Reason.IMPLAUSIBLE)
FALL = RegisterBreak(BROKE - HOUR, BROKE, Reason.REGISTER_DROP)


@pytest.mark.parametrize("found", [JUMP, FALL])
def test_a_break_between_the_ends_disproves_a_month(found: RegisterBreak) -> None:
    assert breaks_within(counted(9_000), [found], {}) == {found.reason}


@pytest.mark.parametrize(
    ("starts_at", "explains"),
    [
        (BROKE - HOUR, False),
        (BROKE - HOUR + timedelta(seconds=1), True),
        (BROKE, True),
        (BROKE + timedelta(seconds=1), False),
    ],
)
def test_an_epoch_at_a_break_explains_it(starts_at: datetime, explains: bool) -> None:
    epochs = {CHANNEL: [Epoch(starts_at, -7)]}
    assert (breaks_within(counted(9_000), [JUMP], epochs) == frozenset()) is explains


@pytest.mark.parametrize(
    ("after", "spans"),
    [(JULY.start, False), (JULY.start + HOUR, True), (JULY.end, True), (JULY.end + HOUR, False)],
)
def test_a_break_outside_of_the_ends_is_another_months(after: datetime, spans: bool) -> None:
    found = RegisterBreak(after - HOUR, after, Reason.IMPLAUSIBLE)
    assert bool(breaks_within(counted(9_000), [found], {})) is spans


def rescaled(
    days: int, former: int, now: int, reason: Reason = Reason.IMPLAUSIBLE
) -> RegisterBreak:
    """A break so many days before July."""
    at = JULY.start - timedelta(days=days)
    return RegisterBreak(at - HOUR, at, reason, (former, now))


@pytest.mark.parametrize(
    ("breaks", "in_doubt"),
    [
        ([], False),
        ([rescaled(40, -3, -3)], False),
        ([rescaled(40, -3, -2)], True),
        ([rescaled(40, -2, -3, Reason.REGISTER_DROP)], True),
        ([rescaled(40, -3, -2), rescaled(20, -2, -2)], True),
        ([rescaled(40, -3, -2), rescaled(20, -2, -1)], True),
        ([rescaled(40, -3, -2), rescaled(20, -2, -3)], False),
        ([rescaled(40, -3, -2), rescaled(30, -2, -3), rescaled(20, -3, -2)], True),
        ([rescaled(0, -3, -2)], True),
        ([rescaled(-1, -3, -2)], False),
    ],
)
def test_a_break_with_another_scaler_leaves_months_behind_it_in_doubt(
    breaks: list[RegisterBreak], in_doubt: bool
) -> None:
    assert is_rescaled(counted(9_000), breaks, {}) is in_doubt


@pytest.mark.parametrize(("seconds_after", "explains"), [(-3600, False), (-3599, True), (1, False)])
def test_an_epoch_at_the_break_joins_the_scalers(seconds_after: int, explains: bool) -> None:
    found = rescaled(40, -3, -2)
    epochs = {CHANNEL: [Epoch(found.after + timedelta(seconds=seconds_after), -7)]}
    assert is_rescaled(counted(9_000), [found], epochs) is not explains


def test_two_dials_that_a_person_read_need_no_scaler() -> None:
    opening = reading(JULY.start, 0, Origin.SELF_READ)
    closing = reading(JULY.end, 9_000, Origin.SELF_READ)
    month = Measured(opening, closing, Decimal(9))
    assert not is_rescaled(month, [rescaled(40, -3, -2)], {})


@pytest.mark.parametrize("reason", sorted(DISPROOFS))
def test_a_disproved_month_counts_nothing(reason: Reason) -> None:
    month = with_findings(counted(9_000), {reason})
    assert month.quantity is None
    assert month.reasons == {reason}
    assert quality_of(month) is Quality.MISSING
    assert month.closing is not None


@pytest.mark.parametrize("reason", sorted(set(Reason) - DISPROOFS))
def test_no_other_reason_takes_a_number_away(reason: Reason) -> None:
    assert with_findings(counted(9_000), {reason}).quantity == 9


USED_10_KWH_A_DAY = [Decimal(10)] * 3
STEP = Decimal("0.001")


@pytest.mark.parametrize(
    ("kwh_a_day", "means", "found"),
    [
        (50, USED_10_KWH_A_DAY, set()),
        (51, USED_10_KWH_A_DAY, {Reason.HISTORY}),
        (51, USED_10_KWH_A_DAY[:2], set()),
        (51, [Decimal(10), Decimal(11), Decimal(9)], set()),
        (5, [Decimal("0.1")] * 3, set()),
        (6, [Decimal("0.1")] * 3, {Reason.HISTORY}),
        (6, [Decimal(0)] * 3, {Reason.HISTORY}),
    ],
)
def test_five_times_the_greatest_month_is_doubted(
    kwh_a_day: int, means: list[Decimal], found: set[Reason]
) -> None:
    """By hand: 5 * 10 = 50 kWh a day; 0.1 + 5 = 5.1 where five times as much is less."""
    month = counted(kwh_a_day * 31 * 1000)
    assert past_findings(month, means, Service.ELECTRICITY, STEP) == found


@pytest.mark.parametrize(
    ("means", "found"),
    [
        ([Decimal("0.002")] * 3, {Reason.STUCK}),
        ([Decimal("0.002"), Decimal("0.001"), Decimal("0.002")], set()),
        ([Decimal("0.002")] * 2, set()),
    ],
)
def test_a_register_that_stands_still_is_told(means: list[Decimal], found: set[Reason]) -> None:
    assert past_findings(counted(0), means, Service.ELECTRICITY, STEP) == found
    stuck = with_findings(counted(0), found)
    assert stuck.quantity == 0, "the flat may be empty"


def test_a_second_meter_may_stand_still() -> None:
    means = USED_10_KWH_A_DAY
    assert not past_findings(counted(0), means, Service.ELECTRICITY, STEP, is_alone=False)


def test_a_doubted_quantity_may_be_accepted() -> None:
    doubted = with_findings(counted(9_000), {Reason.HISTORY}, accepted=Decimal(9))
    assert doubted.quantity == 9
    assert doubted.reasons == {Reason.HISTORY}
    assert quality_of(doubted) is Quality.VALIDATED


def test_another_quantity_is_doubted_again() -> None:
    doubted = with_findings(counted(9_000), {Reason.HISTORY}, accepted=Decimal(8))
    assert doubted.quantity is None
    assert doubted.doubted == 9


def test_nobody_can_accept_a_register_that_fell() -> None:
    fell = with_findings(counted(9_000), {Reason.REGISTER_DROP}, accepted=Decimal(9))
    assert (fell.quantity, fell.doubted) == (None, None)


def test_the_sum_check_knows_the_bounds_of_a_month() -> None:
    """10 kWh, the truth lies from 9.99 to 10.02; 31 steps of a Wh are hidden, and one more."""
    ends = counted(10_000)
    placed = replace(ends, lower=Decimal("9.990"), upper=Decimal("10.020"))
    for total, agrees in (("9.958", True), ("9.957", False), ("10.052", True), ("10.053", False)):
        intervals = Intervals(2976, Decimal(total), 900, STEP)
        assert sum_check(placed, intervals, JULY, STEP) is agrees


@pytest.mark.parametrize(
    ("origin", "reasons", "quality"),
    [
        (Origin.METER, (), Quality.VALIDATED),
        (Origin.METER, (Reason.NEAR_BORDER,), Quality.VALIDATED),
        (Origin.METER, (Reason.INCOMPLETE,), Quality.DERIVED),
        (Origin.ESTIMATE, (Reason.BORDER_PLACED,), Quality.DERIVED),
        (Origin.SELF_READ, (), Quality.SELF_READ),
        (Origin.EDIT, (), Quality.EDITED),
    ],
)
def test_a_month_is_as_good_as_its_ends(
    origin: Origin, reasons: tuple[Reason, ...], quality: Quality
) -> None:
    month = counted(9_000)
    closing = reading(JULY.end, 9_000, origin)
    assert quality_of(replace(month, closing=closing, reasons=frozenset(reasons))) is quality


@pytest.mark.parametrize(
    ("rating", "most"),
    [
        (UNRATED, Decimal(500)),
        (Rating(phases=1), Decimal(500)),
        (Rating(phases=1, max_current_a=Decimal(60)), Decimal("380.16")),
        (Rating(q4_m3_h=Decimal(5)), Decimal(500)),
    ],
)
def test_a_meter_that_is_rated_has_a_limit_of_its_own(rating: Rating, most: Decimal) -> None:
    """By hand: 60 A * 264 V = 15.84 kW; a day of it is 380.16 kWh. Water says nothing of it."""
    assert rated_per_day(Service.ELECTRICITY, "unit", rating) == most
    assert rated_per_day(Service.WATER, "unit", Rating(q4_m3_h=Decimal(5))) == 120
