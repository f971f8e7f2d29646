# SPDX-License-Identifier: MIT
"""The balance of a tower: exact, whatever its members' registers count by."""

from decimal import Decimal

from cloud_ingest.core.balance import Taken, balance, taken_from_network
from shared_schema.quality import Quality, Reason

HUGE, TINY = Decimal(2**62).scaleb(9), Decimal(1).scaleb(-12)


def test_a_loss_is_exact_at_any_size() -> None:
    found = balance([Taken("bulk", HUGE), Taken("unit", TINY), Taken("common", Decimal(0))])
    assert found.loss is not None
    assert f"{found.loss:f}" == f"{2**62 * 10**9 - 1}.{'9' * 12}"
    assert found.loss_percent == Decimal("100.00")
    found = balance([Taken("bulk", TINY), Taken("unit", HUGE)])
    assert (found.quality, found.reasons) == (Quality.SUSPECT, (Reason.SUM_CHECK,))
    assert found.loss_percent is not None
    assert found.loss_percent < -(10**40)


def test_a_generator_is_not_taken_from_the_network() -> None:
    parts = [("grid", HUGE), ("inlet", TINY), ("generator", None)]
    total = taken_from_network(parts)
    assert f"{total:f}" == f"{2**62 * 10**9}.{'1':0>12}"
    assert taken_from_network([*parts, ("grid", None)]) is None


def test_a_bulk_of_zero_has_no_percentage() -> None:
    found = balance([Taken("bulk", Decimal(0)), Taken("unit", Decimal(0))])
    assert (found.loss, found.loss_percent) == (Decimal(0), None)
