# SPDX-License-Identifier: MIT
"""The balance of a tower: exact, whatever its members' registers count by."""

from decimal import Decimal

from cloud_ingest.core.balance import Balance, Drawn, Entered, MeterDraw, Share, Supply
from cloud_ingest.core.balance_tree import balances
from shared_schema.catalogue import Service
from shared_schema.quality import Quality, Reason

HUGE, TINY = Decimal(2**62).scaleb(9), Decimal(1).scaleb(-12)


def one(kind: str, name: str, *parts: MeterDraw) -> Drawn:
    return Drawn(kind, Service.ELECTRICITY, parts, name)  # type: ignore[arg-type]


def drew(quantity: float | Decimal | None, source: str = "grid", **more: object) -> MeterDraw:
    exact = None if quantity is None else Decimal(str(quantity))
    return MeterDraw(str(more.pop("tower", "T1")), source, exact, **more)  # type: ignore[arg-type]


def estate(name: str, quantity: float) -> Drawn:
    return one("bulk", name, MeterDraw(None, "grid", Decimal(str(quantity))))


def told(*values: object) -> tuple[object, ...]:
    return values


def of(*subjects: Drawn, entered: tuple[Entered, ...] = ()) -> dict[str | None, Balance]:
    return {tower: found for (tower, _), found in balances(subjects, entered).items()}


def test_a_loss_is_exact_at_any_size() -> None:
    found = of(
        one("bulk", "B", drew(HUGE)),
        one("unit", "A", drew(TINY)),
        one("common", "Lift", drew(0)),
    )["T1"]
    assert found.loss is not None
    assert f"{found.loss:f}" == f"{2**62 * 10**9 - 1}.{'9' * 12}"
    assert found.loss_percent == Decimal("100.00")
    found = of(one("bulk", "B", drew(TINY)), one("unit", "A", drew(HUGE)))["T1"]
    assert told(found.quality, found.reasons) == (Quality.SUSPECT, (Reason.SUM_CHECK,))
    assert found.loss_percent is not None
    assert found.loss_percent < -(10**40)


def test_a_bulk_of_zero_has_no_percentage() -> None:
    found = of(one("bulk", "B", drew(0)), one("unit", "A", drew(0)))["T1"]
    assert told(found.loss, found.loss_percent) == (Decimal(0), None)


def test_common_areas_have_their_names() -> None:
    found = of(
        one("bulk", "B", drew(20)),
        one("common", "Pump", drew(4)),
        one("common", "Lift", drew(2), drew(1, "inlet-2")),
    )["T1"]
    assert found.commons == (Share("Lift", Decimal(3)), Share("Pump", Decimal(4)))
    assert told(found.common, found.loss) == (Decimal(7), Decimal(13))


def test_no_common_meter_is_not_zero() -> None:
    found = of(one("bulk", "B", drew(20)), one("unit", "A", drew(4)))["T1"]
    assert told(found.common, found.commons, found.loss) == (None, (), Decimal(16))


def test_an_unknown_meter_is_named() -> None:
    found = of(
        one("bulk", "B", drew(20)), one("unit", "A-2", drew(None)), one("unit", "A-1", drew(4))
    )["T1"]
    assert told(found.loss, found.unknown) == (None, ("A-2",))
    assert told(found.units_known, found.units_total, found.reasons) == (1, 2, (Reason.INCOMPLETE,))


def test_a_tower_without_bulk_meter_says_so() -> None:
    found = of(one("unit", "A", drew(4)))["T1"]
    assert told(found.bulk, found.reasons, found.supplies) == (None, (Reason.NO_METER,), ())


def moved(first: float | None, second: float | None) -> dict[str | None, Balance]:
    return of(one("unit", "A", drew(first, self_read=True), drew(second, tower="T2")))


def test_each_tower_has_its_part_of_a_move() -> None:
    found = moved(7, 5)
    assert {tower: each.units for tower, each in found.items()} == {"T1": 7, "T2": 5}
    assert Reason.SELF_READ in found["T1"].reasons
    assert Reason.SELF_READ not in found["T2"].reasons


def test_an_unknown_part_spoils_its_own_tower_alone() -> None:
    found = moved(None, 5)
    assert [each.units_known for each in found.values()] == [0, 1]


def test_a_generator_alone_is_no_unit_of_a_tower() -> None:
    assert list(of(one("unit", "A", drew(7), drew(5, "generator", tower="T2")))) == ["T1"]


def test_a_generator_with_meters_below_is_balanced_apart() -> None:
    found = of(
        one("bulk", "B", drew(20)),
        one("bulk", "DG", drew(6, "generator")),
        one("unit", "A", drew(15), drew(5, "generator")),
        entered=(Entered("T1", Service.ELECTRICITY, "generator", Decimal(3), "guard"),),
    )["T1"]
    assert told(found.bulk, found.units, found.loss) == (20, 15, 5)
    assert found.generator is not None
    assert told(found.generator.given, found.generator.units, found.generator.unaccounted) == (
        6,
        5,
        1,
    )
    assert told(found.generator.run_hours, found.generator.by) == (3, ("guard",))


def test_a_generator_without_meters_below_came_in() -> None:
    found = of(
        one("bulk", "B", drew(20)),
        one("bulk", "DG", drew(6, "generator")),
        one("unit", "A", drew(24)),
    )["T1"]
    assert told(found.bulk, found.loss) == (26, 2)
    assert found.generator is not None
    assert found.generator.is_in_bulk


def test_what_was_given_back_did_not_stay() -> None:
    found = of(
        one("bulk", "B", drew(20, exported=Decimal(3))),
        one("bulk", "Panels", drew(10, "solar")),
        one("unit", "A", drew(12, exported=Decimal(2)), drew(4, "solar")),
    )["T1"]
    # 20 - 3 + 10 by the meters; the unit's panels gave 4, and 2 of that came back.
    assert told(found.bulk, found.units, found.loss) == (33, 16, 17)
    assert [told(each.source, each.quantity) for each in found.supplies] == [
        ("grid", 20),
        ("solar", 10),
        ("solar", 4),
        ("export", 2),
    ]


def test_water_by_hand_came_in_too() -> None:
    by_hand = Entered("T1", Service.ELECTRICITY, "tanker", Decimal(10), "guard")
    found = of(one("bulk", "B", drew(20)), one("unit", "A", drew(24)), entered=(by_hand, by_hand))[
        "T1"
    ]
    assert told(found.bulk, found.loss) == (40, 16)
    assert found.supplies[-1] == Supply("tanker", Decimal(20), by=("guard",))


def test_a_sub_bulk_balances_what_hangs_below_it() -> None:
    found = of(
        one("bulk", "Main", drew(100)),
        one("bulk", "Riser", drew(50, parent="Main")),
        one("unit", "A", drew(30, parent="Riser")),
        one("unit", "B", drew(20, parent="Main")),
        one("common", "Lift", drew(10)),
    )["T1"]
    own, riser = found.nodes
    assert told(own.name, own.unaccounted, own.passed) == (None, 20, (Share("Riser", Decimal(50)),))
    assert told(riser.name, riser.above, riser.unaccounted) == ("Riser", None, 20)
    assert found.loss == 40


def test_an_unknown_sub_bulk_leaves_the_tower_its_loss() -> None:
    found = of(
        one("bulk", "Main", drew(100)),
        one("bulk", "Riser", drew(None, parent="Main")),
        one("unit", "A", drew(30, parent="Riser")),
    )["T1"]
    assert found.loss == 70
    assert [told(each.unaccounted, each.unknown) for each in found.nodes] == [
        (None, ("Riser",)),
        (None, ("Riser",)),
    ]


def test_a_circle_of_parents_ends() -> None:
    found = of(
        one("bulk", "Main", drew(100)),
        one("bulk", "X", drew(10, parent="Y")),
        one("bulk", "Y", drew(20, parent="X")),
    )["T1"]
    assert [each.name for each in found.nodes] == [None, "X", "Y"]
    assert sum(each.unaccounted or 0 for each in found.nodes) == found.loss == 100


def test_the_society_balances_its_towers() -> None:
    found = of(
        estate("Inlet", 100),
        one("bulk", "B1", drew(50)),
        one("unit", "A", drew(45)),
        one("bulk", "DG", drew(9, "generator")),
        one("unit", "C", drew(20, tower="T2")),
    )
    assert found[None].passed_on == (Share("T1", Decimal(50)),)
    assert told(found[None].bulk, found[None].units, found[None].loss) == (100, 20, 30)
    assert found["T1"].loss == 14
    assert found["T2"].bulk is None


def test_a_tower_that_feeds_another_keeps_the_rest() -> None:
    found = of(
        one("bulk", "B1", drew(100)),
        one("bulk", "B2", drew(40, tower="T2", parent="B1")),
        one("unit", "A", drew(50)),
        one("unit", "C", drew(30, tower="T2")),
    )
    assert told(found["T1"].bulk, found["T1"].passed_on) == (60, (Share("T2", Decimal(40)),))
    assert told(found["T1"].loss, found["T2"].loss) == (10, 10)


def test_uncertainty_is_of_borders_registers_and_meters() -> None:
    found = of(
        one("bulk", "B", drew(Decimal("20.00"), error=Decimal("0.01"))),
        one("unit", "A", drew(Decimal("15.000"), spread=Decimal("0.5"), error=Decimal("0.02"))),
        one("unit", "C", drew(Decimal("4.8"), step=Decimal("0.2"))),
    )["T1"]
    doubt = found.uncertainty
    assert doubt is not None
    assert told(doubt.borders, doubt.resolution) == (Decimal("0.5"), Decimal("0.211"))
    assert told(doubt.meters, doubt.meters_rated, doubt.meters_total) == (Decimal("0.5"), 2, 3)
    assert doubt.total == Decimal("1.211")


def test_a_border_without_bounds_leaves_all_open() -> None:
    found = of(one("bulk", "B", drew(20)), one("unit", "A", drew(15, spread=None)))["T1"]
    assert found.uncertainty is not None
    assert found.uncertainty.total is None


def test_panels_are_no_other_way_in() -> None:
    found = of(
        one("bulk", "Main", drew(100)),
        one("bulk", "Panels", drew(10, "solar")),
        one("bulk", "Riser", drew(50, parent="Main")),
        one("unit", "A", drew(45)),
    )["T1"]
    assert [told(each.name, each.unaccounted) for each in found.nodes] == [
        (None, 15),
        ("Riser", 50),
    ]


def test_two_mains_are_ways_of_their_own() -> None:
    mains = (one("bulk", "M1", drew(100)), one("bulk", "M2", drew(50)))
    below = (one("unit", "A", drew(90, parent="M1")), one("unit", "B", drew(40, parent="M2")))
    apart = of(*mains, *below)["T1"]
    assert [told(each.name, each.unaccounted) for each in apart.nodes] == [
        (None, 0),
        ("M1", 10),
        ("M2", 10),
    ]
    assert of(*mains, *below, one("unit", "C", drew(5)))["T1"].nodes == ()


def test_a_unit_that_is_known_in_part_adds_nothing() -> None:
    found = of(one("unit", "A", drew(4), drew(None, "inlet-2")), one("unit", "B", drew(3)))["T1"]
    assert told(found.units, found.units_known) == (3, 1)
