# SPDX-License-Identifier: MIT
"""Who still has to be read by a person for the end of a month."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from cloud_ingest.core.month import month_of
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.month.still_to_read import ToRead, still_to_read
from cloud_ingest.store.registry import find_society
from shared_schema.catalogue import Service
from tests.support.monitored import gateway_status
from tests.support.store import SOCIETY, ZONE, Site, every, local, unit_line

START, END = local("2026-07-01 00:00"), local("2026-08-01 00:00")
JULY = month_of(2026, 7, ZONE)
HOUR, WINDOW = timedelta(hours=1), timedelta(days=3)


@pytest.fixture
def society(site: Site) -> Site:
    """One flat that is read, one whose meter went silent, one that its resident reads."""
    site.units(
        unit_line("A-1", "1"),
        unit_line("A-2", "2"),
        unit_line("A-2", "4", source="check"),
        unit_line("C-3", "3").replace(",no,", ",yes,"),
    )
    site.deliver("1", every(START, END, 1000, 10, HOUR))
    site.deliver("2", every(START, local("2026-07-24 05:00"), 1000, 10, HOUR))
    return site


def to_read(site: Site, now: datetime) -> tuple[ToRead, ...]:
    return still_to_read(site.conn, find_society(site.conn, SOCIETY), JULY, now, WINDOW)


def told(site: Site, now: datetime) -> list[tuple[str, str]]:
    return [(each.subject, each.why) for each in to_read(site, now)]


def read_dial(site: Site, at: datetime) -> None:
    meter = NamedMeter("C-3", Service.ELECTRICITY)
    self_read(site.conn, SOCIETY, meter, value=Decimal(9), at=at, by="resident", now=at + HOUR)


def test_a_dial_and_a_silent_meter_are_to_be_read(society: Site) -> None:
    assert told(society, END + HOUR) == [("C-3", "no_data_port"), ("A-2", "gateway_away")]
    dial, silent = to_read(society, END + HOUR)
    assert (dial.read_from, dial.until) == (END - WINDOW, END + WINDOW)
    assert (silent.gateway, silent.since) == ("gw-a", local("2026-07-24 05:00"))


def test_a_gateway_that_speaks_leaves_the_meter_itself(society: Site) -> None:
    now = END + HOUR
    gateway_status(society.conn, "gw-a", now)
    assert told(society, now) == [("C-3", "no_data_port"), ("A-2", "not_read")]


def test_a_meter_that_only_waits_for_its_gateway_counts_once_away(society: Site) -> None:
    society.deliver("2", every(local("2026-07-24 06:00"), END - 2 * HOUR, 5000, 10, HOUR))
    now = END + HOUR
    gateway_status(society.conn, "gw-a", now)
    assert told(society, now) == [("C-3", "no_data_port")]
    assert ("A-2", "gateway_away") in told(society, now + timedelta(hours=20))


def test_before_the_month_ends_its_dials_are_known(society: Site) -> None:
    assert told(society, local("2026-07-20 09:00")) == [("C-3", "no_data_port")]


@pytest.mark.parametrize(
    ("at", "is_read"),
    [(END + 8 * HOUR, True), (END - WINDOW, True), (END - WINDOW - HOUR, False)],
)
def test_a_dial_near_the_border_is_enough(society: Site, at: datetime, is_read: bool) -> None:
    read_dial(society, at)
    assert ("C-3" in [each.subject for each in to_read(society, END + 9 * HOUR)]) is not is_read
