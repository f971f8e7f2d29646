# SPDX-License-Identifier: MIT
"""What was stored before there was a validation is judged in the background, the oldest first."""

from datetime import datetime, timedelta

import pytest

from cloud_ingest.core.month import DAY
from cloud_ingest.rollup.refresh import refresh
from cloud_ingest.validation.past import judge_past
from tests.support.store import QUARTER, Site, every, local, unit_line

FIRST, LAST = local("2025-01-01 00:00"), local("2025-05-01 00:00")
NOW = local("2026-03-02 00:00")
LIES = (local("2025-01-10 12:00"), local("2025-04-10 12:00"))


@pytest.fixture
def former(site: Site) -> Site:
    """A store with two lies a meter that nobody has judged."""
    site.units(*(unit_line(f"A-{n}", f"S-{n}", since="2024-12-01") for n in (1, 2)))
    rows = [(ts, 0 if ts in LIES else raw) for ts, raw in every(FIRST, LAST, 12_345_000, 10)]
    for at in range(0, len(rows), 700):
        for serial in ("S-1", "S-2"):
            site.deliver(serial, rows[at : at + 700])
    site.conn.execute("DELETE FROM unjudged")
    refresh(site.conn, NOW)
    assert aside(site) == []
    site.conn.execute(
        "INSERT INTO past_search (channel_id, until) SELECT channel_id, %s FROM channel", (LAST,)
    )
    return site


def aside(site: Site) -> list[datetime]:
    return [ts for (ts,) in site.all("SELECT ts FROM verdict ORDER BY ts")]


def test_every_lie_of_the_past_is_found(former: Site) -> None:
    while judge_past(former.conn, NOW):
        pass
    assert aside(former) == [LIES[0], LIES[0], LIES[1], LIES[1]]
    assert former.all("SELECT * FROM past_search") == []
    refresh(former.conn, NOW)
    least = "SELECT min(min_raw) FROM reading_day"
    assert former.one(least) == 12_345_000


def test_the_oldest_is_looked_at_first_and_a_stop_loses_nothing(former: Site) -> None:
    judge_past(former.conn, NOW)  # where each of them begins
    assert former.all("SELECT DISTINCT next_at FROM past_search") == [(FIRST,)]
    judge_past(former.conn, NOW)
    assert aside(former) == [LIES[0], LIES[0]]
    (next_at,) = former.all("SELECT DISTINCT next_at FROM past_search")[0]
    assert next_at - (FIRST + 31 * DAY) < QUARTER


def test_a_register_without_a_past_is_done_at_once(site: Site) -> None:
    site.units(unit_line("A-1", "S-1", since="2025-12-01"))
    site.deliver("S-1", every(NOW - timedelta(days=2), NOW - DAY, 0, 10))
    site.conn.execute(
        "INSERT INTO past_search (channel_id, until) SELECT channel_id, %s FROM channel",
        (NOW - 62 * DAY,),
    )
    assert judge_past(site.conn, NOW) == 1
    assert judge_past(site.conn, NOW) == 0
