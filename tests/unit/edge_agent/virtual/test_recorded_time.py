# SPDX-License-Identifier: GPL-2.0-only
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.virtual.clock import Dial
from edge_agent.virtual.recorded_time import is_stamp, local_seconds, shifted

INDIA = Dial(ZoneInfo("Asia/Kolkata"))
TIMES = st.integers(13 * 10**8, 3 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(TIMES, st.integers(-3 * 10**8, 10**8))
def test_a_time_moves_by_the_seconds(at: datetime, seconds: int) -> None:
    octets = INDIA.octets(at)
    found = shifted(b"\x09\x0c" + octets, seconds)
    assert found == b"\x09\x0c" + INDIA.octets(at + timedelta(seconds=seconds))


@given(st.binary(max_size=60), st.integers(-(10**9), 10**9))
def test_no_octets_change_their_length(data: bytes, seconds: int) -> None:
    assert len(shifted(data, seconds)) == len(data)


@given(st.lists(TIMES, max_size=5), st.integers(-1000, 1000))
def test_moving_there_and_back_changes_nothing(times: list[datetime], days: int) -> None:
    data = b"\x01" + b"\x09\x0c".join([b"", *map(INDIA.octets, times)])
    assert shifted(shifted(data, days * 86400), -days * 86400) == data


@pytest.mark.parametrize(
    ("octets", "moved"),
    [
        ("07ea030a0218000000feb600", "07ea030b0318000000feb600"),  # hour 24
        ("07ea030aff0c0fff00800000", "07ea030bff0c0fff00800000"),  # open weekday and second
        ("07ea0c1f04173b3bff000080", "07eb010105173b3bff000080"),
    ],
)
def test_whole_days_keep_the_time_of_day(octets: str, moved: str) -> None:
    assert shifted(b"\x0c" + bytes.fromhex(octets), 86400).hex() == "0c" + moved


@pytest.mark.parametrize(
    "octets",
    [
        "ffff030a0218000000feb600",
        "07ea020001000000008000ff",
        "07ea021f01000000008000ff",
        "07ea020108000000008000ff",
        "07ea02010119000000800000",
        "07ea0201010a3c0000800000",
        "07ea0201010a0b0c00100000",
    ],
)
def test_what_is_no_time_stays(octets: str) -> None:
    data = b"\x0c" + bytes.fromhex(octets)
    assert not is_stamp(data[1:])
    assert shifted(data, 86400) == data


def test_an_open_bound_is_before_or_behind_everything() -> None:
    anything = bytes.fromhex("ffffffffffffffffff8000ff")
    assert local_seconds(anything, upper=False) < 0 < local_seconds(anything, upper=True)
    assert local_seconds(INDIA.octets(datetime(2026, 1, 1, tzinfo=UTC)), upper=True) > 0
