# SPDX-License-Identifier: MIT
"""What disproves a month is the same when it is closed and when it is shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.dial_check import DialPoint
from cloud_ingest.core.disproof import Witnesses, disproofs, is_read_past
from cloud_ingest.core.month import Month
from cloud_ingest.core.quality import Intervals
from cloud_ingest.core.rating import Rating, Transformers
from cloud_ingest.core.register import Register
from shared_schema.catalogue import Service
from shared_schema.quality import Origin, Reason

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 2, 1, tzinfo=UTC)
MONTH = Month(START.date(), START, END)
STEP = Decimal("0.001")


def measured(origin: Origin) -> Measured:
    opening, closing = (Register(1, at, raw, origin, -3) for at, raw in ((START, 0), (END, 50_000)))
    return Measured(opening, closing, Decimal(50))


def point(at: datetime, shown: int, register: int) -> DialPoint:
    low = Decimal(register)
    return DialPoint(at, "dial", Decimal(shown), STEP, low, low, (-3, 1))


APART = (point(START, 1000, 100), point(END - timedelta(hours=1), 1500, 150))
WITNESSES = Witnesses(
    service=Service.WATER,
    weights={1: 1},
    epochs={},
    breaks=(),
    points=(),
    intervals=None,
    step=STEP,
    most_per_day=Decimal(5),
)


def test_a_month_that_nothing_speaks_against_stands() -> None:
    assert disproofs(measured(Origin.METER), WITNESSES, MONTH) == set()


def test_each_witness_speaks_for_itself() -> None:
    month = measured(Origin.METER)
    few = replace(WITNESSES, most_per_day=Decimal(1))
    assert disproofs(month, few, MONTH) == {Reason.IMPLAUSIBLE}
    read = replace(WITNESSES, points=APART)
    assert disproofs(month, read, MONTH) == {Reason.SCALER}
    summed = replace(WITNESSES, intervals=Intervals(31 * 96, Decimal(49), 900, STEP))
    assert disproofs(month, summed, MONTH) == {Reason.SUM_CHECK}


@pytest.mark.parametrize(("origin", "stands"), [(Origin.METER, False), (Origin.SELF_READ, True)])
def test_dials_at_both_ends_stand_for_a_register(origin: Origin, *, stands: bool) -> None:
    read = replace(WITNESSES, points=APART)
    assert is_read_past(measured(origin), read) is stands
    assert (disproofs(measured(origin), read, MONTH) == set()) is stands


@pytest.mark.parametrize("origin", [Origin.METER, Origin.SELF_READ])
def test_a_secondary_register_is_no_quantity_whoever_reads_it(origin: Origin) -> None:
    later = START + timedelta(days=9)
    ratio = Decimal(40)
    secondary, primary = Transformers(None, ratio, True), Transformers(later, ratio, False)
    behind = replace(WITNESSES, rating=Rating(transformers=(secondary,)))
    assert disproofs(measured(origin), behind, MONTH) == {Reason.SCALER}
    assert not is_read_past(measured(origin), replace(behind, points=APART))
    mended = replace(WITNESSES, rating=Rating(transformers=(secondary, primary)))
    assert disproofs(measured(origin), mended, MONTH) == {Reason.SCALER}, "it began so"
    before = Transformers(START, ratio, False)
    between = (
        Transformers(later, ratio, True),
        Transformers(later + timedelta(days=3), ratio, False),
    )
    passing = replace(WITNESSES, rating=Rating(transformers=(before, *between)))
    assert disproofs(measured(origin), passing, MONTH) == {Reason.SCALER}, "for three days"
    stands = replace(WITNESSES, rating=Rating(transformers=(secondary, before)))
    assert disproofs(measured(origin), stands, MONTH) == set()
