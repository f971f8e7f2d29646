# SPDX-License-Identifier: MIT
"""A random history gives the same days and months on every edition, and as the oracle has them.

The oracle is a function of the seed alone, so that the two editions, each held against it in its
own run, are held against each other. ``tests/bench/bench_differential.py`` is the same with a
thousand channels and more, both editions in one run.
"""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.store.connection import connect
from tests.support.differential import Passage, differential
from tests.support.history import History

ZONES = ("Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe")
FIRST = date(2028, 1, 20)
"""With 80 days: a leap day, the last Sunday of March in Berlin, the first of April on Lord Howe."""


def history_of(seed: int, zone: str) -> History:
    return History(seed, ZoneInfo(zone), FIRST, 80, 7, batch=(50, 800), refreshes=9)


def hold(dsn: str, history: History) -> Passage:
    print(history)  # shown with a failure: the same seed makes it again
    with connect(dsn) as conn:
        passage = differential(history, {"the store": conn})
    print(passage)
    return passage


@pytest.mark.parametrize("zone", ZONES)
def test_a_random_history_is_rolled_up_as_it_happened(empty_dsn: str, zone: str) -> None:
    passage = hold(empty_dsn, history_of(1, zone))
    assert min(passage.late, passage.claims, passage.elections, passage.turns) > 3
    assert all(passage.measured[kind] for kind in ("proved", "withheld", "across an epoch"))
    assert passage.measured["equal to their rollups"] > passage.measured["proved"] / 2


def test_a_history_that_ends_today_is_rolled_up(empty_dsn: str) -> None:
    seed = datetime.now(UTC).date().toordinal()
    hold(empty_dsn, history_of(seed, ZONES[seed % len(ZONES)]))
