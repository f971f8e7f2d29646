# SPDX-License-Identifier: MIT
"""The balance of a tower: exact, whatever its members' registers count by."""

from decimal import Decimal

from cloud_ingest.core.balance import (
    Drawn,
    MeterDraw,
    Taken,
    balance,
    taken_by_tower,
    taken_from_network,
)
from shared_schema.catalogue import Service
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


def moved(first: Decimal | None, second: Decimal | None) -> dict[str, list[Taken]]:
    parts = (MeterDraw("T1", "grid", first, self_read=True), MeterDraw("T2", "grid", second))
    found = taken_by_tower([Drawn("unit", Service.WATER, parts)])
    return {tower: taken for (tower, _), taken in found.items()}


def test_each_tower_has_its_part_of_a_move() -> None:
    assert moved(Decimal(7), Decimal(5)) == {
        "T1": [Taken("unit", Decimal(7), self_read=True)],
        "T2": [Taken("unit", Decimal(5))],
    }


def test_an_unknown_part_spoils_its_own_tower_alone() -> None:
    known = moved(None, Decimal(5))
    assert [taken[0].quantity for taken in known.values()] == [None, Decimal(5)]


def test_a_generator_alone_is_no_unit_of_a_tower() -> None:
    parts = (MeterDraw("T1", "grid", Decimal(7)), MeterDraw("T2", "generator", Decimal(5)))
    assert list(taken_by_tower([Drawn("unit", Service.WATER, parts)])) == [("T1", Service.WATER)]
