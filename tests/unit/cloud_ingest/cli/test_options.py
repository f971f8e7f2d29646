# SPDX-License-Identifier: MIT
"""Options as a person writes them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.cli.options import moment
from cloud_ingest.errors import UserError

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("text", ["2026-10-25 02:30", "2026-03-29T02:30"])
def test_a_time_that_is_none_or_two_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="none or two times in Europe/Berlin: give its offset"):
        moment(text, BERLIN)


@pytest.mark.parametrize("text", ["2026-W05", "2026-W05-1", "2026W05", "2026-W05-1T09:00+05:30"])
def test_a_week_is_no_time(text: str) -> None:
    with pytest.raises(UserError, match="is no time: write it as '2026-08-01 09:00'"):
        moment(text, BERLIN)


@pytest.mark.parametrize(("offset", "hour"), [("+02:00", 0), ("+01:00", 1)])
def test_a_doubled_time_is_told_by_its_offset(offset: str, hour: int) -> None:
    at = moment(f"2026-10-25 02:30{offset}", BERLIN)
    assert at.astimezone(UTC) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
