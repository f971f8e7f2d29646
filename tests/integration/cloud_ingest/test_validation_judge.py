# SPDX-License-Identifier: MIT
"""A false row of a billed register is set aside before days are rolled up; both months are true."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cloud_ingest.core.consumption import SELF_READ_WINDOW
from cloud_ingest.core.month import parse_month
from cloud_ingest.month.count import count_month
from cloud_ingest.rollup.refresh import refresh
from tests.support.store import ZONE, Site, every, local, unit_line

SERIAL = "S-1"
BEGIN = 12_345_000
FIRST = local("2026-01-01 00:00")
BORDER = local("2026-02-01 00:00")
LAST = local("2026-03-01 00:00")
JANUARY, FEBRUARY = Decimal("29.760"), Decimal("26.880")
NOW = datetime(2026, 3, 2, tzinfo=UTC)

Rows = list[tuple[datetime, int]]


def course() -> Rows:
    """Two months of quarter hours, 10 Wh each."""
    return every(FIRST, LAST, BEGIN, 10)


def with_lies(rows: Rows, lies: Mapping[datetime, int]) -> Rows:
    return [(ts, lies.get(ts, raw)) for ts, raw in rows]


@pytest.fixture
def metered(site: Site) -> Site:
    site.units(unit_line("A-1", SERIAL, since="2025-12-01"))
    return site


def send(site: Site, rows: Sequence[tuple[datetime, int]], *, at_once: int = 700) -> None:
    for number in range(0, len(rows), at_once):
        site.deliver(SERIAL, rows[number : number + at_once])


def months(site: Site, now: datetime = NOW) -> list[Decimal | None]:
    """January and February, as closing counts them."""
    refresh(site.conn, now)
    return [
        counted.measured.quantity
        for name in ("2026-01", "2026-02")
        for counted in count_month(
            site.conn,
            site.one("SELECT society_id FROM society"),
            parse_month(name, ZONE),
            ZONE,
            self_read_window=SELF_READ_WINDOW,
            progress=lambda _text: None,
        )
    ]


def set_aside(site: Site) -> list[tuple[datetime, int, str]]:
    return site.all("SELECT ts, raw, rule FROM verdict ORDER BY ts, raw")


def readings(site: Site) -> int:
    return int(site.one("SELECT count(*) FROM reading"))


def hold_rollups(site: Site) -> None:
    """Days and months are what the readings say."""
    assert site.one("SELECT count(*) FROM dirty") == 0
    counted = (
        "SELECT channel_id, ((ts - INTERVAL '1 microsecond') AT TIME ZONE 'Asia/Kolkata')::date, "
        "count(*), sum(raw), min(raw), max(raw) FROM reading GROUP BY 1, 2 ORDER BY 1, 2"
    )
    days = "SELECT channel_id, day, count, sum_raw, min_raw, max_raw FROM reading_day ORDER BY 1, 2"
    assert site.all(days) == site.all(counted)
    a_month = "SELECT sum(count)::int, min(min_raw), max(max_raw) FROM reading_month"
    assert site.one(a_month) == site.one("SELECT count(*)::int, min(raw), max(raw) FROM reading")


LIES = {
    "zero at the border": ({BORDER: 0}, "fall"),
    "100,000 kWh too high at the border": ({BORDER: BEGIN + 100_000_000}, "ceiling"),
    "a fall by 0.1 kWh": ({local("2026-01-17 09:00"): BEGIN + 10}, "fall"),
    "negative": ({local("2026-02-03 12:15"): -5}, "negative"),
    "zero on the last row of a day": ({local("2026-01-11 00:00"): 0}, "fall"),
    "the first row is zero": ({FIRST: 0}, "ceiling"),
}


@pytest.mark.parametrize("name", LIES)
def test_one_false_row_changes_neither_month(metered: Site, name: str) -> None:
    lies, rule = LIES[name]
    rows = course()
    send(metered, with_lies(rows, lies))
    # A border without its row is met by the row before it, one quarter of an hour earlier.
    at_border = Decimal("0.010") if BORDER in lies else Decimal(0)
    at_first = Decimal("0.010") if FIRST in lies else Decimal(0)
    january, february = months(metered)
    assert february == FEBRUARY + at_border
    if at_first:
        assert january is None, "nothing opens it"
    else:
        assert january == JANUARY - at_border
    assert set_aside(metered) == [(ts, raw, rule) for ts, raw in lies.items()]
    assert readings(metered) == len(rows) - 1
    hold_rollups(metered)
