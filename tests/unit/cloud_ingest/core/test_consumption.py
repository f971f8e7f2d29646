# SPDX-License-Identifier: MIT
"""The month of a meter against an oracle that knows what was really used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.border import Cut, Known, Rules
from cloud_ingest.core.border_choice import choose_border
from cloud_ingest.core.consumption import Measured, days_of, rises_plainly
from cloud_ingest.core.month import Month, day_of, month_of
from cloud_ingest.core.quality import falls_within, quality_of
from cloud_ingest.core.register import DayRegister, Epoch, Epochs, Register
from shared_schema.quality import Origin, Quality, Reason
from tests.support.meter_month import LONG_AGO, month_of_meter

KOLKATA = ZoneInfo("Asia/Kolkata")
ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    )
]
RULES = Rules()
STEP = timedelta(hours=12)
CHANNEL = 7


@dataclass(frozen=True)
class Life:
    """What a meter really counted and what of it is known."""

    month: Month
    zone: ZoneInfo
    used: dict[datetime, int]
    """Cumulative Wh since the meter was made, at each known time."""
    readings: list[Register]
    epochs: Epochs


@st.composite
def lives(draw: st.DrawFn, *, lossy: bool = True) -> Life:
    zone = draw(st.sampled_from(ZONES))
    month = month_of(2026, draw(st.integers(1, 12)), zone)
    times = {month.start, month.end}
    at = month.start - timedelta(days=4)
    while at < month.end + timedelta(days=4):
        times.add(at + timedelta(minutes=draw(st.sampled_from([0, 0, 0, -7, -20]))))
        at += STEP
    modulus = draw(st.sampled_from([10**9, 3_000]))
    total = draw(st.integers(0, 2_999))
    used: dict[datetime, int] = {}
    readings: list[Register] = []
    epochs: list[Epoch] = []
    turns = 0
    for moment in sorted(times):
        total += draw(st.integers(0, 300))
        if total // modulus > turns:
            turns = total // modulus
            epochs.append(Epoch(moment, turns * modulus))
        if lossy and draw(st.integers(0, 9)) < 3:
            continue
        origin = Origin.SELF_READ if draw(st.integers(0, 9)) == 0 else Origin.METER
        used[moment] = total
        readings.append(Register(CHANNEL, moment, total % modulus, origin, -3))
    return Life(month, zone, used, draw(st.permutations(readings)), {CHANNEL: epochs})


def expected_border(
    readings: Sequence[Register], border: datetime, replaced_at: datetime | None = None
) -> Register | None:
    """Return the reading within a capture period; else a person's, which stands for the nearest."""
    ordered = sorted(readings, key=lambda r: r.ts)
    before = [r for r in ordered if border - timedelta(minutes=15) <= r.ts <= border]
    if before:
        return before[-1]
    dials = [r for r in ordered if r.origin is Origin.SELF_READ]
    near = [
        r
        for r in dials
        if abs(r.ts - border) <= timedelta(days=3)
        and (replaced_at is None or abs(r.ts - border) <= abs(r.ts - replaced_at))
    ]
    return min(near, key=lambda r: (abs(r.ts - border), r.ts), default=None)


def wh(measured: Measured) -> int:
    assert measured.quantity is not None
    return int(measured.quantity * 1000)


@given(lives())
def test_a_month_is_the_use_between_its_ends(life: Life) -> None:
    measured = month_of_meter(life.readings, life.epochs, life.month)
    opening = expected_border(life.readings, life.month.start)
    closing = expected_border(life.readings, life.month.end)
    assert (measured.opening, measured.closing) == (opening, closing)
    if opening is None or closing is None:
        assert measured.quantity is None
        assert measured.reasons & {Reason.NO_OPENING, Reason.NO_CLOSING}
        assert quality_of(measured) is Quality.MISSING
    else:
        assert wh(measured) == life.used[closing.ts] - life.used[opening.ts]


@given(lives(lossy=False))
def test_a_whole_month_is_exact_to_the_border(life: Life) -> None:
    measured = month_of_meter(life.readings, life.epochs, life.month)
    assert wh(measured) == life.used[life.month.end] - life.used[life.month.start]


def day_rollups(life: Life) -> list[DayRegister]:
    last: dict[date, Register] = {}
    for reading in sorted(life.readings, key=lambda r: r.ts):
        last[day_of(reading.ts, life.zone)] = reading
    return [DayRegister(CHANNEL, day, r.ts, r.raw, r.exponent) for day, r in last.items()]


@pytest.mark.slow
@given(lives())
def test_the_days_add_up_to_the_month(life: Life) -> None:
    measured = month_of_meter(life.readings, life.epochs, life.month)
    days = days_of(measured, day_rollups(life), life.epochs, life.zone)
    if measured.quantity is None:
        assert days == {}
        return
    assert sum(days.values()) == measured.quantity
    assert not falls_within(days, Decimal("0.001"))
    assert measured.opening
    assert measured.closing
    known = {day_of(reading.ts, life.zone) for reading in life.readings}
    assert set(days) <= known


@pytest.mark.slow
@given(lives(), st.data())
def test_only_the_rows_around_the_borders_matter(life: Life, data: st.DataObject) -> None:
    whole = month_of_meter(life.readings, life.epochs, life.month)
    needed = {
        reading
        for border in (life.month.start, life.month.end)
        for reading in life.readings
        if abs(reading.ts - border) <= RULES.self_read_window
    }
    others = [reading for reading in life.readings if reading not in needed]
    some = data.draw(st.lists(st.sampled_from(others), unique=True)) if others else []
    less = month_of_meter([*needed, *some], life.epochs, life.month)
    assert replace(less, begin=None, end=None) == replace(whole, begin=None, end=None)


def expected_end(readings: Sequence[Register], replaced_at: datetime) -> Register | None:
    """Return the reading next to a replacement, within a day; else the nearest of a person."""
    nearest = min(readings, key=lambda r: abs(r.ts - replaced_at), default=None)
    if nearest is not None and abs(nearest.ts - replaced_at) <= timedelta(days=1):
        return nearest
    dials = [r for r in readings if r.origin is Origin.SELF_READ]
    near = [r for r in dials if abs(r.ts - replaced_at) <= timedelta(days=3)]
    return min(near, key=lambda r: abs(r.ts - replaced_at), default=None)


@given(lives(), st.data())
def test_a_replaced_meter_counts_its_parts(life: Life, data: st.DataObject) -> None:
    length = life.month.end - life.month.start
    taken_out = life.month.start + length * data.draw(st.integers(2, 8)) / 10
    old = [r for r in life.readings if r.ts <= taken_out]
    new = [r for r in life.readings if r.ts > taken_out]
    first = month_of_meter(old, life.epochs, life.month, (LONG_AGO, taken_out))
    second = month_of_meter(new, life.epochs, life.month, (taken_out, None))
    opening = expected_border(old, life.month.start, taken_out)
    last = expected_end(old, taken_out)
    if opening and last and last.ts > opening.ts:
        assert wh(first) == life.used[last.ts] - life.used[opening.ts]
    else:
        assert first.quantity is None
    began = min(new, key=lambda r: r.ts, default=None)
    closing = expected_border(new, life.month.end, taken_out)
    if began and closing and closing.ts > began.ts:
        assert wh(second) == life.used[closing.ts] - life.used[began.ts]
    else:
        assert second.quantity is None
    assert Reason.PART_OF_MONTH in first.reasons & second.reasons


@given(lives())
def test_the_next_month_opens_where_this_one_closed(life: Life) -> None:
    this = month_of_meter(life.readings, life.epochs, life.month)
    if this.closing is None:
        return
    after = life.month.end.astimezone(life.zone)
    following = month_of(after.year, after.month, life.zone)
    late = Register(CHANNEL, following.start, this.closing.raw, Origin.METER, -3)
    readings = [r for r in life.readings if r.ts != late.ts]
    if this.closing.ts != late.ts:
        readings.append(late)
    else:
        readings = life.readings
    then = month_of_meter(readings, life.epochs, following, published=this.closing)
    assert then.opening == this.closing


def reading(ts: datetime, raw: int, origin: Origin = Origin.METER) -> Register:
    return Register(CHANNEL, ts, raw, origin, -3)


JULY = month_of(2026, 7, KOLKATA)
HOUR = timedelta(hours=1)


def met(readings: Sequence[Register]) -> Register | None:
    return choose_border(Known(readings), Cut(JULY.end, is_month=True)).chosen


def test_no_later_reading_meets_a_border() -> None:
    late = reading(JULY.end + timedelta(seconds=61), 5)
    assert met([late]) is None
    early = reading(JULY.end - timedelta(minutes=15), 5)
    assert met([early, late]) == early
    assert met([reading(early.ts - timedelta(seconds=61), 4)]) is None


def test_a_fall_is_never_a_negative_number() -> None:
    readings = [reading(JULY.start, 900), reading(JULY.end, 100)]
    measured = month_of_meter(readings, {}, JULY)
    assert measured.quantity is None
    assert Reason.REGISTER_DROP in measured.reasons
    rolled = {CHANNEL: [Epoch(JULY.start + HOUR, 1000)]}
    assert wh(month_of_meter(readings, rolled, JULY)) == 200


def test_an_epoch_counts_from_its_own_moment() -> None:
    epochs = {CHANNEL: [Epoch(JULY.end, 1000)]}
    readings = [reading(JULY.start, 900), reading(JULY.end, 100)]
    assert wh(month_of_meter(readings, epochs, JULY)) == 200


def test_a_self_read_closes_at_its_own_time() -> None:
    readings = [reading(JULY.start, 100), reading(JULY.end + 50 * HOUR, 300, Origin.SELF_READ)]
    measured = month_of_meter(readings, {}, JULY)
    assert wh(measured) == 200
    assert measured.reasons == {Reason.SELF_READ}
    assert quality_of(measured) is Quality.SELF_READ
    strict = Rules(self_read_window=timedelta(days=2))
    assert month_of_meter(readings, {}, JULY, rules=strict).quantity is None


def test_of_equally_near_self_reads_the_earlier_counts() -> None:
    dials = [reading(JULY.end + side * 9 * HOUR, 100 + side, Origin.SELF_READ) for side in (1, -1)]
    assert met(dials) == dials[1]


def test_a_meter_installed_at_the_border_opens_itself() -> None:
    readings = [reading(JULY.start + HOUR, 0), reading(JULY.end, 300)]
    measured = month_of_meter(readings, {}, JULY, (JULY.start, None))
    assert wh(measured) == 300
    assert measured.reasons == {Reason.INCOMPLETE}
    assert quality_of(measured) is Quality.DERIVED


@pytest.mark.parametrize("put_in", [JULY.start, JULY.start + 48 * HOUR])
def test_a_late_first_reading_counts_from_there(put_in: datetime) -> None:
    late = [reading(put_in + 25 * HOUR, 7), reading(JULY.end, 300)]
    measured = month_of_meter(late, {}, JULY, (put_in, None))
    assert (measured.opening, wh(measured)) == (late[0], 293)
    assert (measured.lower, measured.upper) == (Decimal("0.293"), Decimal("0.300"))
    assert measured.reasons - {Reason.PART_OF_MONTH} == {Reason.INCOMPLETE}
    assert quality_of(measured) is Quality.DERIVED


@pytest.mark.parametrize("put_in", [JULY.start, JULY.start + 48 * HOUR])
def test_a_dial_before_a_late_first_reading_opens(put_in: datetime) -> None:
    late = [reading(put_in + 25 * HOUR, 7), reading(JULY.end, 300)]
    dial = reading(put_in + 24 * HOUR, 6, Origin.SELF_READ)
    assert wh(month_of_meter([dial, *late], {}, JULY, (put_in, None))) == 294
    dial = reading(put_in + 72 * HOUR, 6, Origin.SELF_READ)
    assert wh(month_of_meter([dial, late[1]], {}, JULY, (put_in, None))) == 294


@pytest.mark.parametrize("first", [JULY.end - HOUR / 4, JULY.end, JULY.end + 48 * HOUR])
def test_one_late_reading_alone_is_no_use_of_nothing(first: datetime) -> None:
    """What closes the month is all that was read: nothing is proved, and 0.000 would be a lie."""
    dial = reading(first, 7, Origin.SELF_READ)
    measured = month_of_meter([dial], {}, JULY, (JULY.start + 48 * HOUR, None))
    assert measured.quantity is None
    assert quality_of(measured) is Quality.MISSING


def test_a_meter_that_died_early_proves_nothing() -> None:
    taken_out = JULY.start + 24 * 24 * HOUR
    readings = [reading(JULY.start, 0), reading(JULY.start + 48 * HOUR, 300)]
    measured = month_of_meter(readings, {}, JULY, (LONG_AGO, taken_out))
    assert measured.quantity is None
    assert measured.reasons == {Reason.PART_OF_MONTH, Reason.INCOMPLETE, Reason.NO_CLOSING}
    dial = reading(taken_out, 900, Origin.SELF_READ)
    measured = month_of_meter([*readings, dial], {}, JULY, (LONG_AGO, taken_out))
    assert wh(measured) == 900
    assert measured.reasons == {Reason.PART_OF_MONTH, Reason.SELF_READ}


def test_no_digit_of_a_large_register_is_lost() -> None:
    opening = Register(8, JULY.start, 1, Origin.METER, -12)
    closing = Register(CHANNEL, JULY.end, 2**62, Origin.METER, 9)
    measured = month_of_meter([opening, closing], {}, JULY)
    assert measured.quantity is not None
    assert f"{measured.quantity:f}" == f"{2**62 * 10**9 - 1}.{'9' * 12}"
    assert days_of(measured, [], {}, KOLKATA) == {date(2026, 7, 31): measured.quantity}


def test_two_channels_of_a_meter_share_a_unit() -> None:
    coarse = Register(8, JULY.end, 13, Origin.METER, 0)
    measured = month_of_meter([reading(JULY.start, 12_500), coarse], {}, JULY)
    assert measured.quantity == Decimal("0.5")


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(0, 5), st.integers(0, 5))
def test_a_month_that_rises_plainly_falls_on_no_day(
    counts: list[int], opening: int, closing: int
) -> None:
    month = month_of(2026, 7, KOLKATA)
    ends = [
        Register(CHANNEL, ts, raw, Origin.METER, -3)
        for ts, raw in ((month.start, opening), (month.end, closing))
    ]
    days = [
        DayRegister(CHANNEL, month.first, month.start + (n + 1) * STEP, raw, -3)
        for n, raw in enumerate(counts)
    ]
    measured = Measured(ends[0], ends[1], Decimal(0))
    raws = [opening, *counts, closing]
    rises = all(before <= after for before, after in pairwise(raws))
    assert rises_plainly(measured, reversed(days), {}) == rises
    days = [row._replace(day=month.first + n * timedelta(days=1)) for n, row in enumerate(days)]
    assert not (rises and falls_within(days_of(measured, days, {}, KOLKATA), Decimal("0.001")))
