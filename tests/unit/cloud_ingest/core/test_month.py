# SPDX-License-Identifier: MIT
"""The calendar of a society."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.month import (
    bucket_start,
    day_of,
    ended_month,
    is_one_moment,
    month_before,
    month_of,
    months_back,
    next_month,
    parse_month,
    previous_month,
    running_month,
    runs,
)
from cloud_ingest.errors import CloseRefused

KOLKATA = ZoneInfo("Asia/Kolkata")
JULY = month_of(2026, 7, KOLKATA)
HOUR = timedelta(hours=1)


def test_a_month_ends_with_the_midnight_of_its_zone() -> None:
    last = JULY.end - timedelta(microseconds=1)
    assert running_month(last, KOLKATA) == JULY == ended_month(JULY.end, KOLKATA)
    assert ended_month(last, KOLKATA) == month_of(2026, 6, KOLKATA)
    assert ended_month(month_of(2026, 1, KOLKATA).start, KOLKATA) == month_of(2025, 12, KOLKATA)


def test_months_are_of_the_zone() -> None:
    assert datetime(2026, 6, 30, 18, 30, tzinfo=UTC) == JULY.start
    assert day_of(JULY.end, KOLKATA) == date(2026, 7, 31)
    assert day_of(JULY.end + timedelta(seconds=1), KOLKATA) == date(2026, 8, 1)
    march = month_of(2026, 3, ZoneInfo("Europe/Berlin"))
    assert march.end - march.start == timedelta(days=31) - HOUR


@given(st.dates(min_value=date(2000, 2, 1), max_value=date(9999, 11, 30)))
def test_the_month_after_the_one_before_is_itself(day: date) -> None:
    assert next_month(previous_month(day)) == day.replace(day=1)
    assert previous_month(next_month(day)) == day.replace(day=1)


def test_earlier_months_end_where_later_ones_begin() -> None:
    earlier = list(months_back(JULY, KOLKATA, 8))
    assert [str(month) for month in earlier[-2:]] == ["2025-12", "2025-11"]
    assert month_before(JULY, KOLKATA) == earlier[0]
    assert [month.end for month in earlier] == [JULY.start, *(m.start for m in earlier[:-1])]


def test_days_are_joined_into_runs() -> None:
    july = [date(2026, 7, day) for day in (1, 2, 9, 20)]
    week = timedelta(days=7)
    assert runs(reversed(july), week) == [(july[0], july[2]), (july[3], july[3])]
    assert runs([]) == []


def test_a_bucket_begins_after_midnight_even_without_one() -> None:
    assert bucket_start(date(2026, 7, 1), KOLKATA) == JULY.start + timedelta(microseconds=1)
    havana = ZoneInfo("America/Havana")  # 2026-03-08 begins at 01:00
    began = datetime(2026, 3, 8, 5, tzinfo=UTC) + timedelta(microseconds=1)
    assert bucket_start(date(2026, 3, 8), havana) == began


@pytest.mark.parametrize("text", ["2026-7", "2026-13", "1999-07", "2026-07-01", "July"])
def test_what_is_no_month_is_refused(text: str) -> None:
    assert parse_month("2026-07", KOLKATA) == JULY
    with pytest.raises(CloseRefused, match="is not a month"):
        parse_month(text, KOLKATA)


@pytest.mark.parametrize(
    ("local", "zone", "is_one"),
    [
        ("2026-03-29 02:30", "Europe/Berlin", False),
        ("2026-03-29 03:00", "Europe/Berlin", True),
        ("2026-10-25 02:59:59", "Europe/Berlin", False),
        ("2026-10-25 03:00", "Europe/Berlin", True),
        ("2024-09-08 00:00", "America/Santiago", True),
        ("2024-09-08 00:30", "America/Santiago", False),
        ("2026-03-29 02:30", "Asia/Kolkata", True),
    ],
)
def test_a_local_time_is_one_moment_or_not(local: str, zone: str, is_one: bool) -> None:
    assert is_one_moment(datetime.fromisoformat(local), ZoneInfo(zone)) is is_one
