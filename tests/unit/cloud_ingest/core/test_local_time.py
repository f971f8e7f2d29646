# SPDX-License-Identifier: MIT
"""A time as people read it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.core.local_time import local_time


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Asia/Kolkata", "Tuesday 17 Nov 2026 02:15 IST"),
        ("America/Sao_Paulo", "Monday 16 Nov 2026 17:45 UTC-03"),
        ("UTC", "Monday 16 Nov 2026 20:45 UTC"),
    ],
)
def test_a_time_names_its_zone(zone: str, words: str) -> None:
    assert local_time(datetime(2026, 11, 16, 20, 45, tzinfo=UTC), ZoneInfo(zone)) == words
