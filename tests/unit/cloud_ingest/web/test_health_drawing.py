# SPDX-License-Identifier: MIT
"""A strip is read by its shapes."""

from datetime import date

from cloud_ingest.views.health import DayShare, Strip
from cloud_ingest.web.health_drawing import HEIGHT, marks

DAY = date(2026, 11, 1)


def _kinds(*counts: tuple[int, int]) -> list[tuple[str, int]]:
    return [(each.kind, each.top) for each in marks(DayShare(DAY, *each) for each in counts)]


def test_a_day_is_as_high_as_what_came() -> None:
    assert _kinds((96, 96), (96, 48)) == [("whole", 0), ("part", HEIGHT // 2)]


def test_little_is_seen_and_much_is_not_all() -> None:
    assert _kinds((9600, 1), (9600, 9599)) == [("part", HEIGHT - 2), ("part", 2)]


def test_nothing_came_is_not_nothing_due() -> None:
    assert _kinds((96, 0), (0, 0)) == [("none", HEIGHT), ("not-due", HEIGHT)]


def test_a_share_is_of_what_was_due() -> None:
    strip = Strip((DayShare(DAY, 0, 0), DayShare(DAY, 96, 48), DayShare(DAY, 4, 4)))
    assert (strip.due, strip.whole, strip.permille) == (2, 1, 520)
    assert Strip((DayShare(DAY, 0, 0),)).permille is None
