# SPDX-License-Identifier: GPL-2.0-only
"""A recorded buffer whose rows have no times, cut to a range; nothing else is touched."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.virtual import axdr
from edge_agent.virtual.clock import Dial
from edge_agent.virtual.recorded_rows import untimed_between
from edge_agent.virtual.recorded_time import local_seconds

INDIA = Dial(ZoneInfo("Asia/Kolkata"))
BEGUN = datetime(2026, 3, 10, tzinfo=UTC)
PERIOD_S = 900
FIRST_S = local_seconds(INDIA.octets(BEGUN), upper=False)


def row(number: int, *, timed: bool = False, value: bytes | None = None) -> bytes:
    stamp = axdr.octet_string(INDIA.octets(BEGUN + timedelta(seconds=number * PERIOD_S)))
    count = axdr.double_long_unsigned(number) if value is None else value
    return axdr.structure(count, stamp if timed else axdr.null(), b"\x0d\x42")


UNTIMED = axdr.array([row(0, timed=True), *map(row, range(1, 12))])


@given(st.integers(-5, 15), st.integers(-5, 15))
def test_rows_without_times_are_cut_to_the_range(first: int, last: int) -> None:
    cut = untimed_between(UNTIMED, PERIOD_S, FIRST_S + first * PERIOD_S, FIRST_S + last * PERIOD_S)
    kept = range(max(first, 0), min(last, 11) + 1)
    assert cut == axdr.array(row(each, timed=each == kept[0]) for each in kept)


@pytest.mark.parametrize(
    "data",
    [
        axdr.array(row(each, timed=True) for each in range(4)),
        axdr.array([row(0, timed=True)]),
        axdr.array([row(0), row(1)]),
        UNTIMED + b"\x00\x00",
        UNTIMED[:-1],
        b"\x13" + UNTIMED[1:],
        b"\x01",
        b"",
    ],
)
def test_a_buffer_of_another_form_stays(data: bytes) -> None:
    assert untimed_between(data, PERIOD_S, FIRST_S + PERIOD_S, FIRST_S + 2 * PERIOD_S) == data


def test_a_row_with_another_null_does_not_begin_an_answer() -> None:
    data = axdr.array([row(0, timed=True), row(1, value=axdr.null()), row(2)])
    assert untimed_between(data, PERIOD_S, FIRST_S + PERIOD_S, FIRST_S + 2 * PERIOD_S) == data
