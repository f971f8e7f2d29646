# SPDX-License-Identifier: MIT
"""A unit that moved within a month has its part in each tower."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.month import month_of
from cloud_ingest.month.close import close_month
from cloud_ingest.store.registry import find_society
from cloud_ingest.views.balances import month_balances
from cloud_ingest.views.usage import month_usage
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
