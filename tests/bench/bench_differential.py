# SPDX-License-Identifier: MIT
"""A thousand channels over 120 days: both editions and the oracle give the same numbers.

TimescaleDB Community is compared in the same run where IOT_UTILITY_TEST_DSN names a server;
without it plain PostgreSQL is held against the oracle alone, and the output says so.
"""

import os
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud_ingest.store.connection import connect, edition
from tests.support.differential import differential
from tests.support.history import History
from tests.support.store import TEST_DSN, database_at

FIRST = date(2028, 1, 20)
SUBJECTS = {"Europe/Berlin": 900, "Australia/Lord_Howe": 150, "Asia/Kolkata": 150}


@pytest.mark.parametrize("zone", SUBJECTS)
def test_editions_and_oracle_agree(database: str, zone: str) -> None:
    began = time.perf_counter()
    seed = datetime.now(UTC).date().toordinal()
    history = History(
        seed, ZoneInfo(zone), FIRST, 120, SUBJECTS[zone], batch=(2000, 20_000), refreshes=12
    )
    print(f"\n{history}", flush=True)
    server = os.environ.get(TEST_DSN)
    with ExitStack() as stack:
        stores = {"plain": stack.enter_context(connect(database))}
        if server:
            stores["timescale"] = stack.enter_context(
                connect(stack.enter_context(database_at(server)))
            )
        passage = differential(history, stores)
        assert [edition(conn) for conn in stores.values()] == list(stores)
    beside = "" if server else f" (no TimescaleDB: {TEST_DSN} is not set)"
    took = time.perf_counter() - began
    print(f"  {' = '.join(stores)} = oracle{beside}, {took:.0f} s\n  {passage}")
    assert passage.late > len(history.lives)
