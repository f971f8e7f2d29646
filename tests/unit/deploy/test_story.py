# SPDX-License-Identifier: MIT
"""The demo's notebook is read in the past, and its tables fit a terminal."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from deploy.demo.society import ZONE, make_society, month_before, month_start, next_month
from deploy.demo.story import dial_times, towers_table
from shared_schema.balance import Reconciliation
from shared_schema.catalogue import Service
from shared_schema.quality import Quality

INDIA = ZoneInfo(ZONE)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = timedelta(days=3)


def india(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=INDIA)


@given(st.timedeltas(timedelta(), timedelta(days=1461)).map(lambda past: SINCE + past))
@example(india("2026-12-01 00:00:00"))
@example(india("2026-12-01 00:00:30"))
@example(india("2026-12-01 07:59:59"))
@example(india("2028-03-01 00:05:00"))
@example(india("2027-12-31 23:59:59.999999"))
def test_dials_are_read_in_the_past_near_their_borders(now: datetime) -> None:
    month = month_before(now)
    opening, closing = dial_times(make_society("S", month, small=True), now)
    start, end = month_start(month), month_start(next_month(month))
    assert start <= opening <= start + WINDOW
    assert end <= closing <= end + WINDOW
    assert opening < closing <= now
    assert closing.microsecond == 0


@pytest.mark.parametrize(
    ("now", "month", "closing"),
    [
        ("2026-12-01 00:00:30.5", date(2026, 11, 1), "2026-12-01 00:00:30"),
        ("2026-12-01 07:00", date(2026, 11, 1), "2026-12-01 07:00"),
        ("2026-12-01 09:00", date(2026, 11, 1), "2026-12-01 08:00"),
        ("2028-02-29 23:59:59", date(2028, 1, 1), "2028-02-01 08:00"),
        ("2028-03-01 00:00:00", date(2028, 2, 1), "2028-03-01 00:00"),
    ],
)
def test_the_closing_dial_is_read_at_eight_or_now(now: str, month: date, closing: str) -> None:
    assert month_before(india(now)) == month
    society = make_society("S", month, small=True)
    assert dial_times(society, india(now))[1] == india(closing)


def test_the_towers_fit_a_terminal_of_eighty_columns() -> None:
    result = Reconciliation(
        society="Sunrise Heights",
        month="2026-10",
        tower="Tower 1",
        service=Service.ELECTRICITY,
        unit="kWh",
        bulk=Decimal("5889.78"),
        units=Decimal("3887.464"),
        common=Decimal("1886.83"),
        loss=Decimal("115.486"),
        loss_percent=Decimal("1.96"),
        units_known=15,
        units_total=15,
        quality=Quality.VALIDATED,
        closed_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
    console = Console(width=80, file=io.StringIO(), color_system=None)
    with console.capture() as shown:
        console.print(towers_table([result]))
    text = shown.get()
    for whole in ("electricity, kWh", "5889.78", "3887.464", "1886.83", "115.486", "1.96", "15/15"):
        assert whole in text
