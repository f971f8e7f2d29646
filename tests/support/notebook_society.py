# SPDX-License-Identifier: MIT
"""Flats whose registers are known day by day: what notebooks are written for."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from random import Random

from cloud_ingest.scoring.notebook_errors import Case, write_notebook
from tests.support.electric_flats import a_flat, uses_of

UNITS = 60
BEGINS = date(2026, 8, 1)
FIRST, LAST = date(2026, 10, 1), date(2026, 11, 1)


def society(seed: int) -> dict[str, dict[date, Decimal]]:
    """Return the registers of some flats at the midnights of 150 days."""
    chance = Random(seed)
    found: dict[str, dict[date, Decimal]] = {}
    for number in range(UNITS):
        flat = a_flat(chance)
        total = Decimal(chance.randrange(500, 60_000))
        registers: dict[date, Decimal] = {}
        for day, use in enumerate(uses_of(flat, chance, 150)):
            registers[BEGINS + timedelta(days=day)] = total
            total += Decimal(str(round(use, 2)))
        found[f"A-{number:03}"] = registers
    return found


def notebooks(seed: int) -> Iterator[list[Case]]:
    """Yield a month's notebook of one society after another."""
    for number in count(seed):
        yield write_notebook(society(number), FIRST, LAST, number)
