# SPDX-License-Identifier: MIT
"""Dials some days from the border: a month closes read to read, and the next one opens there.

What a register moved between the first and the last border is charged once, to one month each,
also where the number of days is another one from one month to the next.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_ingest.cli.command_line import app
from cloud_ingest.entries.meter import NamedMeter
from cloud_ingest.entries.self_read import self_read
from cloud_ingest.month.close import close_month
from shared_schema.billing import MonthlyConsumption
from shared_schema.catalogue import Service
from tests.support.store import SOCIETY, Site, every, local, unit_line

DAY = timedelta(days=1)
BORDERS = {number: local(f"2026-{number:02}-01 00:00") for number in range(6, 11)}
LONG_AFTER = local("2026-12-01 00:00")
LEGACY = "Tower 1,unit,C-0304,electricity,grid,,,yes,2026-05-01,"


@pytest.fixture
def flat(site: Site) -> Site:
    site.units(LEGACY, unit_line("A-1204", "1"))
    return site


def read(site: Site, value: str, at: datetime, unit: str = "C-0304") -> None:
    self_read(
        site.conn,
        SOCIETY,
        NamedMeter(unit, Service.ELECTRICITY),
        value=Decimal(value),
        at=at,
        by="resident",
        now=LONG_AFTER,
        force_because="its month is withheld",
    )


def close(
    site: Site, month: int, days: int, now: datetime = LONG_AFTER, unit: str = "C-0304"
) -> MonthlyConsumption | None:
    """Close a month, and return its number of a unit as it stands with billing."""
    window = timedelta(days=days)
    close_month(site.conn, SOCIETY, f"2026-{month:02}", now, self_read_window=window)
    return standing(site, month, unit)


def standing(site: Site, month: int, unit: str = "C-0304") -> MonthlyConsumption | None:
    found = site.all(
        "SELECT message FROM month_number WHERE month = %s AND subject = %s ORDER BY version",
        f"2026-{month:02}",
        unit,
    )
    return MonthlyConsumption.from_line(bytes(found[-1][0])) if found else None


def quantity(number: MonthlyConsumption | None) -> str | None:
    return None if number is None else f"{number.quantity:f}"


@pytest.mark.parametrize(
    ("days", "apart", "closes"),
    [
        (0, timedelta(), True),
        (0, timedelta(hours=2), False),
        (5, 5 * DAY, True),
        (5, 5 * DAY + timedelta(seconds=1), False),
        (10, 10 * DAY, True),
        (10, -10 * DAY, True),
        (10, 10 * DAY + timedelta(seconds=1), False),
    ],
)
def test_a_dial_closes_a_month_up_to_so_many_days(
    flat: Site, days: int, apart: timedelta, closes: bool
) -> None:
    read(flat, "100", BORDERS[7])
    read(flat, "190", BORDERS[8] + apart)
    number = close(flat, 7, days)
    assert quantity(number) == ("90.000" if closes else None)
    if number is not None:
        assert number.parts[0].closing.at == BORDERS[8] + apart


@pytest.mark.parametrize("days", [5, 10])
def test_months_that_follow_each_other_share_their_dials(flat: Site, days: int) -> None:
    shown = {7: ("100", -2), 8: ("190", 5), 9: ("310", -4), 10: ("350", 1)}
    for month, (value, apart) in shown.items():
        read(flat, value, BORDERS[month] + apart * DAY)
    numbers = [close(flat, month, days) for month in (7, 8, 9)]
    assert [quantity(each) for each in numbers] == ["90.000", "120.000", "40.000"]
    for former, later in pairwise(numbers):
        assert former is not None
        assert later is not None
        assert former.parts[0].closing == later.parts[0].opening


def test_of_two_dials_the_nearest_closes_the_month(flat: Site) -> None:
    read(flat, "100", BORDERS[7])
    read(flat, "180", BORDERS[8] - 4 * DAY)
    read(flat, "190", BORDERS[8] + 2 * DAY)
    read(flat, "300", BORDERS[9])
    assert quantity(close(flat, 7, 5)) == "90.000"
    assert quantity(close(flat, 8, 5)) == "110.000"


def test_what_the_meter_read_stands_before_a_dial(flat: Site) -> None:
    flat.deliver("1", every(BORDERS[7], BORDERS[8], 1_000_000, 100, timedelta(hours=1)))
    read(flat, "1080", BORDERS[8] + 2 * DAY, "A-1204")
    assert quantity(close(flat, 7, 5, unit="A-1204")) == "74.400"
    read(flat, "1150", BORDERS[9] - 3 * DAY, "A-1204")
    number = close(flat, 8, 5, unit="A-1204")
    assert number is not None
    assert quantity(number) == "75.600"
    assert number.parts[0].opening.at == BORDERS[8]


@pytest.mark.parametrize(("first", "then"), [(5, 0), (0, 5), (10, 3), (3, 10)])
def test_another_number_of_days_charges_nothing_twice(flat: Site, first: int, then: int) -> None:
    shown = {7: ("100", 0), 8: ("190", 2), 9: ("310", 0), 10: ("350", 0)}
    for month, (value, apart) in shown.items():
        read(flat, value, BORDERS[month] + apart * DAY)
    close(flat, 7, first)
    for month in (8, 9, 7):  # July again: with other days it may be proved now, or not any more
        close(flat, month, then)
    numbers = [number for month in (7, 8, 9) if (number := standing(flat, month)) is not None]
    assert sum((each.quantity for each in numbers), Decimal(0)) == 250
    for former, later in pairwise(numbers):
        assert former.parts[0].closing == later.parts[0].opening


def test_a_month_that_was_sent_stays_where_it_ended(flat: Site) -> None:
    read(flat, "100", BORDERS[7])
    read(flat, "190", BORDERS[8] + 5 * DAY)
    read(flat, "310", BORDERS[9])
    assert quantity(close(flat, 7, 5)) == "90.000"
    assert quantity(close(flat, 8, 0)) == "120.000"
    assert quantity(standing(flat, 7)) == "90.000"


@pytest.mark.parametrize(("society", "closes"), [(SOCIETY, True), ("Another", False)])
def test_a_society_has_days_of_its_own(
    flat: Site, store_dsn: str, tmp_path: Path, society: str, closes: bool
) -> None:
    read(flat, "100", BORDERS[7])
    read(flat, "190", BORDERS[8] + 5 * DAY)
    settings = tmp_path / "cloud.toml"
    settings.write_text(f'[[society]]\nname = "{society}"\nself_read_days = 5\n')
    words = ["close-month", "2026-07", "--society", SOCIETY, "--dsn", store_dsn]
    assert CliRunner().invoke(app, [*words, "--config", str(settings)]).exit_code == 0
    assert (standing(flat, 7) is not None) is closes
