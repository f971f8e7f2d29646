# SPDX-License-Identifier: MIT
"""What flowed through a closed valve."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.dial_text import DialText, dial_text
from cloud_ingest.core.valve import LONGEST, SHORTEST, valve_test
from cloud_ingest.errors import SelfReadRefused

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 999), st.integers(0, 3))
def test_the_truth_lies_within_what_it_says(
    start: int, flowed: int, hidden: int, parts: int
) -> None:
    """The register hides three digits more than the dial shows."""

    def dial(register: int) -> DialText:
        text = str(register // 1000).rjust(parts + 1, "0")
        return DialText(text[: len(text) - parts], text[len(text) - parts :])

    begin = start * 1000 + hidden
    found = valve_test(dial(begin), AT, dial(begin + flowed), AT + HALF_AN_HOUR)
    true = Decimal(flowed).scaleb(-3 - parts)
    assert found.verdict in {"still", "too_coarse", "flowed"}
    assert found.least <= true < found.most
    assert found.verdict != "flowed" or true > 0


def test_a_second_value_below_the_first_says_nothing() -> None:
    assert valve_test(dial_text("5"), AT, dial_text("4"), AT + HALF_AN_HOUR).verdict == "fell"


@pytest.mark.parametrize(
    "took", [timedelta(), SHORTEST - timedelta(seconds=1), -SHORTEST, 2 * LONGEST]
)
def test_a_test_takes_its_time(took: timedelta) -> None:
    with pytest.raises(SelfReadRefused, match="ten minutes"):
        valve_test(dial_text("5"), AT, dial_text("5"), AT + took)


def test_both_dials_are_read_to_the_same_digit() -> None:
    with pytest.raises(SelfReadRefused, match="same digit"):
        valve_test(dial_text("5"), AT, dial_text("5.0"), AT + HALF_AN_HOUR)
