# SPDX-License-Identifier: MIT
"""How good a month is."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.consumption import Rules, Span, days_of, measure
from cloud_ingest.core.month import month_of
from cloud_ingest.core.quality import Intervals, combined_quality, falls_within, sum_check
from cloud_ingest.core.register import DayRegister, Register
from shared_schema.quality import Origin, Quality

KOLKATA = ZoneInfo("Asia/Kolkata")
CHANNEL = 7
JULY = month_of(2026, 7, KOLKATA)
HOUR = timedelta(hours=1)
RULES = Rules()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def reading(ts: datetime, raw: int, origin: Origin = Origin.METER) -> Register:
    return Register(CHANNEL, ts, raw, origin, -3)


@pytest.mark.parametrize(
    ("total", "count", "verdict"),
    [("10", 2976, True), ("10.031", 2976, True), ("10.1", 2976, False), ("10.1", 2975, None)],
)
def test_the_sum_check(total: str, count: int, verdict: bool | None) -> None:
    readings = [reading(JULY.start, 0), reading(JULY.end, 10_000)]
    measured = measure(readings, {}, JULY, Span(LONG_AGO), RULES)
    intervals = Intervals(count, Decimal(total), 900, Decimal("0.001"))
    assert sum_check(measured, intervals, JULY, Decimal("0.001")) is verdict


def test_a_sum_is_as_good_as_its_parts() -> None:
    good, dial, bad = Quality.VALIDATED, Quality.SELF_READ, Quality.SUSPECT
    assert combined_quality([good, good]) is good
    assert combined_quality([good, dial]) is Quality.MIXED
    assert combined_quality([good, dial, bad]) is bad


def test_a_fall_within_shows_in_the_days() -> None:
    readings = [reading(JULY.start, 100), reading(JULY.end, 900)]
    measured = measure(readings, {}, JULY, Span(LONG_AGO), RULES)
    ninth = DayRegister(CHANNEL, date(2026, 7, 9), JULY.start + 200 * HOUR, 0, -3)
    days = days_of(measured, [ninth], {}, KOLKATA)
    assert falls_within(days)
    assert sum(days.values()) == measured.quantity == Decimal("0.800")
