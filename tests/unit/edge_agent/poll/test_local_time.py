# SPDX-License-Identifier: GPL-2.0-only
"""The local time in which rows are asked for: no row of any window of a year is missed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.dlms.axdr import Zone, epoch_s
from edge_agent.meters.model import Model
from edge_agent.poll.local_time import LocalTime, winter_offset_min
from edge_agent.virtual.clock import Deviation, Dial

BERLIN, HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
ZONES = (BERLIN, HOWE, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC"))
YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
HOUR, DAY = 3600, 86400
PLAIN = Model(title="a meter", client=32)
SPRING, AUTUMN = (
    int(datetime(2026, month, day, 1, tzinfo=UTC).timestamp()) for month, day in ((3, 29), (10, 25))
)
WINTER, SUMMER = YEAR + 20 * DAY, YEAR + 200 * DAY
seconds = st.integers(YEAR, YEAR + 365 * DAY)
lengths = st.integers(0, 2 * DAY)


def offset_min(zone: ZoneInfo, ts: int) -> int:
    offset = datetime.fromtimestamp(ts, UTC).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def naive(stamp: bytes) -> int:
    """Return a stamp as a number that counts on like the hands of a clock."""
    found = epoch_s(stamp[:11] + bytes(1), Zone(0, 0))
    assert found is not None
    return found


def as_either(stamp: bytes, zone: ZoneInfo) -> set[int]:
    """Return the moments at which a clock shows this, in the hour that comes twice as well."""
    shown = datetime.fromtimestamp(naive(stamp), UTC).replace(tzinfo=zone)
    return {int(shown.replace(fold=fold).timestamp()) for fold in (0, 1)}


@given(st.sampled_from(ZONES), seconds, seconds, lengths)
@example(BERLIN, WINTER, SPRING - HOUR, DAY)
@example(BERLIN, SUMMER, SPRING - 2 * HOUR, 2 * HOUR)
@example(BERLIN, SUMMER, AUTUMN - HOUR // 2, HOUR)
@example(BERLIN, WINTER, AUTUMN - HOUR // 2, HOUR // 4)
@example(HOWE, WINTER, YEAR, DAY)
def test_a_window_of_a_clock_that_follows_its_zone_is_asked_for_whole(
    zone: ZoneInfo, now: int, start: int, length: int
) -> None:
    end = start + length
    local = LocalTime.of_clock(offset_min(zone, now), zone, now)
    first, last = local.span(PLAIN, start, end)
    assert max(as_either(first, zone)) < start
    assert min(as_either(last, zone)) >= end
    assert min(as_either(first, zone)) >= start - 2 * HOUR - 1
    assert max(as_either(last, zone)) <= end + 2 * HOUR
    for ts in range(start, end + 1, 900):  # a meter that compares what its stamps show
        shown = naive(Dial(zone, Deviation.UNSPECIFIED).octets(datetime.fromtimestamp(ts, UTC)))
        assert naive(first) < shown <= naive(last)


@given(st.sampled_from(ZONES), seconds, seconds, lengths)
@example(BERLIN, WINTER, SUMMER, DAY)
def test_a_window_of_a_clock_that_never_changes_is_asked_for_whole(
    zone: ZoneInfo, now: int, start: int, length: int
) -> None:
    own = offset_min(zone, WINTER)
    first, last = LocalTime.of_clock(own, zone, now).span(PLAIN, start, start + length)
    assert naive(first) - own * 60 < start
    assert naive(last) - own * 60 >= start + length


@given(seconds, seconds, lengths)
def test_nothing_more_is_asked_for_where_no_clock_changes(
    now: int, start: int, length: int
) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    found = LocalTime.of_clock(330, zone, now).span(PLAIN, start, start + length)
    assert [naive(each) - 330 * 60 for each in found] == [start - 1, start + length]


@given(st.sampled_from(ZONES), seconds, seconds)
def test_an_end_with_its_deviation_is_the_moment_itself(
    zone: ZoneInfo, now: int, start: int
) -> None:
    model = PLAIN.model_copy(update={"range_deviation": True})
    found = LocalTime.of_clock(offset_min(zone, now), zone, now).span(model, start, start + DAY)
    assert [epoch_s(each, model.zone) for each in found] == [start - 1, start + DAY]


@pytest.mark.parametrize(
    ("zone", "minutes"), list(zip(ZONES, (60, 630, -300, 330, 0), strict=True))
)
def test_winter_time_is_the_lesser_offset(zone: ZoneInfo, minutes: int) -> None:
    assert winter_offset_min(zone, 2026) == minutes


@pytest.mark.parametrize("deviation", [each for each in Deviation if each is not Deviation.UTC])
def test_the_rows_of_the_hour_that_comes_twice_are_told_apart(deviation: Deviation) -> None:
    sign = {Deviation.REVERSED: -1, Deviation.ZERO: 0}.get(deviation, 1)
    dial = Dial(BERLIN, deviation)
    times = list(range(AUTUMN - 2 * HOUR, AUTUMN + 2 * HOUR, 900))
    stamps = [dial.octets(datetime.fromtimestamp(ts, UTC)) for ts in times]
    assert [epoch_s(each, Zone(60, sign)) for each in stamps] == times
