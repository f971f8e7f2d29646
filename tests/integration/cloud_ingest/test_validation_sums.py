# SPDX-License-Identifier: MIT
"""A false register below the ceiling is found by the intervals of its meter when a month closes."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.migrate import open_store
from cloud_ingest.store.suspects import Suspect
from cloud_ingest.validation.judge import judge_suspects
from shared_schema.catalogue import ACTIVE_IMPORT_INTERVAL, Unit
from shared_schema.quality import Reason
from shared_schema.readings import Column
from tests.support.store import SOCIETY, Site, every, local, unit_line

SERIAL = "S-1"
FIRST, BORDER, LAST = (local(f"2026-0{n}-01 00:00") for n in (1, 2, 3))
MIDDLE = local("2026-01-17 00:00")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
INTERVAL = Column(obis=ACTIVE_IMPORT_INTERVAL, scaler=0, unit=Unit.WATT_HOUR)
JANUARY, FEBRUARY = Decimal("297.600"), Decimal("268.800")
JANUARY_1 = MIDDLE.date().replace(day=1)
LIE = 5000

Rows = list[tuple[datetime, int]]


def registers(lies: tuple[datetime, ...] = ()) -> Rows:
    """Two months of days, 9.6 kWh each; the lies are 5 kWh too high."""
    rows = every(FIRST, LAST + DAY, 12_345_000, 9600, DAY)
    return [(ts, raw + LIE * (ts in lies)) for ts, raw in rows]


def intervals() -> Rows:
    return every(FIRST + HOUR, LAST + DAY, 400, 0, HOUR)


@pytest.fixture
def metered(site: Site) -> Site:
    site.units(unit_line("A-1", SERIAL, since="2026-01-01"))
    return site


def send(site: Site, told: Rows, used: Rows) -> None:
    site.deliver(SERIAL, told, period_s=86_400)
    site.deliver(SERIAL, used, column=INTERVAL, period_s=3600)


def close(site: Site, month: str) -> Closed:
    return close_month(site.conn, SOCIETY, month, NOW)


def set_aside(site: Site) -> list[tuple[datetime, str]]:
    return site.all("SELECT ts, rule FROM verdict ORDER BY ts")


def test_a_small_lie_at_the_border_changes_neither_month(metered: Site) -> None:
    send(metered, registers((BORDER,)), intervals())
    refresh(metered.conn, NOW)
    assert set_aside(metered) == []
    sent = [close(metered, month).numbers for month in ("2026-01", "2026-02")]
    assert [number.quantity for own in sent for number in own] == [JANUARY, FEBRUARY]
    assert set_aside(metered) == [(BORDER, "sum_check")]
    assert [close(metered, month).published for month in ("2026-01", "2026-02")] == [0, 0]


def test_a_small_lie_that_opens_the_month_is_found(metered: Site) -> None:
    send(metered, registers((BORDER,)), intervals())
    (number,) = close(metered, "2026-02").numbers
    assert number.quantity == FEBRUARY
    assert set_aside(metered) == [(BORDER, "sum_check")]


def test_a_false_interval_withholds_the_month_and_no_register(metered: Site) -> None:
    used = [(ts, 9000 if ts == MIDDLE else wh) for ts, wh in intervals()]
    send(metered, registers(), used)
    closed = close(metered, "2026-01")
    assert [each.reasons for each in closed.withheld] == [(Reason.SUM_CHECK,)]
    assert set_aside(metered) == []


def test_a_small_lie_within_a_month_is_set_aside_once_judged(metered: Site) -> None:
    send(metered, registers((MIDDLE,)), intervals())
    (number,) = close(metered, "2026-01").numbers
    assert number.quantity == JANUARY
    suspect = Suspect(metered.one("SELECT meter_id FROM meter"), "1.0.1.8.0.255", JANUARY_1)
    store = open_store(metered.conn)
    for _ in range(2):
        judge_suspects(metered.conn, [suspect], store, NOW)
        refresh(metered.conn, NOW)
    assert set_aside(metered) == [(MIDDLE, "sum_check")]
    (number,) = close(metered, "2026-01").numbers
    assert (number.quantity, number.version) == (JANUARY, 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_order_and_grouping_change_no_verdict(metered: Site, seed: int) -> None:
    dice = random.Random(seed)
    batches = [(False, registers((BORDER,))[n : n + 20]) for n in range(0, 61, 20)]
    batches += [(True, intervals()[n : n + 300]) for n in range(0, 1440, 300)]
    dice.shuffle(batches)
    for is_interval, rows in batches:
        if is_interval:
            metered.deliver(SERIAL, rows, column=INTERVAL, period_s=3600)
        else:
            metered.deliver(SERIAL, rows, period_s=86_400)
        refresh(metered.conn, NOW)
    (number,) = close(metered, "2026-02").numbers
    assert number.quantity == FEBRUARY
    assert set_aside(metered) == [(BORDER, "sum_check")]
