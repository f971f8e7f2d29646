# SPDX-License-Identifier: MIT
"""Which blocks of a batch stay when old evidence is shortened: those with a border in them.

A border is the 00:00 of a month, and a moment of a meter: a handover, a replacement, an epoch, a
dial that a person read, an end of a number that was sent. What a meter or a gateway noted, and what
a gateway had to drop, stays too: it is little.

In: blocks, the moments of meters. Out: yes or no. Pure.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cloud_ingest.core.month import DAY, midnight, next_month
from cloud_ingest.core.register import LONGEST_TOLERANCE
from shared_schema.catalogue import BILLED_REGISTER
from shared_schema.errors import MalformedMessage
from shared_schema.readings import VALUE, AnyBlock, Block
from shared_schema.text import composed

REACH_S: Final = int(LONGEST_TOLERANCE.total_seconds())
"""A row that lies so close to a moment stays: farther away no reading of a meter meets a border."""
_BILLED: Final = frozenset(BILLED_REGISTER.values())

MeterKey = tuple[str, str]
"""Maker and serial number as the store writes them."""


class BilledRows(NamedTuple):
    """The times at which a block says what a meter's billed register showed."""

    meter: MeterKey
    times: tuple[int, ...]
    """Seconds since 1970; none: the block says nothing of such a register."""


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments whose neighbourhood stays, in seconds since 1970, ascending."""

    months: Sequence[int]
    own: Mapping[MeterKey, Sequence[int]]

    def near(self, meter: MeterKey, ts: int) -> bool:
        """Say whether a row of a meter lies close to a moment."""
        return _has_near(self.months, ts) or _has_near(self.own.get(meter, ()), ts)


def month_borders(first: int, last: int, zone: ZoneInfo) -> list[int]:
    """Return the borders of months to which rows between two times may be close."""
    day = (datetime.fromtimestamp(first, UTC) - DAY).astimezone(zone).date().replace(day=1)
    found: list[int] = []
    while not found or found[-1] < last + REACH_S:
        found.append(int(midnight(day, zone).timestamp()))
        day = next_month(day)
    return found


def billed_rows(block: AnyBlock | MalformedMessage) -> BilledRows | None:
    """Return when a block says what is billed; None: it has no readings, and stays."""
    if not isinstance(block, Block):
        return None
    places = [
        place
        for place, column in enumerate(block.columns, 2)
        if column.obis in _BILLED and column.attribute == VALUE
    ]
    times = (row[0] for row in block.rows if any(row[place] is not None for place in places))
    meter = composed(block.meter.manufacturer), composed(block.meter.serial)
    return BilledRows(meter, tuple(ts for ts in times if ts is not None))


def stays(rows: BilledRows | None, moments: Moments) -> bool:
    """Say whether a block stays."""
    return rows is None or any(moments.near(rows.meter, ts) for ts in rows.times)


def _has_near(moments: Sequence[int], ts: int) -> bool:
    place = bisect_left(moments, ts - REACH_S)
    return place < len(moments) and moments[place] <= ts + REACH_S
