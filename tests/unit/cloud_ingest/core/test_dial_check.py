# SPDX-License-Identifier: MIT
"""Dials beside a register: a factor is always told, a true register is never accused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_ingest.core.dial_check import DialPoint, Disagreement, Source, disagreement
from cloud_ingest.core.quality import RegisterBreak
from shared_schema.catalogue import Service
from shared_schema.quality import Reason

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WH = (-3, 1)
STEP = Decimal("0.001")
MONTH = (START, START + 31 * DAY)


def point(
    day: int, shown: str, register: str, source: Source = "dial", high: str | None = None
) -> DialPoint:
    """A dial and the rows on both sides of it; one value: both say the same."""
    low = Decimal(register)
    return DialPoint(
        START + day * DAY, source, Decimal(shown), STEP, low, Decimal(high or register), WH
    )


def against(*points: DialPoint, service: Service = Service.ELECTRICITY) -> Disagreement | None:
    return disagreement(points, service, {WH}, MONTH)


@given(
    moves=st.lists(st.integers(0, 100_000), min_size=1, max_size=6),
    late=st.lists(st.integers(0, 5_000), min_size=6, max_size=6),
    offset=st.integers(-(10**6), 10**6),
    begin=st.integers(10**6, 10**8),
)
def test_a_true_register_is_never_accused_by_two_dials(
    moves: list[int], late: list[int], offset: int, begin: int
) -> None:
    registers = list(accumulate(moves, initial=begin))
    points = [
        DialPoint(
            START + at * DAY,
            "dial",
            (raw + offset) * STEP,
            STEP,
            raw * STEP - (late[at] if at < 6 else 0) * STEP,
            raw * STEP + (late[-at - 1] if at < 6 else 0) * STEP,
            WH,
        )
        for at, raw in enumerate(registers)
    ]
    found = against(*points, service=Service.WATER)
    assert found is None or found.since == found.until, "movements agree"


@given(
    moved=st.integers(1_000, 10**6),
    factor=st.sampled_from(["10", "100", "0.1", "0.01", "40", "2.5", "0.4"]),
    offset=st.integers(0, 10**6),
    begin=st.integers(0, 10**6),
)
def test_a_factor_between_two_dials_is_told(
    moved: int, factor: str, offset: int, begin: int
) -> None:
    counted = int(moved * Decimal(factor))
    first = point(0, str((begin + offset) * STEP), str(begin * STEP))
    last = point(30, str((begin + offset + moved) * STEP), str((begin + counted) * STEP))
    found = against(first, last)
    assert found is not None
    assert found.is_factor
    assert (found.shown, found.low) == (moved * STEP, counted * STEP)


@pytest.mark.parametrize(
    ("service", "shown", "register", "is_told"),
    [
        (Service.ELECTRICITY, "12345.670", "1234.567", True),
        (Service.ELECTRICITY, "1234.567", "12345.670", True),
        (Service.ELECTRICITY, "40000.000", "1000.000", True),
        (Service.WATER, "40000.000", "1000.000", False),
        (Service.WATER, "815.300", "12.340", False),
        (Service.WATER, "1.234", "1.234", False),
        (Service.WATER, "0.120", "0.012", False),
    ],
)
def test_one_dial_tells_a_factor_alone(
    service: Service, shown: str, register: str, is_told: bool
) -> None:
    assert (against(point(0, shown, register), service=service) is not None) is is_told


def test_two_dials_acquit_what_one_accuses() -> None:
    first = point(0, "12345.670", "1234.567")
    assert against(first, point(14, "12359.110", "1248.007")) is None


def test_lost_pulses_say_nothing_of_another_month() -> None:
    lost = point(40, "110.000", "100.000"), point(60, "120.000", "109.000")
    assert against(*lost) is None
    within = point(10, "110.000", "100.000"), point(60, "120.000", "109.000")
    found = against(*within)
    assert found is not None
    assert not found.is_factor


def test_one_dial_tells_the_ratio_of_the_list() -> None:
    ratio = Decimal(3773)
    points = [point(3, "37730.000", "10.000")]
    assert against(*points) is None, "nobody makes such a transformer to 5 A"
    for shown in (points, [point(3, "10.000", "37730.000")]):
        found = disagreement(shown, Service.ELECTRICITY, {WH}, MONTH, ratios=(ratio,))
        assert found is not None
        assert found.is_factor


def test_a_factor_lasts_until_dials_agree() -> None:
    before = point(-30, "0.000", "0.000"), point(-15, "10.000", "100.000")
    assert against(*before) is not None
    assert against(*before, point(-1, "20.000", "110.000")) is None


def test_what_residents_entered_tells_only_a_factor() -> None:
    some = point(0, "100.000", "100.000", "entered"), point(30, "110.000", "109.000", "entered")
    assert against(*some) is None
    tenfold = point(0, "100.000", "100.000", "entered"), point(30, "110.000", "200.000", "entered")
    assert against(*tenfold) is not None


def test_nothing_is_compared_across_a_break_or_a_misread_dial() -> None:
    first, last = point(0, "100.000", "100.000"), point(30, "110.000", "900.000")
    jump = RegisterBreak(START + DAY, START + 2 * DAY, Reason.IMPLAUSIBLE)
    assert disagreement([first, last], Service.WATER, {WH}, MONTH, [jump]) is None
    assert against(first, point(30, "99.000", "110.000")) is None


def test_another_scale_tells_nothing() -> None:
    tenfold = point(0, "0.000", "0.000"), point(30, "10.000", "100.000")
    assert disagreement(tenfold, Service.WATER, {(-2, 1)}, MONTH) is None
