# SPDX-License-Identifier: MIT
"""What a tower and its units give back to the grid stands in its balance, or says it is unknown."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.month import month_of
from cloud_ingest.month.close import close_month
from cloud_ingest.month.published_balances import shown_balances, shown_day_balances
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.load_days import ACTIVE_EXPORT
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.balances import TowerBalance, day_balances, month_balances
from cloud_ingest.usage.given_back import days_given_back, given_back_so_far
from cloud_ingest.usage.so_far import day_usage, month_usage
from shared_schema.balance import Reconciliation
from tests.support.store import ENERGY_WH, SOCIETY, ZONE, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
JULY = month_of(2026, 7, ZONE)
HOUR = timedelta(hours=1)
BEGIN, LAST = START - 2 * HOUR, END + 2 * HOUR
HOURS = 31 * 24
NOW = local("2026-08-05 09:00")
EXPORT_WH = ENERGY_WH.model_copy(update={"obis": ACTIVE_EXPORT})

Rows = Sequence[tuple[datetime, int]]


def rising(step: int) -> Rows:
    return every(BEGIN, LAST, 1000, step, HOUR)


def without(rows: Rows, *times: datetime) -> Rows:
    return [row for row in rows if row[0] not in times]


@pytest.fixture
def solar(site: Site) -> Site:
    """Each hour: 100 Wh from the grid, 30 of panels, 20 back to it; A-1 uses 90 and gives 5."""
    site.units(
        unit_line("Main", "8", tower="T1", kind="bulk"),
        unit_line("Panels", "9", tower="T1", kind="bulk", source="solar"),
        unit_line("A-1", "1", tower="T1"),
        unit_line("A-2", "2", tower="T1"),
    )
    for serial, step in (("8", 100), ("9", 30), ("1", 90), ("2", 10)):
        site.deliver(serial, rising(step))
    return site


def export(site: Site, serial: str, rows: Rows) -> None:
    site.deliver(serial, rows, column=EXPORT_WH)


def close(site: Site) -> Reconciliation:
    (found,) = close_month(site.conn, SOCIETY, "2026-07", NOW).reconciliations
    return found


def so_far(site: Site) -> TowerBalance:
    usages = month_usage(site.conn, find_society(site.conn, SOCIETY), JULY)
    (found,) = month_balances(usages, exports=given_back_so_far(site.conn, usages))
    return found


def so_far_days(site: Site) -> list[TowerBalance]:
    usages = day_usage(site.conn, find_society(site.conn, SOCIETY), JULY, ZONE)
    found = given_back_so_far(site.conn, [usage.month for usage in usages])
    return day_balances(usages, ZONE, exports=days_given_back(site.conn, found, JULY, ZONE))


def test_grid_and_solar_less_export_are_use_and_unaccounted(solar: Site) -> None:
    export(solar, "8", rising(20))
    export(solar, "1", rising(5))
    found = close(solar)
    assert [(each.source, each.quantity, each.exported) for each in found.supplies] == [
        ("grid", kwh(100 * HOURS), kwh(20 * HOURS)),
        ("solar", kwh(30 * HOURS), None),
        ("export", kwh(5 * HOURS), None),
    ]
    # 100 + 30 + 5 - 20 = 115 an hour came in; 90 + 10 of it were used.
    assert (found.bulk, found.units) == (kwh(115 * HOURS), kwh(100 * HOURS))
    assert (found.loss, found.unknown) == (kwh(15 * HOURS), ())
    assert found.doubt is not None
    assert found.doubt.resolution == Decimal("0.006")  # four import registers and two of export


def test_the_export_so_far_is_that_of_the_closed_month(solar: Site) -> None:
    export(solar, "8", without(rising(20), LAST))
    export(solar, "1", rising(5))
    refresh(solar.conn, NOW)
    here, days = so_far(solar), so_far_days(solar)
    society_id = find_society(solar.conn, SOCIETY)
    closed = close(solar)
    shown = shown_balances(solar.conn, society_id, JULY)
    published = shown_day_balances(solar.conn, society_id, JULY, ZONE)
    assert shown is not None
    assert published is not None
    assert shown[0].balance == here.balance
    for each in (days, published):
        losses = [day.balance.loss for day in each if day.day is not None and day.day.month == 7]
        assert losses == [kwh(15 * 24)] * 31
    assert closed.loss == kwh(15 * HOURS)


def test_an_export_is_in_no_number_of_a_unit(solar: Site) -> None:
    before = close_month(solar.conn, SOCIETY, "2026-07", NOW)
    export(solar, "1", rising(5))
    after = close_month(solar.conn, SOCIETY, "2026-07", NOW)
    assert (after.numbers, after.published) == (before.numbers, 0)
    (found,) = after.reconciliations
    assert found.loss == kwh(35 * HOURS)


def test_a_meter_without_the_register_says_nothing_of_it(solar: Site) -> None:
    found = close(solar)
    assert found.loss == kwh(30 * HOURS)
    assert "export" not in found.model_dump_json(exclude_defaults=True)


@pytest.mark.parametrize(
    "rows",
    [
        without(rising(20), END),
        without(rising(20), START),
        [*rising(20)[:-4], *((at, 0) for at, _ in rising(20)[-4:])],
        [*rising(20)[:-4], *((at, 10**12) for at, _ in rising(20)[-4:])],
    ],
    ids=["not read at the end", "not read at the start", "fell", "impossible"],
)
def test_an_unknown_export_is_not_nothing(solar: Site, rows: Rows) -> None:
    export(solar, "8", rows)
    found = close(solar)
    assert (found.loss, found.bulk, found.units) == (None, None, kwh(100 * HOURS))
    assert (found.unknown, found.unknown_exports) == (("Main",), ("Main",))
    assert found.sentence == "T1, electricity: cannot say: the export of Main is not known."
    shown = shown_balances(solar.conn, find_society(solar.conn, SOCIETY), JULY)
    assert shown is not None
    assert shown[0].balance.supplies[0].exported is None


def test_a_units_unknown_export_hides_no_use(solar: Site) -> None:
    export(solar, "1", without(rising(5), END))
    found = close(solar)
    assert (found.loss, found.units, found.units_known) == (None, kwh(100 * HOURS), 2)
    assert "cannot say: the export of A-1 is not known" in found.sentence


def test_a_register_at_rest_exported_nothing_though_unread(solar: Site) -> None:
    export(solar, "1", without(rising(0), START, END))
    found = close(solar)
    assert (found.loss, found.unknown_exports) == (kwh(30 * HOURS), ())


def test_two_claims_of_one_border_are_no_export(solar: Site) -> None:
    export(solar, "8", rising(20))
    export(solar, "8", [(END, 1000 + 20 * (HOURS + 2) + 1)])
    found = close(solar)
    assert (found.loss, found.unknown_exports) == (None, ("Main",))
