# SPDX-License-Identifier: GPL-2.0-only
"""A recorded buffer without the rows that are still to come; nothing else in it changes."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.virtual import axdr
from edge_agent.virtual.clock import Dial
from edge_agent.virtual.recorded_rows import newest_s, rows_until
from edge_agent.virtual.recorded_time import local_seconds

DIAL = Dial(ZoneInfo("Asia/Kolkata"))
BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
ODD = (axdr.null(), b"\x0d\x42", b"\x17\x00\x00\x00\x00", b"\x04\x0a\xff\xc0", b"\x1d\x00\x01")


def row(quarter: int, odd: bytes = axdr.null(), *, bare: bool = False) -> bytes:
    stamp = DIAL.octets(BEGUN + timedelta(minutes=15 * quarter))
    time = b"\x19" + stamp if bare else axdr.octet_string(stamp)
    return axdr.structure(time, axdr.unsigned(quarter % 200), odd)


def second(quarter: int) -> float:
    return local_seconds(DIAL.octets(BEGUN + timedelta(minutes=15 * quarter)), upper=False)


ROWS = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from(ODD), st.booleans()), min_size=1, max_size=200
)


@given(ROWS, st.integers(-1, 301))
def test_the_rows_up_to_a_time_stay_as_they_are(
    rows: list[tuple[int, bytes, bool]], last: int
) -> None:
    data = axdr.array(row(quarter, odd, bare=bare) for quarter, odd, bare in rows)
    kept = axdr.array(row(n, odd, bare=bare) for n, odd, bare in rows if n <= last)
    assert rows_until(data, second(last)) == kept
    assert newest_s(data) == second(max(quarter for quarter, _, _ in rows))


def test_a_row_without_a_time_goes_with_the_row_before() -> None:
    filled = axdr.structure(axdr.null(), axdr.null(), axdr.null())
    data = axdr.array((row(1), filled, row(3), filled))
    assert rows_until(data, second(2)) == axdr.array((row(1), filled))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        axdr.null(),
        axdr.array(()),
        axdr.unsigned(5),
        b"\x13\x00",
        b"\x01\x02" + row(9),
        b"\x01",
    ],
)
def test_a_buffer_of_another_form_is_not_touched(data: bytes) -> None:
    assert rows_until(data, second(0)) == data
    assert newest_s(data) == -float("inf")


@given(st.binary(max_size=80))
def test_any_octets_stay_or_become_an_array(data: bytes) -> None:
    found = rows_until(data, second(0))
    assert found == data or (data[:1] == found[:1] == b"\x01" and len(found) < len(data))
