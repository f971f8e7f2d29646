# SPDX-License-Identifier: MIT
"""The valve test: a register that stands still, one that moves, and what neither can show."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.rules.valve import Shown, ValveTest

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
