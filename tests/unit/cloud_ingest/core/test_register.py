# SPDX-License-Identifier: MIT
"""What a billed register says."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud_ingest.core.register import Epoch, has_absurd_scaler, tolerance_of, with_epoch
from shared_schema.billing import billing_exponent
from shared_schema.catalogue import Service, Unit


def test_units_of_billing() -> None:
    assert billing_exponent(Service.ELECTRICITY, Unit.WATT_HOUR, 1) == -2
    assert billing_exponent(Service.WATER, Unit.CUBIC_METRE, -3) == -3
    assert billing_exponent(Service.WATER, Unit.LITRE, 0) == -3
    assert billing_exponent(Service.WATER, Unit.WATT_HOUR, 0) is None
    assert billing_exponent(Service.ELECTRICITY, Unit.VOLT, 0) is None


@pytest.mark.parametrize(("scaler", "absurd"), [(-10, True), (-9, False), (9, False), (10, True)])
def test_an_absurd_scaler_is_not_billed(scaler: int, absurd: bool) -> None:
    exponent = billing_exponent(Service.ELECTRICITY, Unit.WATT_HOUR, scaler)
    assert exponent == (None if absurd else scaler - 3)
    assert has_absurd_scaler(Service.ELECTRICITY, Unit.WATT_HOUR, scaler) is absurd
    assert not has_absurd_scaler(Service.ELECTRICITY, Unit.VOLT, scaler)


def test_a_day_is_no_tolerance_for_a_border() -> None:
    assert tolerance_of(1800) == timedelta(minutes=30)
    assert tolerance_of(0) == tolerance_of(86400) == timedelta(minutes=15)


def test_a_corrected_epoch_moves_those_after_it() -> None:
    first, second = (datetime(2026, 7, day, tzinfo=UTC) for day in (10, 20))
    once = with_epoch([], first, 1000)
    twice = with_epoch(once, second, 1000)
    assert twice == [Epoch(first, 1000), Epoch(second, 2000)]
    assert with_epoch(twice, first, 1005) == [Epoch(first, 1005), Epoch(second, 2005)]
    assert with_epoch(twice, second, 0) == [Epoch(first, 1000), Epoch(second, 1000)]
