# SPDX-License-Identifier: MIT
"""Whether the causes of a notebook's errors are told on real registers.

Behind IOT_UTILITY_REGISTERS is a file of water registers as `cloud-ingest rules score` takes it;
the DAIAD trial's is not part of this repository. Every month in which six meters have each midnight
is a notebook in kL, again and again with other errors.
"""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from cloud_ingest.core.month import DAY, next_month
from cloud_ingest.replay.registers_file import read_registers
from cloud_ingest.scoring.notebook_errors import Case, Registers, write_notebook
from cloud_ingest.scoring.notebook_score import score

ERRORS = 500
SEED = 7
AROUND = 40 * DAY
FEWEST = 6


def midnights(path: Path) -> dict[str, Registers]:
    """Return the last register of each day as that of the midnight after it."""
    found: dict[str, Registers] = {}
    for rows in read_registers(path).meters:
        at: dict[date, Decimal] = {}
        for second, millilitres in zip(rows.clock_s, rows.register_ml, strict=True):
            day = datetime.fromtimestamp(second, UTC).date()
            at[day + DAY] = Decimal(millilitres // 1000).scaleb(-3)
        found[rows.meter] = at
    return found


def notebooks(meters: dict[str, Registers], seed: int) -> Iterator[list[Case]]:
    """Yield a notebook of each month in turn, for ever."""
    days = sorted({day for at in meters.values() for day in at})
    months: list[tuple[date, dict[str, Registers]]] = []
    first = next_month(days[0] + AROUND)
    while next_month(first) + AROUND < days[-1]:
        span = [first - AROUND + DAY * n for n in range(31 + 2 * AROUND.days)]
        whole = {m: at for m, at in meters.items() if all(day in at for day in span)}
        if len(whole) >= FEWEST:
            months.append((first, whole))
        first = next_month(first)
    for number in count():
        first, whole = months[number % len(months)]
        yield write_notebook(whole, first, next_month(first), seed + number)


def test_causes_on_real_registers() -> None:
    """Print the score."""
    if (path := os.environ.get("IOT_UTILITY_REGISTERS")) is None:
        pytest.skip("needs a file of registers behind IOT_UTILITY_REGISTERS")
    began = datetime.now(UTC)
    found = score(notebooks(midnights(Path(path)), SEED), ERRORS)
    took = datetime.now(UTC) - began
    print(
        f"\nnotebook: {found.errors.total()} errors, {found.right_share:.1%} told, "
        f"{found.alone.total() / found.errors.total():.1%} alone; {found.clean} clean pages, "
        f"{found.clean_share:.2%} without a cause; {took / timedelta(seconds=1):.0f} s"
    )
    assert found.clean_share >= 0.98
