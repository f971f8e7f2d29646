# SPDX-License-Identifier: MIT
"""What a number states of estimates: sums of its parts, with the least good method."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.estimate import EstimatedUse
from cloud_ingest.month.count import Counted
from cloud_ingest.month.number_estimates import estimate_of, shares_of
from cloud_ingest.store.assignments import Assignment
from shared_schema.billing import Bounds, Estimate, EstimateMethod
from shared_schema.catalogue import Service
from shared_schema.message import MeterId

START = datetime(2026, 1, 1, tzinfo=UTC)
PART = Counted(
    Assignment(
        assignment_id=1,
        tower="T",
        subject_type="unit",
        subject="A-1",
        label="A-1",
        service=Service.WATER,
        source="inlet",
        legacy=False,
        valid_from=START,
        valid_to=None,
        meter_id=1,
        meter=MeterId(manufacturer="LNT", serial="1"),
        last_reading_at=None,
        author="me",
        reason="test",
        recorded_at=START,
    ),
    Measured(None, None, None),
)


def use(quantity: int, method: EstimateMethod | None) -> EstimatedUse:
    known = Decimal(quantity)
    return EstimatedUse(known, known - 1, known + 2, method)


def test_an_estimate_is_the_sum_of_its_parts() -> None:
    known, linear = use(10, None), use(5, EstimateMethod.LINEAR)
    found = estimate_of([replace(PART, estimate=known), replace(PART, estimate=linear)])
    bounds = Bounds(lower=Decimal(13), upper=Decimal(19))
    assert found == Estimate(quantity=Decimal(15), bounds=bounds, method=EstimateMethod.LINEAR)


def test_a_part_that_tells_nothing_leaves_no_estimate() -> None:
    assert estimate_of([PART, replace(PART, estimate=use(1, None))]) is None


def test_shares_add_up_by_month() -> None:
    good, days = use(3, EstimateMethod.GOOD_DAYS), use(4, EstimateMethod.WEEKDAYS)
    parts = [
        replace(PART, shares=(("2026-01", good), ("2026-02", days))),
        replace(PART, shares=(("2026-02", good),)),
    ]
    january, february = shares_of(parts)
    assert (january.month, january.share.quantity) == ("2026-01", Decimal(3))
    assert (february.month, february.share.quantity) == ("2026-02", Decimal(7))
    assert february.share.method is EstimateMethod.WEEKDAYS
