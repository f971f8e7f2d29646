# SPDX-License-Identifier: MIT
"""The clock of a file: summer time, and times taken as they stand."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.replay.file_clock import AS_IT_STANDS, in_order, shown, since_1970

MADRID = ZoneInfo("Europe/Madrid")


def clock(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def moments(*texts: str, zone: ZoneInfo = MADRID) -> list[str]:
    found = since_1970(map(clock, texts), zone)
    return [f"{datetime.fromtimestamp(each, UTC):%d %H:%M}" for each in found]


def test_a_clock_without_a_zone_is_taken_as_it_stands() -> None:
    assert moments("2016-07-01 12:00", zone=AS_IT_STANDS) == ["01 12:00"]


def test_a_repeated_hour_is_told_by_its_order() -> None:
    shown_twice = ("2016-10-30 01:30", "2016-10-30 02:30", "2016-10-30 02:30", "2016-10-30 03:30")
    assert moments(*shown_twice) == ["29 23:30", "30 00:30", "30 01:30", "30 02:30"]


def test_a_missing_hour_is_no_gap() -> None:
    assert moments("2016-03-27 01:30", "2016-03-27 03:30") == ["27 00:30", "27 01:30"]


@given(st.integers(10**8, 4 * 10**9), st.sampled_from(["Europe/Madrid", "Asia/Kolkata", "UTC"]))
def test_a_moment_is_shown_as_it_came(moment_s: int, name: str) -> None:
    zone = ZoneInfo(name)
    text = shown(moment_s, zone)
    again = next(since_1970([clock(text)], zone))
    assert shown(again, zone) == text


def test_a_clock_set_back_keeps_its_order() -> None:
    assert in_order([0, 3600, 7200, 3700, 7300])
    assert not in_order([0, 86400, 3600])
