# SPDX-License-Identifier: MIT
"""What the flag of a leak says to a person."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.rules.leak import LONG_FLOW, Leak
from cloud_ingest.flags.leaks import leak_message

SINCE = datetime(2026, 10, 16, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("start_known", "ran", "words"),
    [
        (True, timedelta(days=2), "No dry hour since 16 Oct 2026 14:30"),
        (True, LONG_FLOW + HOUR, "No dry hour since 16 Oct 2026 14:30"),
        (False, timedelta(days=2), "No dry hour since at least 16 Oct 2026 14:30"),
        (False, LONG_FLOW, "No dry hour since at least 16 Oct 2026 14:30"),
        (False, LONG_FLOW + HOUR, "No dry hour for more than 40 days"),
    ],
)
def test_a_message_says_only_a_known_start(start_known: bool, ran: timedelta, words: str) -> None:
    leak = Leak(
        since=SINCE,
        found_at=SINCE + timedelta(days=1),
        until=SINCE + ran,
        lowest_hour_litres=Decimal("5.5"),
        hours=24,
        start_known=start_known,
    )
    assert leak_message(leak, ZoneInfo("Asia/Kolkata")) == f"{words}, lowest hour 5.5 L."
