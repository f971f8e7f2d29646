# SPDX-License-Identifier: MIT
"""Which ends leave too much of a number open: by what may lie there, and by how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.border import Border
from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.open_ends import too_open
from cloud_ingest.core.register import Register
from shared_schema.quality import Origin, Reason

START = datetime(2026, 6, 1, tzinfo=UTC)
END = START + timedelta(days=30)
DAY = timedelta(days=1)
STEP = timedelta(microseconds=1)


def border(at: datetime, read_at: datetime, width: str, *reasons: Reason) -> Border:
    read = Register(1, read_at, 0, Origin.METER, -3)
    return Border(at, read, Decimal(0), Decimal(width), frozenset(reasons))


def part(
    quantity: str, late: timedelta, width: str, reason: Reason = Reason.INCOMPLETE
) -> Measured:
    begin = border(START, START + late, width, reason)
    end = border(END, END, "0")
    return Measured(begin.chosen, end.chosen, Decimal(quantity), begin=begin, end=end)


def test_a_day_of_a_month_may_be_unread() -> None:
    assert too_open([part("80", DAY, "10000")]) == []
    late = part("80", DAY + STEP, "10000")
    assert too_open([late]) == [late]


def test_an_eighth_of_a_number_may_be_open() -> None:
    assert too_open([part("80", 5 * DAY, "10")]) == []
    wide = part("80", 5 * DAY, "10.001")
    assert too_open([wide]) == [wide]


def test_an_end_without_bounds_is_wide() -> None:
    late = part("80", 5 * DAY, "0")
    assert late.begin is not None
    late = replace(late, begin=replace(late.begin, low=None, high=None))
    assert too_open([late]) == [late]


def test_a_border_that_was_read_is_never_too_open() -> None:
    for reason in (Reason.NEAR_BORDER, Reason.BORDER_PLACED, Reason.SELF_READ):
        assert too_open([part("1", 2 * DAY, "10000", reason)]) == []


def test_a_part_without_a_quantity_leaves_nothing_open() -> None:
    unproved = replace(part("1", 5 * DAY, "10000"), quantity=None)
    assert too_open([unproved, part("1", 5 * DAY, "10000")]) == []


def test_the_whole_number_of_a_subject_counts() -> None:
    small = part("1", 5 * DAY, "10")
    assert too_open([small, part("79", timedelta(), "0")]) == []


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 30 * 24))
def test_too_open_is_long_unread_and_wide(number: int, width: int, hours: int) -> None:
    found = too_open([part(str(number), timedelta(hours=hours), str(width))])
    assert bool(found) == (hours > 24 and 8 * width > number)
