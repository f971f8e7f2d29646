# SPDX-License-Identifier: MIT
"""What a meter says of its own reading is kept with it, whatever way and order it comes in."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from cloud_ingest.entries.reading_list import listed_readings
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.store.readings_write import NewReading, store_readings
from shared_schema.quality import Origin
from tests.support.store import SOCIETY, Site, every, local, unit_line

SERIAL = "S-1"
BEGIN = 12_345_000
ROWS = every(local("2026-01-10 00:00"), local("2026-01-12 00:00"), BEGIN, 10)
AT, RAW = ROWS[100]
NOW = datetime(2026, 1, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def metered(site: Site) -> Site:
    site.units(unit_line("A-1", SERIAL, since="2025-12-01") + ",,,,0 2,1")
    return site


def verdicts(site: Site) -> list[tuple[object, ...]]:
    return site.all("SELECT ts, raw, rule FROM verdict ORDER BY ts")


def test_a_doubted_row_is_kept_with_its_rule(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS, statuses={AT: 4})
    refresh(metered.conn, NOW)
    assert verdicts(metered) == [(AT, RAW, "status")]
    assert metered.one("SELECT count(*) FROM claim WHERE ts = %s", AT) == 1


def test_the_bits_are_kept_with_the_verdict(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS, statuses={AT: 2})
    refresh(metered.conn, NOW)
    kept = metered.one("SELECT parameters FROM verdict")
    assert (kept["invalid_bits"], kept["clock_bits"]) == ("0 2", "1")


def test_a_doubted_row_is_listed_with_its_reason(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS, statuses={AT: 4})
    refresh(metered.conn, NOW)
    (listed,) = listed_readings(metered.conn, SOCIETY, None)
    assert (listed.state, listed.rule, listed.is_elected) == ("unsound", "status", False)


def test_rows_that_are_taken_though_doubted_are_listed_once_a_day(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS, statuses={at: 2 for at, _ in ROWS})
    refresh(metered.conn, NOW)
    listed = listed_readings(metered.conn, SOCIETY, None)
    assert [(each.state, each.rule) for each in listed] == [("doubted", "clock")] * 3


def test_a_row_is_set_aside_once_sound_ones_follow(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS[:101], statuses={AT: 4})
    refresh(metered.conn, NOW)
    assert metered.one("SELECT count(*) FROM reading WHERE ts = %s", AT) == 1
    metered.deliver(SERIAL, ROWS[110:])
    refresh(metered.conn, NOW)
    assert metered.one("SELECT count(*) FROM reading WHERE ts = %s", AT) == 0
    assert verdicts(metered) == [(AT, RAW, "status")]


@pytest.mark.parametrize("order", list(permutations((0, 2, 4))))
def test_bits_of_the_same_claim_add_up(metered: Site, order: tuple[int, ...]) -> None:
    for status in order:
        metered.deliver(SERIAL, ROWS, statuses={AT: status})
    refresh(metered.conn, NOW)
    assert verdicts(metered) == [(AT, RAW, "status")]
    assert metered.one("SELECT status FROM claim WHERE ts = %s", AT) == 6


def test_bits_that_come_after_the_judgement_count(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS)
    refresh(metered.conn, NOW)
    metered.deliver(SERIAL, [(AT, RAW)], statuses={AT: 4})
    refresh(metered.conn, NOW)
    assert verdicts(metered) == [(AT, RAW, "status")]


def test_the_same_rows_again_change_nothing(metered: Site) -> None:
    for _ in range(2):
        metered.deliver(SERIAL, ROWS, statuses={AT: 4})
        refresh(metered.conn, NOW)
    assert verdicts(metered) == [(AT, RAW, "status")]
    assert metered.one("SELECT count(*) FROM election") == 1


def test_a_replay_is_judged_by_its_status(metered: Site) -> None:
    metered.deliver(SERIAL, [row for row in ROWS if row[0] != AT])
    refresh(metered.conn, NOW)
    channel = metered.one("SELECT channel_id FROM channel")
    said = NewReading(channel, int(AT.timestamp()), RAW, 1, Origin.METER)
    store_readings(metered.conn, [said], source="replay", at=NOW)
    refresh(metered.conn, NOW)
    assert verdicts(metered) == [(AT, RAW, "status")]


def test_an_edit_is_never_doubted(metered: Site) -> None:
    metered.deliver(SERIAL, ROWS, statuses={AT: 4})
    channel = metered.one("SELECT channel_id FROM channel")
    said = NewReading(channel, int(AT.timestamp()), RAW + 5, None, Origin.EDIT)
    store_readings(metered.conn, [said], source="edit", at=NOW)
    refresh(metered.conn, NOW)
    assert metered.one("SELECT raw FROM reading WHERE ts = %s", AT) == RAW + 5
