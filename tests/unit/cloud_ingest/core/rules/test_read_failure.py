# SPDX-License-Identifier: MIT
"""The read-failure rule."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud_ingest.core.rules.read_failure import Silence, judged_from, silence

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
HOUR = timedelta(hours=1)


def judged(
    newest: datetime | None, assigned_at: datetime = LONG_AGO, *, legacy: bool = False
) -> Silence | None:
    return silence(newest=newest, assigned_at=assigned_at, legacy=legacy, now=NOW)


@pytest.mark.parametrize("hours", [0, 1, 24])
def test_a_meter_heard_within_a_day_is_well(hours: int) -> None:
    assert judged(NOW - hours * HOUR) is None


def test_a_meter_silent_for_a_day_is_told() -> None:
    heard = NOW - timedelta(hours=24, seconds=1)
    assert judged(heard) == Silence(since=heard, ever_read=True)


def test_a_new_meter_has_a_day_to_speak() -> None:
    assert judged(None, NOW - 23 * HOUR) is None
    assert judged(None, NOW - 25 * HOUR) == Silence(NOW - 25 * HOUR, ever_read=False)


def test_what_it_said_elsewhere_does_not_count() -> None:
    """A meter that moved from another unit is new in this one."""
    assert judged(NOW - 60 * HOUR, NOW - 2 * HOUR) is None
    assert judged(NOW - 60 * HOUR, NOW - 30 * HOUR) == Silence(NOW - 30 * HOUR, ever_read=False)


def test_a_dial_is_never_silent() -> None:
    assert judged(None, legacy=True) is None


def test_a_clock_that_is_ahead_is_no_silence() -> None:
    assert judged(NOW + timedelta(minutes=9)) is None


def test_after_total_silence_gateways_get_a_moment() -> None:
    assert judged_from(started_at=NOW, newest_of_all=NOW - timedelta(minutes=20)) == NOW
    later = NOW + timedelta(minutes=15)
    assert judged_from(started_at=NOW, newest_of_all=NOW - 2 * HOUR) == later
    assert judged_from(started_at=NOW, newest_of_all=None) == later
