# SPDX-License-Identifier: MIT
"""Which last row departs from the course of its unit."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.consumption import Measured
from cloud_ingest.core.last_row import is_unconfirmed
from cloud_ingest.core.register import DayRegister, Epoch, Epochs, Register
from shared_schema.catalogue import Service
from shared_schema.quality import Origin

ZONE = ZoneInfo("Asia/Kolkata")
BEGIN = datetime(2026, 1, 1, tzinfo=ZONE)
DAY = timedelta(days=1)


def days(*used_wh: int, begin: int = 5_000_000) -> list[DayRegister]:
    """Rows at each midnight, after days of these uses."""
    found, raw = [DayRegister(1, (BEGIN - DAY).date(), BEGIN, begin, -3)], begin
    for number, used in enumerate(used_wh):
        raw += used
        at = BEGIN + number * DAY
        found.append(DayRegister(1, at.date(), at + DAY, raw, -3))
    return found


def judged(
    known: list[DayRegister],
    later: tuple[DayRegister, ...] = (),
    service: Service = Service.ELECTRICITY,
    epochs: Epochs = {},  # noqa: B006 - nothing writes it
    origin: Origin = Origin.METER,
) -> bool:
    last = known[-1]
    closing = Register(1, last.last_ts, last.last_raw, origin, -3)
    measured = Measured(replace(closing, raw=0), closing, Decimal(1))
    return is_unconfirmed(measured, [*known, *later], epochs, service)


WEEK = (4_000, 9_000, 6_000, 6_000, 6_000, 6_000, 6_000)


def test_twice_the_heaviest_day_is_no_departure() -> None:
    assert not judged(days(*WEEK, 18_000))
    assert judged(days(*WEEK, 18_001))


def test_of_a_light_unit_five_kilowatt_hours_more_are_none() -> None:
    light = (100,) * 7
    assert not judged(days(*light, 5_100))
    assert judged(days(*light, 5_101))


def test_of_water_half_a_kilolitre_more_is_none() -> None:
    light = (100,) * 7
    assert not judged(days(*light, 600), service=Service.WATER)
    assert judged(days(*light, 601), service=Service.WATER)


def test_a_later_row_confirms_the_last() -> None:
    known = days(*WEEK, 90_000)
    at = known[-1].last_ts + DAY
    assert not judged(known, (DayRegister(1, at.date(), at, known[-1].last_raw, -3),))


def test_less_than_a_week_is_no_course() -> None:
    assert not judged(days(*WEEK[1:], 90_000))


def test_days_that_were_not_read_share_what_came_after() -> None:
    known = days(*WEEK, 0, 0, 27_000)
    del known[-3:-1]
    assert not judged(known)
    assert judged([*known[:-1], known[-1]._replace(last_raw=known[-1].last_raw + 27_003)])


def test_a_register_that_began_anew_keeps_its_course() -> None:
    known = days(*WEEK, 6_000, begin=0)
    anew = known[-1]._replace(last_raw=1_000)
    at = anew.last_ts - timedelta(hours=1)
    lost = known[-1].last_raw - 1_000
    assert not judged([*known[:-1], anew], epochs={1: [Epoch(at, lost)]})
    assert judged([*known[:-1], anew], epochs={1: [Epoch(at, lost + 20_000)]})


@pytest.mark.parametrize("origin", [Origin.EDIT, Origin.SELF_READ, Origin.ESTIMATE])
def test_only_a_row_of_the_meter_is_unconfirmed(origin: Origin) -> None:
    assert not judged(days(*WEEK, 90_000), origin=origin)
