# SPDX-License-Identifier: MIT
"""A month as people name it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.month_name import month_name, named_month
from cloud_ingest.errors import CloseRefused

KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "month"),
    [
        (None, "2026-10"),
        ("2026-10", "2026-10"),
        ("2026-9", "2026-09"),
        ("10/2026", "2026-10"),
        ("October", "2026-10"),
        (" oct ", "2026-10"),
        ("sept", "2026-09"),
        ("OCT 2025", "2025-10"),
        ("november", "2026-11"),
        ("December", "2025-12"),
    ],
)
def test_a_month_is_named_as_people_do(typed: str | None, month: str) -> None:
    assert str(named_month(typed, KOLKATA, NOW)) == month


def test_the_last_month_is_the_societys_own() -> None:
    begun = datetime(2026, 10, 31, 19, tzinfo=UTC)  # 00:30 of 1 November in Kolkata
    assert str(named_month(None, KOLKATA, begun)) == "2026-10"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("Octobre", "'Octobre' is not a month: write it as October or as 2026-11"),
        ("2026-13", "'2026-13' is not a month: write it as November or as 2026-11"),
        ("ju", "'ju' is not a month"),
        ("", "'' is not a month"),
        ("A-1204", "'A-1204' is not a month"),
    ],
)
def test_what_is_no_month_is_said_with_one(typed: str, says: str) -> None:
    with pytest.raises(CloseRefused, match=says):
        named_month(typed, KOLKATA, NOW)


@pytest.mark.parametrize(
    ("month", "name"),
    [("2026-10", "October"), ("2025-12", "December"), ("2025-11", "November 2025")],
)
def test_a_month_long_ago_has_its_year(month: str, name: str) -> None:
    assert month_name(named_month(month, KOLKATA, NOW), KOLKATA, NOW) == name
