# SPDX-License-Identifier: MIT
"""A changed pulse weight begins another version of its channel, and rescales nothing."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.month import month_of
from cloud_ingest.entries.epochs import add_epoch
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.errors import EpochRefused
from cloud_ingest.month.close import Closed, close_month
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.registry import find_society
from cloud_ingest.usage.so_far import month_usage
from shared_schema.catalogue import WATER_VOLUME, Service, Unit
from shared_schema.quality import Reason
from shared_schema.readings import Column
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
CHANGED = local("2026-07-15 12:00")
NOW = local("2026-08-05 09:00")
HOUR = timedelta(hours=1)
HOURS = 31 * 24
BEFORE_H, AFTER_H = (CHANGED - START) // HOUR, (END - CHANGED) // HOUR


def pulses(weight: int, scaler: int = 0) -> Column:
    return Column(obis=WATER_VOLUME, scaler=scaler, unit=Unit.LITRE, weight=weight)


def close(site: Site, month: str = "2026-07") -> Closed:
    return close_month(site.conn, SOCIETY, month, NOW)


def test_a_weight_of_two_and_a_half_litres_is_exact(site: Site) -> None:
    site.units(unit_line("A-1", "1", service="water"))
    site.deliver("1", every(START, END, 1000 * 25, 25, HOUR), column=pulses(25, -1))
    (number,) = close(site).numbers
    assert number.quantity == Decimal("2.5") * HOURS / 1000
    assert site.all("SELECT weight, scaler FROM channel") == [(25, -1)]


@pytest.mark.parametrize(("first", "then"), [(5, 25), (25, 5)])
def test_a_changed_weight_is_withheld_until_joined(site: Site, first: int, then: int) -> None:
    site.units(unit_line("A-1", "1", service="water"))
    last = 1000 + BEFORE_H - 1
    site.deliver("1", every(START, CHANGED - HOUR, 1000 * first, first, HOUR), column=pulses(first))
    site.deliver("1", every(CHANGED, END, (last + 1) * then, then, HOUR), column=pulses(then))
    assert site.all("SELECT weight FROM channel ORDER BY channel_id") == [(first,), (then,)]
    closed = close(site)
    assert closed.numbers == ()
    (withheld,) = closed.withheld
    assert Reason.SCALER in withheld.reasons
    jumped = Decimal((last + 1) * then - last * first) / 1000
    used = Decimal(then) / 1000
    done = add_epoch(
        site.conn,
        SOCIETY,
        NamedMeter("A-1", Service.WATER),
        starts_at=CHANGED,
        adds=used - jumped,
        reason="pulse weight corrected",
        by="caretaker",
        now=NOW,
    )
    assert done.used == used
    (number,) = close(site).numbers
    assert number.quantity == Decimal(first * (BEFORE_H - 1) + then * (AFTER_H + 1)) / 1000


def test_only_a_changed_weight_lets_a_register_rise(site: Site) -> None:
    site.units(unit_line("A-1", "1", service="water"))
    site.deliver("1", every(START, END, 5, 5, HOUR), column=pulses(5))

    def add(adds: str, at: datetime = CHANGED) -> None:
        add_epoch(
            site.conn,
            SOCIETY,
            NamedMeter("A-1", Service.WATER),
            starts_at=at,
            adds=Decimal(adds),
            reason="r",
            by="b",
            now=NOW,
        )

    with pytest.raises(EpochRefused, match="only a changed pulse weight"):
        add("-1")
    with pytest.raises(EpochRefused, match="does not fall"):
        add("1")


def test_usage_counts_nothing_between_weights_whoever_read(site: Site) -> None:
    moved = "2026-07-19 23:40"
    site.units(
        unit_line("A-1", "1", service="water", until=moved),
        unit_line("A-2", "1", service="water", since=moved),
    )
    site.deliver("1", every(START, CHANGED - HOUR, 1000 * 5, 5, HOUR), column=pulses(5))
    site.deliver("1", every(CHANGED, END, 2000 * 25, 25, HOUR), column=pulses(25))
    self_read(
        site.conn, SOCIETY, NamedMeter("A-1", Service.WATER), value=Decimal("52.7"),
        at=local("2026-07-19 23:30"), by="resident", now=NOW, force_because="moved out",
    )  # fmt: skip
    refresh(site.conn, NOW)
    month = month_of(2026, 7, ZONE)
    (usage,) = month_usage(site.conn, find_society(site.conn, SOCIETY), month, subject="A-1")
    assert (usage.closing, usage.quantity) == (Decimal("52.700"), None)
