# SPDX-License-Identifier: MIT
"""Each tower has what moved into it for its time, and each sub-bulk meter what hung below it."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.balance import Node
from cloud_ingest.core.month import month_of
from cloud_ingest.core.unit_list import MORE_COLUMNS
from cloud_ingest.flags.tower_days import Stretch, read_towers
from cloud_ingest.month.close import close_month
from cloud_ingest.month.published import shown_month
from cloud_ingest.month.published_balances import shown_day_balances, shown_society_balances
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.ratings import limits_of
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.balances import day_balances, month_balances
from cloud_ingest.usage.so_far import day_usage, month_usage
from shared_schema.balance import SubBalance
from tests.support.store import SOCIETY, ZONE, Site, every, kwh, local, unit_line

START, MOVED, END = (local(f"2026-{day} 00:00") for day in ("07-01", "07-16", "08-01"))
HOUR = timedelta(hours=1)
NOW = local("2026-08-05 09:00")


@pytest.fixture
def moved(site: Site) -> Site:
    """A-1 uses 10 Wh an hour; on 16 July it goes from T1 to T2 with its meter."""
    site.units(
        unit_line("A-1", "1", tower="T1", until="2026-07-16"),
        unit_line("A-1", "1", tower="T2", since="2026-07-16"),
        unit_line("B-1", "2", tower="T1", kind="bulk"),
        unit_line("B-2", "3", tower="T2", kind="bulk"),
    )
    begin, end = START - 2 * HOUR, END + 2 * HOUR
    site.deliver("1", every(begin, end, 1000, 10, HOUR))
    hours = [at for at, _ in every(begin, end, 0, 0, HOUR)]
    site.deliver("2", [(at, 11 * ((min(at, MOVED) - begin) // HOUR)) for at in hours])
    site.deliver("3", [(at, 11 * ((max(at, MOVED) - MOVED) // HOUR)) for at in hours])
    return site


def test_each_tower_has_its_part_of_a_moved_unit(moved: Site) -> None:
    closed = close_month(moved.conn, SOCIETY, "2026-07", NOW)
    towers = {each.tower: each for each in closed.reconciliations}
    assert {tower: each.units for tower, each in towers.items()} == {
        "T1": kwh(10 * 24 * 15),
        "T2": kwh(10 * 24 * 16),
    }
    assert {each.loss_percent for each in towers.values()} == {Decimal("9.09")}
    assert {(each.units_known, each.units_total) for each in towers.values()} == {(1, 1)}
    (number,) = (each for each in closed.numbers if each.subject.id == "A-1")
    assert (number.quantity, number.tower) == (kwh(10 * 24 * 31), "T2")


def test_the_towers_so_far_agree_with_the_closed_month(moved: Site) -> None:
    closed = close_month(moved.conn, SOCIETY, "2026-07", NOW)
    usages = month_usage(moved.conn, find_society(moved.conn, SOCIETY), month_of(2026, 7, ZONE))
    assert {each.tower: each.balance.loss for each in month_balances(usages)} == {
        each.tower: each.loss for each in closed.reconciliations
    }


def below(parent: str, line: str) -> str:
    """Say in a line which bulk meter stands above its meter."""
    return line + "," * (MORE_COLUMNS.index("parent") + 1) + parent


@pytest.fixture
def risers(site: Site) -> Site:
    """A-1 hangs below Riser until 16 July and below Main after; Lift hangs below Riser."""
    site.units(
        unit_line("Main", "8", tower="T1", kind="bulk"),
        below("Main", unit_line("Riser", "9", tower="T1", kind="bulk")),
        below("Riser", unit_line("A-1", "1", tower="T1", until="2026-07-16")),
        below("Main", unit_line("A-1", "1", tower="T1", since="2026-07-16")),
        below("Riser", unit_line("Lift", "2", tower="T1", kind="common")),
    )
    begin, end = START - 2 * HOUR, END + 2 * HOUR
    for serial, step in (("1", 10), ("2", 5), ("8", 40), ("9", 20)):
        site.deliver(serial, every(begin, end, 1000, step, HOUR))
    return site


def unaccounted(nodes: Iterable[Node | SubBalance]) -> list[Decimal | None]:
    return [each.unaccounted for each in nodes]


def test_a_sub_bulk_has_what_hung_below_it(risers: Site) -> None:
    (found,) = close_month(risers.conn, SOCIETY, "2026-07", NOW).reconciliations
    first, second, whole = 24 * 15, 24 * 16, 24 * 31
    own, riser = found.below
    assert (own.meter, own.units, own.passed[0].name) == (None, kwh(10 * second), "Riser")
    assert (riser.units, riser.commons[0].name) == (kwh(10 * first), "Lift")
    assert unaccounted(found.below) == [
        kwh(40 * whole - 10 * second - 20 * whole),
        kwh(20 * whole - 10 * first - 5 * whole),
    ]
    assert (
        found.loss
        == kwh(40 * whole - 10 * whole - 5 * whole)
        == sum(each.unaccounted or 0 for each in found.below)
    )
    assert (found.units_known, found.units_total) == (1, 1)
    assert found.doubt is not None
    assert found.doubt.resolution == Decimal("0.004")


def test_the_tree_so_far_is_that_of_the_closed_month(risers: Site) -> None:
    society_id, july = find_society(risers.conn, SOCIETY), month_of(2026, 7, ZONE)
    refresh(risers.conn, NOW)
    so_far = month_balances(month_usage(risers.conn, society_id, july))
    days = day_balances(day_usage(risers.conn, society_id, july, ZONE), ZONE)
    (closed,) = close_month(risers.conn, SOCIETY, "2026-07", NOW).reconciliations
    published = shown_day_balances(risers.conn, society_id, july, ZONE)
    assert published is not None
    assert unaccounted(so_far[0].balance.nodes) == unaccounted(closed.below)
    for each in (days, published):
        own = [day.balance for day in each if day.day is not None and day.day.month == 7]
        for place in (0, 1):
            parts = [day.nodes[place].unaccounted for day in own]
            assert len(parts) == 31
            assert sum((part or 0 for part in parts), Decimal(0)) == closed.below[place].unaccounted


def test_a_closed_month_shows_its_sub_bulks(risers: Site) -> None:
    close_month(risers.conn, SOCIETY, "2026-07", NOW)
    july = month_of(2026, 7, ZONE)
    found = shown_month(risers.conn, find_society(risers.conn, SOCIETY), july, ZONE)
    assert found is not None
    bulks = {each.subject: each.quantity for each in found.numbers if each.subject_type == "bulk"}
    assert bulks == {"Main": kwh(40 * 744), "Riser": kwh(20 * 744)}


def test_a_sub_bulk_is_no_second_bulk_of_the_rules(risers: Site) -> None:
    refresh(risers.conn, NOW)
    stretch = Stretch(date(2026, 7, 1), date(2026, 7, 31), ZONE)
    (tower,) = read_towers(risers.conn, find_society(risers.conn, SOCIETY), stretch)
    assert [each.subject for each in tower.bulk] == ["Main"]
    assert sorted(name.split()[1] for name in tower.places) == ["A-1", "Lift"]


def test_a_meter_of_no_tower_balances_the_society(moved: Site) -> None:
    moved.units(unit_line("Estate", "4", tower="", kind="bulk"))
    moved.deliver("4", every(START - 2 * HOUR, END + 2 * HOUR, 0, 12, HOUR))
    closed = close_month(moved.conn, SOCIETY, "2026-07", NOW)
    assert [each.tower for each in closed.reconciliations] == ["T1", "T2"]
    society_id, july = find_society(moved.conn, SOCIETY), month_of(2026, 7, ZONE)
    (whole,) = shown_society_balances(moved.conn, society_id, july, ZONE)
    given = [each.bulk for each in closed.reconciliations]
    assert [each.quantity for each in whole.balance.passed_on] == given
    assert whole.balance.loss == kwh(12 * 744) - sum((each or 0 for each in given), Decimal(0))
    so_far = month_balances(month_usage(moved.conn, society_id, july))
    assert [each.tower for each in so_far] == [None, "T1", "T2"]
    assert so_far[0].balance == whole.balance


def test_the_class_of_meters_bounds_what_is_lost(site: Site) -> None:
    places = [unit_line("Main", "8", tower="T1", kind="bulk"), unit_line("A-1", "1", tower="T1")]
    column = MORE_COLUMNS.index("accuracy_class") + 1
    site.units(*(line + "," * column + "1" for line in places))
    for serial, step in (("8", 1000), ("1", 990)):
        site.deliver(serial, every(START - 2 * HOUR, END + 2 * HOUR, 0, step, HOUR))
    society_id, july = find_society(site.conn, SOCIETY), month_of(2026, 7, ZONE)
    (found,) = close_month(site.conn, SOCIETY, "2026-07", NOW).reconciliations
    assert found.doubt is not None
    assert found.doubt.meters == Decimal("14.8056")  # 1 % of 744 kWh and of 736.56 kWh
    assert (found.doubt.meters_rated, found.doubt.meters_total) == (2, 2)
    assert "within the meters' own error of 14.806" in found.sentence
    limits = limits_of(site.conn, society_id)
    (so_far,) = month_balances(month_usage(site.conn, society_id, july), limits=limits)
    assert so_far.balance.uncertainty is not None
    assert so_far.balance.uncertainty.meters == found.doubt.meters
