# SPDX-License-Identifier: MIT
"""A year of a society of 1,000 units with every kind of fault, on each edition: `make year`.

Each final number is held against the truth, and what consumers hold against the store: one that
was there all year over a bad link, one that is given every message, one that comes late.
"""

import os
import time
from pathlib import Path

from cloud_ingest.store.connection import connect
from cloud_ingest.store.migrate import migrate
from tests.support.store import Site
from tests.support.town import Town
from tests.support.year import Year

UNITS = int(os.environ.get("IOT_UTILITY_YEAR_UNITS", "1000"))
DENSE = UNITS // 20
MONTHS = int(os.environ.get("IOT_UTILITY_YEAR_MONTHS", "12"))
PLAIN_BETWEEN = int(os.environ.get("IOT_UTILITY_YEAR_PLAIN", "2"))
SEED = int(os.environ.get("IOT_UTILITY_YEAR_SEED", "2026"))


def test_a_year(edition: str, empty_dsn: str, tmp_path: Path) -> None:
    """Play the year, print what came of it, and hold every number against the truth."""
    with connect(empty_dsn) as conn:
        migrate(conn)
        year = Year(Site(conn, tmp_path), Town(UNITS, DENSE, MONTHS, SEED, PLAIN_BETWEEN))
        began = time.perf_counter()
        year.play()
        took = time.perf_counter() - began
        faults, missing = year.faults(), year.missing()
        faults += year.untrue_copies()
        readings = year.site.one("SELECT count(*) FROM reading")
        print(
            f"\na year, {edition}: {UNITS:,} units, {DENSE} of them in quarters of an hour, "
            f"{MONTHS} months, {readings:,} readings, {took:.0f} s"
            f"\n  {year.summary()}"
            f"\n  {len(missing)} months of units without a number; {len(faults)} faults"
        )
        wrong = [*faults, *missing]
        assert not wrong, "\n".join(wrong[:100])
