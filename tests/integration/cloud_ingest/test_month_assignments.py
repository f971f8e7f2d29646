# SPDX-License-Identifier: MIT
"""Closed months after an assignment was corrected, taken back, or came back."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import pytest

from cloud_ingest.entries.units import Named, take_back
from cloud_ingest.month.close import Closed, close_month
from shared_schema.billing import MonthlyConsumption, MonthlyWithdrawal
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, Site, every, kwh, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
BEFORE, AFTER = local("2026-06-28 00:00"), local("2026-09-02 00:00")
NOW = local("2026-09-05 09:00")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JULY, AUGUST = "2026-07", "2026-08"
HOURS = 31 * 24


def close(site: Site, month: str = JULY, days: int = 0) -> Closed:
    return close_month(site.conn, SOCIETY, month, NOW + days * DAY)


def quantities(closed: Closed) -> dict[str, Decimal]:
    return {number.subject.id: number.quantity for number in closed.numbers}


def sent(site: Site, month: str) -> Sequence[tuple[str, str, int]]:
    """What went to billing of a month: the kind of message, its subject and its version."""
    found = []
    for (payload,) in site.all("SELECT payload FROM outbox WHERE ack_key <> '' ORDER BY outbox_id"):
        for kind in (MonthlyConsumption, MonthlyWithdrawal):
            if f'"{kind.SCHEMA}"'.encode() in payload:
                message = kind.from_line(payload)
                if message.month == month:
                    found.append((kind.__name__, message.subject.id, message.version))
    return found


@pytest.fixture
def handed(site: Site) -> Site:
    """A meter of A-1 that counts 40 Wh an hour for two months."""
    site.units(unit_line("A-1", "1"))
    site.deliver("1", every(BEFORE, AFTER, 12_345_000, 40, HOUR))
    return site


def test_a_taken_back_number_is_withdrawn_and_goes_to_the_other(handed: Site) -> None:
    assert quantities(close(handed)) == {"A-1": Decimal("29.760")}
    later = NOW + HOUR
    done = take_back(
        handed.conn,
        SOCIETY,
        Named("A-1", Service.ELECTRICITY),
        by="manager",
        reason="the meter is of B-2",
        now=later,
        apply=True,
    )
    assert done.close_again == (JULY,)
    handed.units(unit_line("B-2", "1"), now=later)
    again = close(handed, days=1)
    assert quantities(again) == {"B-2": Decimal("29.760")}
    assert sorted(sent(handed, JULY)) == [
        ("MonthlyConsumption", "A-1", 1),
        ("MonthlyConsumption", "B-2", 1),
        ("MonthlyWithdrawal", "A-1", 2),
    ]
    assert {balance.units_total for balance in again.reconciliations} == {1}


def test_a_part_that_goes_after_closing_is_asked_for(handed: Site) -> None:
    """An end that is corrected by months takes a part from a number that stays."""
    handed.units(unit_line("A-1", "2", source="solar"))
    handed.deliver("2", every(BEFORE, AFTER, 0, 500, HOUR))
    assert quantities(close(handed, AUGUST)) == {"A-1": kwh(540 * HOURS)}
    done = handed.units(unit_line("A-1", "2", source="solar", until="2026-06-10"), now=NOW + HOUR)
    assert done.close_again == (AUGUST,)
    assert quantities(close(handed, AUGUST, days=1)) == {"A-1": kwh(40 * HOURS)}


def test_a_meter_that_moves_and_comes_back_is_charged_once(handed: Site) -> None:
    handed.units(
        unit_line("A-1", "1", until="2026-07-10"),
        unit_line("B-2", "1", since="2026-07-10", until="2026-07-20"),
        unit_line("A-1", "1", since="2026-07-20"),
    )
    assert quantities(close(handed)) == {"A-1": kwh(40 * 24 * 21), "B-2": kwh(40 * 24 * 10)}
    assert quantities(close(handed, AUGUST)) == {"A-1": kwh(40 * HOURS)}
    assert quantities(close(handed, days=1)) == {"A-1": kwh(40 * 24 * 21), "B-2": kwh(40 * 24 * 10)}


def test_a_move_within_a_month_opens_the_next_where_it_ended(handed: Site) -> None:
    handed.units(
        unit_line("A-1", "1", until="2026-07-10"),
        unit_line("A-1", "1", since="2026-07-10", tower="Tower 2"),
    )
    closed = close(handed)
    assert quantities(closed) == {"A-1": kwh(40 * HOURS)}
    assert [part.tower for part in closed.numbers[0].parts] == ["Tower 1", "Tower 2"]
    assert quantities(close(handed, AUGUST)) == {"A-1": kwh(40 * HOURS)}


def test_a_tower_corrected_after_closing_changes_both_balances(handed: Site) -> None:
    handed.units(
        unit_line("bulk 1", "3", kind="bulk"), unit_line("bulk 2", "4", kind="bulk", tower="T2")
    )
    for serial in ("3", "4"):
        handed.deliver(serial, every(BEFORE, AFTER, 0, 50, HOUR))
    before = {each.tower: each.units for each in close(handed).reconciliations}
    assert before == {"Tower 1": kwh(40 * HOURS), "T2": Decimal(0)}
    handed.units(unit_line("A-1", "1", tower="T2"), now=NOW + HOUR)
    again = close(handed, days=1)
    assert {each.tower: each.units for each in again.reconciliations} == {
        "Tower 1": Decimal(0),
        "T2": kwh(40 * HOURS),
    }
    assert [number.tower for number in again.numbers] == ["T2"]
