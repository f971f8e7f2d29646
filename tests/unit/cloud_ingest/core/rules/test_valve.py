# SPDX-License-Identifier: MIT
"""The valve test: a register that stands still, one that moves, and what neither can show."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.rules.valve import WAITS, Shown, ValveTest, minutes_to_wait

AT = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)


def shown(litres: str, minutes: float = 0, step: str = "1") -> Shown:
    return Shown(AT + timedelta(minutes=minutes), Decimal(litres), Decimal(step))


@pytest.mark.parametrize(
    ("step", "minutes", "unseen"), [("1", 10, 6), ("10", 10, 60), ("1", 60, 1), ("0.1", 10, 1)]
)
def test_what_a_still_register_cannot_show(step: str, minutes: int, unseen: int) -> None:
    found = ValveTest(shown("5000", step=step), shown("5000", minutes, step=step))
    assert found.stands_still
    assert found.unseen_l_per_h == unseen
    said = found.sentence("A-1204")
    assert f"stood still for {minutes} minutes" in said
    assert f"What ran before at {unseen} L an hour or more runs in the flat" in said
    assert "a slower flow" in said


@pytest.mark.parametrize(
    ("step", "l_per_h", "minutes"),
    [
        ("1", None, 10),
        ("1", "6", 10),
        ("1", "5", 15),
        ("10", "5", 120),
        ("10", "20", 30),
        ("100", "50", 120),
        ("100", "30", 120),
        ("1", "0", 120),
    ],
)
def test_the_wait_is_what_a_step_needs(step: str, l_per_h: str | None, minutes: int) -> None:
    seen = None if l_per_h is None else Decimal(l_per_h)
    assert minutes_to_wait(Decimal(step), seen) == minutes


@given(st.decimals("0.01", 1000, places=2), st.decimals("0.01", 1000, places=2))
def test_a_wait_shows_the_flow_or_is_the_longest(step: Decimal, l_per_h: Decimal) -> None:
    minutes = minutes_to_wait(step, l_per_h)
    assert minutes == max(WAITS) or l_per_h * minutes >= step * 60
    shorter = [each for each in WAITS if each < minutes]
    assert all(l_per_h * each < step * 60 for each in shorter)


def test_a_wait_too_short_for_what_was_seen_proves_nothing() -> None:
    before, after = shown("5000", step="10"), shown("5000", 10, step="10")
    said = ValveTest(before, after, Decimal(5)).sentence("A-1204")
    assert "proves nothing yet: 5 L an hour was seen" in said
    assert said.endswith("shows no less than 60 L an hour. Test again for longer: --minutes 120.")


def test_a_still_register_does_not_say_that_nothing_runs() -> None:
    assert "nothing runs" not in ValveTest(shown("5000"), shown("5000", 10)).sentence("A-1204")


@pytest.mark.parametrize(("after", "way"), [("5003", "3 L passed"), ("4999", "1 L ran back")])
def test_a_register_that_moves_points_before_the_valve(after: str, way: str) -> None:
    found = ValveTest(shown("5000"), shown(after, 10.4))
    assert not found.stands_still
    said = found.sentence("A-1204")
    assert way in said
    assert "in 10 minutes with the valve closed" in said
    assert "between the meter and that valve" in said
